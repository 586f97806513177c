"""One training: what it is told resolved once, its trainer built and run, its folder written."""

from __future__ import annotations

import argparse
import json
import os
import shutil
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from gen2embed.errors import InputError, Stopped
from gen2embed.files import (
    digest_facts,
    digest_file,
    digest_folder,
    digest_small_files,
    package_versions,
    run_record,
    write_json,
    write_text,
)
from gen2embed.judged import read_judged
from gen2embed.mining.revealed import check_dose
from gen2embed.models.pixel_limits import PixelLimits, limits_of_job
from gen2embed.models.sums import CARD, SUMS, sums_of
from gen2embed.outputs import whole_folder
from gen2embed.program_code import digest_of_program
from gen2embed.prompts.input_form import InputForm, form_facts, form_of
from gen2embed.prompts.items import digest_of_images
from gen2embed.prompts.registry import Prompt, get_prompt
from gen2embed.prompts.resolutions import Resolution, get_resolution
from gen2embed.settings import keys_of
from gen2embed.state_lock import only_one
from gen2embed.training import processes
from gen2embed.training.batches import PairCluster, batches_of, draw_batches
from gen2embed.training.inputs import TrainingInputs
from gen2embed.training.options import LossOptions, told
from gen2embed.training.validation import History, hold_out

if TYPE_CHECKING:
    from gen2embed.models.backbones.base import Backbone
    from gen2embed.models.token_counts import Counted
    from gen2embed.prompts.items import Items
    from gen2embed.training.trainer import ContrastiveTrainer

ADAPTERS = "adapters"  # of named steps, among the states until the training is done
OF_THE_STUDY = ("runs", "seeds", "checkpoints", "processes", "nodes")  # no flags of one training
SETTINGS = (  # flags, and, but for those that cannot change the result, on the card
    *("mode", "fraction"),
    *(key for key in keys_of("train") if key not in (*OF_THE_STUDY, "min_pixels", "max_pixels")),
)
IRRELEVANT = ("save_every", "report_to", "loader_workers", "loader_seconds")  # to the result
NOT_ON_THE_CARD = (*IRRELEVANT, "allow_other_prompt")


@dataclass(frozen=True)
class Training:
    """flags: those of train_adapter.py; what they name is looked up here, and nowhere again."""

    flags: argparse.Namespace
    prompt: Prompt
    resolution: Resolution
    form: InputForm
    limits: PixelLimits

    @classmethod
    def of(cls, flags: argparse.Namespace) -> Training:
        """Everything that can be checked without files and model. Raises InputError."""
        _check(flags)
        return cls(
            flags,
            get_prompt(flags.prompt, flags.prompt_file),
            get_resolution(flags.resolution),
            form_of(flags),
            limits_of_job(flags),
        )

    @cached_property
    def model_digest(self) -> str | None:
        return digest_folder(self.flags.model)

    @cached_property
    def versions(self) -> dict[str, str]:
        return package_versions("torch", "transformers", "peft")

    def digest(self, inputs: TrainingInputs) -> str:
        """Of everything that determines the result: flags, files, images, code, versions."""
        flags = self.flags
        facts: dict[str, object] = {"processes": processes.count()}
        irrelevant = ("out", "partial", "counted", *IRRELEVANT)
        facts |= {key: value for key, value in vars(flags).items() if key not in irrelevant}
        if flags.validation_share:
            facts["measured_every"] = flags.save_every
        files = [*flags.pairs, *flags.clusters, flags.query_items, flags.target_items]
        files += [flags.scores] if flags.scores else []
        files += [*(flags.equivalences or []), *(flags.corpora or [])]
        facts["files"] = [digest_file(path) for path in files]
        facts["model_digest"] = self.model_digest
        facts["small_files"] = digest_small_files(flags.model)
        facts["images"] = [
            digest_of_images(flags.image_root, items)
            for items in (inputs.query_items, inputs.target_items)
        ]
        facts["code"] = digest_of_program("train_adapter.py")
        facts["prompt_text"] = repr(self.prompt)
        facts["versions"] = self.versions
        return digest_facts(facts)


def _check(flags: argparse.Namespace) -> None:
    """What one flag asks of another."""
    if not 0 <= flags.seed < 2**32:
        raise InputError(f"--seed is {flags.seed}; give a whole number from 0 to {2**32 - 1}")
    if flags.report_to != "none" and find_spec(flags.report_to) is None:
        raise InputError(
            f"--report-to {flags.report_to}: is not installed; pip install it, or none"
        )
    if len(flags.pairs) != len(flags.clusters):
        raise InputError(
            f"--pairs names {len(flags.pairs)} files, --clusters {len(flags.clusters)}; "
            "give one cluster file per pairs file, in the same order"
        )
    check_dose(flags.equivalences, flags.hidden, flags.hidden_seed)
    for name in ("equivalences", "corpora"):
        files = getattr(flags, name)
        if files and len(files) != len(flags.pairs):
            raise InputError(
                f"--pairs names {len(flags.pairs)} files, --{name} {len(files)}; give one per "
                "pairs file, in the same order"
            )
    if flags.hidden < 1 and not flags.mask_duplicates:
        raise InputError(
            f"--hidden {flags.hidden:g}: what is revealed is masked in the loss; say "
            "--mask-duplicates"
        )
    if bool(flags.scores) != bool(flags.soft_labels):
        raise InputError("--soft-labels and --scores belong together; give both, or neither")
    LossOptions.of(flags).check(flags.mask_duplicates)
    for name in ("save_adapters_at", "average"):
        late = [step for step in getattr(flags, name) if not 0 < step < flags.steps]
        if late:
            flag = name.replace("_", "-")
            raise InputError(f"--{flag} {late[0]}: give steps from 1 to {flags.steps - 1}")
    if flags.validation_share and (flags.save_adapters_at or flags.average):
        raise InputError(
            "--validation-share: the training may end before any step; leave out "
            "--save-adapters-at and --average"
        )
    if flags.warm_up >= flags.steps > 1:
        raise InputError(
            f"--warm-up is {flags.warm_up}; give fewer steps than --steps ({flags.steps})"
        )


def _check_dims(options: LossOptions, width: int) -> None:
    """Prefixes of the vectors must be shorter than these."""
    long = [dim for dim in options.matryoshka if dim >= width]
    if long:
        raise InputError(f"--matryoshka {long[0]}: vectors have {width} numbers; give fewer")


def plan_side(job: Training, backbone: Backbone, side: str, items: Items, states: Path) -> Counted:
    """The planned items of one side; counted once for all processes and runs that share them."""
    from gen2embed.models.token_counts import Recipe, counted, counts_file

    flags = job.flags
    recipe = Recipe(
        backbone,
        items,
        job.prompt,
        job.resolution,
        Path(flags.image_root),
        flags.max_tokens,
        getattr(flags, f"{side}_items"),
    )
    folder = Path(flags.counted) if flags.counted else states / "counted"
    counts = counts_file(folder, recipe, flags.model, flags.revision)
    return counted(recipe, counts, f"count {side} items")


def build_trainer(
    job: Training,
    inputs: TrainingInputs,
    batches: list[list[PairCluster]],
    states: Path,
    held_out: list[list[PairCluster]] | None = None,
) -> ContrastiveTrainer:
    """The backbone with a fresh adapter, its data and settings; states go to ``states``.

    held_out: batches that it is validated on.
    """
    import torch
    from transformers import PrinterCallback, set_seed

    from gen2embed.models.backbones import load_backbone
    from gen2embed.models.device import resolve_device
    from gen2embed.training.adapter import AdapterShape, add_adapter
    from gen2embed.training.callbacks import Keep, SaveAdapters, SealStates, ShowProgress
    from gen2embed.training.pairs import PairCollator, Shares
    from gen2embed.training.positives import annotated
    from gen2embed.training.temperature import LearnedTemperature
    from gen2embed.training.trainer import ContrastiveTrainer, training_arguments

    flags = job.flags
    device = resolve_device(flags.device)
    if device == "cuda":
        torch.cuda.set_device(processes.local_rank())
    backbone = load_backbone(
        flags.model, flags.revision, flags.dtype, device, form=job.form, limits=job.limits
    )
    queries, targets = (
        plan_side(job, backbone, side, items, states)
        for side, items in (("query", inputs.query_items), ("target", inputs.target_items))
    )
    set_seed(flags.seed)
    shape = AdapterShape(flags.rank, flags.alpha, flags.dropout, flags.dora, flags.modules)
    model = add_adapter(backbone, shape)
    options = LossOptions.of(flags)
    _check_dims(options, model.config.get_text_config().hidden_size)
    learned = LearnedTemperature(model, flags.temperature) if flags.learn_temperature else None
    out = Path(flags.out)
    os.environ["TENSORBOARD_LOGGING_DIR"] = str(out.parent / f"{out.name}.tensorboard")
    judged = None
    if flags.scores:
        judged = read_judged(flags.scores, len(inputs.query_items), len(inputs.target_items))
    positives = None
    if flags.mask_duplicates:
        positives = annotated(inputs.query_id, inputs.target_id, inputs.revealed)
    trainer = ContrastiveTrainer(
        backbone=backbone,
        temperature=flags.temperature,
        symmetric=flags.symmetric,
        caching=flags.caching,
        loader_seconds=flags.loader_seconds,
        options=options,
        learned=learned,
        soft_labels=flags.soft_labels,
        model=model,
        args=training_arguments(
            states,
            steps=flags.steps,
            rate=flags.rate,
            warm_up=flags.warm_up,
            max_grad_norm=flags.max_grad_norm,
            seed=flags.seed,
            bf16=flags.dtype == "bf16",
            on_cpu=device == "cpu",
            save_every=flags.save_every if flags.partial else None,
            activation_checkpointing=flags.activation_checkpointing,
            loader_workers=flags.loader_workers,
            report_to=flags.report_to,
            run_name=f"{out.parent.name} {out.name}",
        ),
        train_dataset=Shares(batches, processes.count()),
        data_collator=PairCollator(
            backbone=backbone,
            query_id=inputs.query_id,
            target_id=inputs.target_id,
            queries=queries,
            targets=targets,
            resolution=job.resolution,
            processes=processes.count(),
            mode=flags.mode,
            positives=positives,
            chunk=flags.chunk,
            token_budget=flags.token_budget,
            tells_clusters=options.mask_margin is not None,
            judged=judged,
        ),
        callbacks=[
            SaveAdapters([*flags.save_adapters_at, *flags.average], states / ADAPTERS),
            ShowProgress(f"train {out.parent.name} {out.name}"),
            *([] if learned is None else [Keep(learned)]),
        ],
    )
    if held_out:
        validate(trainer, held_out, flags, states)
    trainer.add_callback(SealStates(trainer.accelerator))
    trainer.remove_callback(PrinterCallback)  # a line per step; ours is a bar
    if processes.rank():
        torch.manual_seed(flags.seed + processes.rank())  # dropout differs between processes
    return trainer


def validate(
    trainer: ContrastiveTrainer,
    held_out: list[list[PairCluster]],
    flags: argparse.Namespace,
    states: Path,
) -> None:
    """Have the trainer measure batches of held-out clusters wherever it saves a state."""
    from gen2embed.training.callbacks import Keep, Validate

    batches = [trainer.data_collator([(batch, processes.rank())])["batch"] for batch in held_out]
    trainer.history = History(flags.patience)
    measured = Validate(
        lambda: trainer.loss_of(batches), flags.save_every, trainer.history, states / ADAPTERS
    )
    trainer.add_callback(measured)
    trainer.add_callback(Keep(trainer.history))


def run_trainer(trainer: ContrastiveTrainer, states: Path, saves: bool) -> str | None:
    """Train from the newest state, if there is one, to the end; that state's name.

    Raises Stopped after SIGTERM.
    """
    from gen2embed.models.shortcuts.transport import loader_faults
    from gen2embed.training.callbacks import StopOnTerm
    from gen2embed.training.checkpoints import last_whole_state

    stop = StopOnTerm(trainer.accelerator, saves)
    trainer.add_callback(stop)
    with trainer.accelerator.main_process_first():
        last = last_whole_state(states, processes.count())
    for kept in (trainer.learned, trainer.history):
        if last and kept is not None:
            kept.load(last)
    with stop.listening(), loader_faults(trainer.loader_seconds):
        trainer.train(resume_from_checkpoint=last)
    trainer.accelerator.wait_for_everyone()
    if stop.stopped:
        kept = "its state is saved: run it again to go on" if saves else "nothing is kept"
        raise Stopped(
            f"ended by SIGTERM after step {trainer.state.global_step} of {trainer.state.max_steps}"
            f"; {kept}{'' if saves else ' without --partial'}"
        )
    return Path(last).name if last else None


def dose_of(flags: argparse.Namespace, inputs: TrainingInputs) -> dict[str, dict[str, float]]:
    """For the card: what is hidden of the known equivalences, and how many are revealed."""
    dose = {"hidden": flags.hidden, "hidden_seed": flags.hidden_seed}
    return {"equivalences": {**dose, "revealed": len(inputs.revealed[0])}}


def validation_of(history: History) -> dict[str, object]:
    """For the card: the held-out clusters' loss by step, and the step that was kept."""
    losses = {str(step): round(loss, 6) for step, loss in sorted(history.losses.items())}
    return {"validation": {"kept_step": history.best, "losses": losses}}


def write_adapter(
    job: Training, inputs: TrainingInputs, trainer: ContrastiveTrainer, effort: dict[str, int]
) -> None:
    """Adapter, adapters of named steps, logs and card, from a trainer that is done."""
    from gen2embed.training.averaging import WEIGHTS, average_into
    from gen2embed.training.callbacks import save_adapter
    from gen2embed.training.card import render_card
    from gen2embed.training.log import of_run, of_training

    flags = job.flags
    history = trainer.state.log_history
    lines = of_training(history)
    on_card = told({name: getattr(flags, name) for name in SETTINGS if name not in NOT_ON_THE_CARD})
    card = {
        "model": flags.model,
        "model_digest": job.model_digest,
        "revision": flags.revision,
        "prompt": flags.prompt,
        "input": form_facts(job.form),
        "pixel_limits": trainer.backbone.pixel_limits(),
        "clusters": inputs.mined,
        "settings": on_card | {"seed": flags.seed, "processes": processes.count()},
        "trained_parameters": sum(
            weights.numel() for weights in trainer.model.parameters() if weights.requires_grad
        ),
        **({} if inputs.revealed is None else dose_of(flags, inputs)),
        **({} if trainer.history is None else validation_of(trainer.history)),
        **effort,
        "first_loss": lines[0]["loss"],
        "last_loss": lines[-1]["loss"],
        "versions": job.versions,
    }
    with whole_folder(flags.out, "train_adapter") as out:
        save_adapter(trainer.model, out)
        kept = Path(trainer.args.output_dir) / ADAPTERS
        if trainer.history is not None:
            shutil.copyfile(kept / f"step-{trainer.history.best}" / WEIGHTS, out / WEIGHTS)
        if flags.average:
            average_into(out, [kept / f"step-{step}" for step in flags.average])
        for step in flags.save_adapters_at:
            name = f"step-{step}"
            shutil.copytree(kept / name, out / "checkpoints" / name)
        logs = {"training_log.jsonl": lines, "training_log.run.jsonl": of_run(history)}
        for name, its_lines in logs.items():
            write_text(out / name, "".join(json.dumps(line) + "\n" for line in its_lines))
        trainer.backbone.save_processor(out)
        write_json(out / CARD, card | {SUMS: sums_of(out)})
        write_text(out / "README.md", render_card(card))


def train(job: Training, inputs: TrainingInputs) -> None:
    """Train to the end and write the adapter's folder; Raises Stopped after SIGTERM."""
    import torch

    from gen2embed.models.shortcuts.transport import prepare_sharing
    from gen2embed.training.cost import count_effort

    flags = job.flags
    prepare_sharing()
    if flags.threads:
        torch.set_num_threads(flags.threads)
        os.environ["OMP_NUM_THREADS"] = str(flags.threads)  # unset, accelerate takes all cores
    torch.use_deterministic_algorithms(True, warn_only=flags.device != "cpu")
    out = Path(flags.out)
    clusters, held_out = inputs.clusters, None
    if flags.validation_share:
        clusters, held = hold_out(clusters, inputs.query_id, flags.validation_share, flags.seed)
        held_out = batches_of(held, flags.pairs_per_batch, flags.clusters_per_batch)
    batches = draw_batches(
        clusters, flags.pairs_per_batch, flags.steps, flags.seed, flags.clusters_per_batch
    )
    states = (Path(flags.partial) if flags.partial else out.parent) / job.digest(inputs)
    writes = processes.rank() == 0
    keeps = bool(flags.partial)
    record = run_record(out.parent / f"{out.name}.run.json") if writes else nullcontext({})
    try:
        with only_one(states) if writes and keeps else nullcontext(), record as facts:
            trainer = build_trainer(job, inputs, batches, states, held_out)
            facts["resumed_from"] = run_trainer(trainer, states, keeps)
            effort = count_effort(
                batches[: trainer.state.global_step],
                inputs.query_id,
                inputs.target_id,
                flags.mode,
                processes.count(),
                flags.caching,
            )
            if writes:
                write_adapter(job, inputs, trainer, effort)
                shutil.rmtree(states, ignore_errors=True)
    finally:
        if writes and not keeps:
            shutil.rmtree(states, ignore_errors=True)
