"""Fine-tune a model on mined clusters: a LoRA adapter, its checkpoints, log and card."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from gen2embed.command_line import run_program
from gen2embed.errors import InputError, Stopped
from gen2embed.files import (
    digest_facts,
    digest_file,
    digest_folder,
    package_versions,
    run_record,
    write_json,
    write_text,
)
from gen2embed.models import pixel_limits
from gen2embed.models.pixel_limits import limits_of_job
from gen2embed.outputs import add_output, whole_folder
from gen2embed.prompts import input_form
from gen2embed.prompts.input_form import form_of, told
from gen2embed.prompts.registry import get_prompt
from gen2embed.prompts.resolutions import get_resolution
from gen2embed.training import processes
from gen2embed.training.batches import CLUSTERS, MODES, Cluster, form_batches
from gen2embed.training.inputs import Inputs, read_inputs

if TYPE_CHECKING:
    from gen2embed.models.backbones.base import Backbone
    from gen2embed.models.counted import Counted
    from gen2embed.prompts.items import Items
    from gen2embed.training.trainer import ContrastiveTrainer

ADAPTERS = "adapters"  # of named steps, among the states until the training is done
REPORTERS = ("none", "tensorboard", "trackio")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="train_adapter", description=__doc__)
    add = parser.add_argument
    add("--model", required=True, help="model folder or hub id")
    add("--revision", help="revision of a hub model (a commit)")
    add("--prompt", required=True, help="name in the prompt registry")
    add("--prompt-file", help="YAML file with further prompts")
    add("--pairs", required=True, nargs="+", help="pairs parquet of each subset")
    add("--clusters", required=True, nargs="+", help="cluster files, in the same order")
    add("--query-items", required=True, help="items parquet of the query side")
    add("--target-items", required=True, help="items parquet of the target side")
    add("--image-root", required=True, help="folder that the items' image paths start from")
    input_form.add_flags(parser)
    pixel_limits.add_flags(parser)
    add("--resolution", required=True, help="name in the resolution registry")
    add("--max-tokens", type=int, required=True, help="longest prompt in tokens, image included")
    add("--mode", default=CLUSTERS, choices=MODES, help="classic: anchors ask, the rest is targets")
    add("--fraction", type=float, default=1.0, help="of each subset's pairs, in whole clusters")
    add("--row-cap", type=int, default=0, help="most pairs of a subset (paper: 50000; 0: all)")
    add(
        "--allow-other-prompt",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="train on clusters that were mined under another prompt",
    )
    add("--seed", type=int, required=True, help="decides initial weights, batches and dropout")
    add("--steps", type=int, required=True, help="optimiser steps (paper: 1500)")
    add("--save-adapters-at", type=int, nargs="*", default=[], help="steps to keep adapters of")
    add("--pairs-per-batch", type=int, required=True, help="at most (paper: 2048)")
    add("--clusters-per-batch", type=int, default=0, help="at most (0: any; authors' program: 128)")
    add("--chunk", type=int, required=True, help="items per forward pass, at most (paper: 4)")
    add("--token-budget", type=int, default=0, help="padded tokens per forward pass (0: any)")
    add("--caching", action=argparse.BooleanOptionalAction, default=True, help="gradient caching")
    add(
        "--activation-checkpointing",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="inside a forward pass, layer by layer: less memory, one more forward",
    )
    add("--temperature", type=float, required=True, help="of InfoNCE (paper: 0.02)")
    add(
        "--symmetric",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="target to query as well (paper: query to target)",
    )
    add(
        "--mask-duplicates",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="other annotated positives of a query are no negatives of it",
    )
    add("--rate", type=float, required=True, help="peak learning rate (paper: 5e-5), linear decay")
    add("--warm-up", type=int, required=True, help="steps of linear warm-up (paper: 100)")
    add("--max-grad-norm", type=float, default=1.0, help="gradients are clipped to this norm")
    add("--rank", type=int, required=True, help="of LoRA (paper: 8)")
    add("--alpha", type=int, required=True, help="of LoRA (paper: 64)")
    add("--dropout", type=float, required=True, help="of the adapter's input (paper: 0.1)")
    add("--dora", action=argparse.BooleanOptionalAction, default=True, help="DoRA (paper: on)")
    add("--modules", default="", help="regular expression of full names (paper: q, k, v, o, down)")
    add("--dtype", default="fp32", choices=("fp32", "bf16"), help="precision of frozen weights")
    add("--device", default="auto", help="auto, cpu, cuda, ...")
    add("--threads", type=int, help="CPU threads (they decide the last bits of sums)")
    add("--loader-workers", type=int, default=0, help="processes that prepare batches ahead")
    add("--loader-seconds", type=float, default=600, help="for a batch of these processes")
    add("--report-to", default="none", choices=REPORTERS, help="live curves, on this machine alone")
    add("--save-every", type=int, default=20, help="steps between states to resume from")
    add("--partial", help="folder for states to resume from; none: an interrupted run starts anew")
    add("--counted", help="folder of token counts that runs share; none: counted for this run")
    add_output(parser, "--out", whole=True, help="PEFT folder")
    return parser


def check_flags(job: argparse.Namespace) -> None:
    get_prompt(job.prompt, job.prompt_file)
    get_resolution(job.resolution)
    form_of(job)
    limits_of_job(job)
    if not job.loader_seconds > 0:
        raise InputError(f"--loader-seconds is {job.loader_seconds}; give more than 0")
    least = {flag: 1 for flag in ("steps", "pairs_per_batch", "chunk", "rank", "save_every")}
    least |= {flag: 0 for flag in ("token_budget", "row_cap", "loader_workers", "warm_up", "seed")}
    least["clusters_per_batch"] = 0
    for flag, at_least in least.items():
        if getattr(job, flag) < at_least:
            name = flag.replace("_", "-")
            raise InputError(f"--{name} is {getattr(job, flag)}; give at least {at_least}")
    if not 0 < job.fraction <= 1:
        raise InputError(f"--fraction is {job.fraction}; give a share above 0, at most 1")
    if job.report_to != "none" and find_spec(job.report_to) is None:
        raise InputError(f"--report-to {job.report_to}: is not installed; pip install it, or none")
    if len(job.pairs) != len(job.clusters):
        raise InputError(
            f"--pairs names {len(job.pairs)} files, --clusters {len(job.clusters)}; "
            "give one cluster file per pairs file, in the same order"
        )
    late = [step for step in job.save_adapters_at if not 0 < step < job.steps]
    if late:
        raise InputError(f"--save-adapters-at {late[0]}: give steps from 1 to {job.steps - 1}")


def digest_of(job: argparse.Namespace) -> str:
    """Of everything that determines the result: flags, the files they name, library versions."""
    irrelevant = ("out", "partial", "counted", "save_every", "report_to")
    irrelevant += ("loader_workers", "loader_seconds")
    facts: dict[str, object] = {"processes": processes.count()}
    facts |= {key: value for key, value in vars(job).items() if key not in irrelevant}
    files = [*job.pairs, *job.clusters, job.query_items, job.target_items]
    facts["files"] = [digest_file(path) for path in files]
    facts["model_digest"] = digest_folder(job.model)
    facts["prompt_text"] = repr(get_prompt(job.prompt, job.prompt_file))
    facts["versions"] = package_versions("torch", "transformers", "peft")
    return digest_facts(facts)


SETTINGS = (
    "mode", "fraction", "row_cap", "seed", "steps", "pairs_per_batch", "chunk", "token_budget",
    "caching", "activation_checkpointing", "temperature", "symmetric", "mask_duplicates", "rate",
    "clusters_per_batch", "warm_up", "max_grad_norm", "rank", "alpha", "dropout", "dora",
    "modules", "dtype", "resolution", "max_tokens", "threads",
)  # fmt: skip


def plan_side(
    job: argparse.Namespace, backbone: Backbone, side: str, items: Items, states: Path
) -> Counted:
    """The planned items of one side; counted once for all processes and runs that share them."""
    from gen2embed.models.counted import Recipe, counted, counts_file

    path = getattr(job, f"{side}_items")
    recipe = Recipe(
        backbone,
        items,
        get_prompt(job.prompt, job.prompt_file),
        get_resolution(job.resolution),
        Path(job.image_root),
        job.max_tokens,
        path,
    )
    folder = Path(job.counted) if job.counted else states / "counted"
    counts = counts_file(folder, recipe, job.model, job.revision)
    return counted(recipe, counts, f"count {side} items")


def build_trainer(
    job: argparse.Namespace, inputs: Inputs, batches: list[list[Cluster]], states: Path
) -> ContrastiveTrainer:
    """The backbone with a fresh adapter, its data and settings; states go to ``states``."""
    import torch
    from transformers import PrinterCallback, set_seed

    from gen2embed.models.backbones import load_backbone
    from gen2embed.models.device import resolve_device
    from gen2embed.training.adapter import AdapterShape, add_adapter
    from gen2embed.training.callbacks import SaveAdapters, ShowProgress
    from gen2embed.training.pairs import PairCollator, Shares
    from gen2embed.training.positives import annotated
    from gen2embed.training.trainer import ContrastiveTrainer, training_arguments

    device = resolve_device(job.device)
    if device == "cuda":
        torch.cuda.set_device(processes.local_rank())
    backbone = load_backbone(
        job.model, job.revision, job.dtype, device, form=form_of(job), limits=limits_of_job(job)
    )
    resolution = get_resolution(job.resolution)
    queries, targets = (
        plan_side(job, backbone, side, items, states)
        for side, items in (("query", inputs.query_items), ("target", inputs.target_items))
    )
    set_seed(job.seed)
    shape = AdapterShape(job.rank, job.alpha, job.dropout, job.dora, job.modules)
    model = add_adapter(backbone, shape)
    out = Path(job.out)
    os.environ["TENSORBOARD_LOGGING_DIR"] = str(out.parent / f"{out.name}.tensorboard")
    trainer = ContrastiveTrainer(
        backbone=backbone,
        temperature=job.temperature,
        symmetric=job.symmetric,
        caching=job.caching,
        loader_seconds=job.loader_seconds,
        model=model,
        args=training_arguments(
            states,
            steps=job.steps,
            rate=job.rate,
            warm_up=job.warm_up,
            max_grad_norm=job.max_grad_norm,
            seed=job.seed,
            bf16=job.dtype == "bf16",
            on_cpu=device == "cpu",
            save_every=job.save_every if job.partial else None,
            activation_checkpointing=job.activation_checkpointing,
            loader_workers=job.loader_workers,
            report_to=job.report_to,
            run_name=f"{out.parent.name} {out.name}",
        ),
        train_dataset=Shares(batches, processes.count()),
        data_collator=PairCollator(
            backbone=backbone,
            query_id=inputs.query_id,
            target_id=inputs.target_id,
            queries=queries,
            targets=targets,
            resolution=resolution,
            processes=processes.count(),
            mode=job.mode,
            positives=annotated(inputs.query_id, inputs.target_id) if job.mask_duplicates else None,
            chunk=job.chunk,
            token_budget=job.token_budget,
        ),
        callbacks=[
            SaveAdapters(job.save_adapters_at, states / ADAPTERS),
            ShowProgress(f"train {out.parent.name} {out.name}"),
        ],
    )
    trainer.remove_callback(PrinterCallback)  # a line per step; ours is a bar
    if processes.rank():
        torch.manual_seed(job.seed + processes.rank())  # dropout differs between processes
    return trainer


def run_trainer(trainer: ContrastiveTrainer, states: Path, saves: bool) -> str | None:
    """Train from the newest state, if there is one, to the end; that state's name.

    Raises Stopped after SIGTERM.
    """
    from gen2embed.models.shortcuts.transport import told_in_one_line
    from gen2embed.training.callbacks import StopOnTerm
    from gen2embed.training.states import last_whole_state

    stop = StopOnTerm(trainer.accelerator, saves)
    trainer.add_callback(stop)
    with trainer.accelerator.main_process_first():
        last = last_whole_state(states, processes.count())
    with stop.listening(), told_in_one_line(trainer.loader_seconds):
        trainer.train(resume_from_checkpoint=last)
    trainer.accelerator.wait_for_everyone()
    if stop.stopped:
        kept = "its state is saved: run it again to go on" if saves else "nothing is kept"
        raise Stopped(
            f"ended by SIGTERM after step {trainer.state.global_step} of {trainer.state.max_steps}"
            f"; {kept}{'' if saves else ' without --partial'}"
        )
    return Path(last).name if last else None


def write_adapter(
    job: argparse.Namespace, inputs: Inputs, trainer: ContrastiveTrainer, effort: dict[str, int]
) -> None:
    """Adapter, adapters of named steps, logs and card, from a trainer that is done."""
    from gen2embed.training.callbacks import save_adapter
    from gen2embed.training.card import render_card
    from gen2embed.training.log import of_run, of_training

    history = trainer.state.log_history
    lines = of_training(history)
    trained = sum(one.numel() for one in trainer.model.parameters() if one.requires_grad)
    card = {
        "model": job.model,
        "model_digest": digest_folder(job.model),
        "revision": job.revision,
        "prompt": job.prompt,
        "input": told(form_of(job)),
        "pixel_limits": trainer.backbone.pixel_limits(),
        "clusters": inputs.mined,
        "settings": {name: getattr(job, name) for name in SETTINGS}
        | {"processes": processes.count()},
        "trained_parameters": trained,
        **effort,
        "first_loss": lines[0]["loss"],
        "last_loss": lines[-1]["loss"],
        "versions": package_versions("torch", "transformers", "peft"),
    }
    with whole_folder(job.out, "train_adapter") as out:
        save_adapter(trainer.model, out)
        for step in job.save_adapters_at:
            place = f"step-{step}"
            shutil.copytree(
                Path(trainer.args.output_dir) / ADAPTERS / place, out / "checkpoints" / place
            )
        logs = {"training_log.jsonl": lines, "training_log.run.jsonl": of_run(history)}
        for name, its_lines in logs.items():
            write_text(out / name, "".join(json.dumps(line) + "\n" for line in its_lines))
        trainer.backbone.save_processor(out)
        write_json(out / "card.json", card)
        write_text(out / "README.md", render_card(card))


def train(job: argparse.Namespace, inputs: Inputs) -> None:
    import torch

    from gen2embed.models.shortcuts.transport import prepare_sharing
    from gen2embed.training.effort import count_effort

    prepare_sharing()
    if job.threads:
        torch.set_num_threads(job.threads)
        os.environ["OMP_NUM_THREADS"] = str(job.threads)  # unset, accelerate takes all cores
    torch.use_deterministic_algorithms(True, warn_only=job.device != "cpu")
    out = Path(job.out)
    batches = form_batches(
        inputs.clusters, job.pairs_per_batch, job.steps, job.seed, job.clusters_per_batch
    )
    effort = count_effort(
        batches, inputs.query_id, inputs.target_id, job.mode, processes.count(), job.caching
    )
    states = (Path(job.partial) if job.partial else out.parent) / digest_of(job)
    writes = processes.rank() == 0
    try:
        with run_record(out.parent / f"{out.name}.run.json") if writes else nullcontext({}) as told:
            trainer = build_trainer(job, inputs, batches, states)
            told["resumed_from"] = run_trainer(trainer, states, saves=bool(job.partial))
            if writes:
                write_adapter(job, inputs, trainer, effort)
                shutil.rmtree(states, ignore_errors=True)
    finally:
        if writes and not job.partial:
            shutil.rmtree(states, ignore_errors=True)


def main(argv: list[str] | None = None) -> int:
    def work(jobs: list[argparse.Namespace]) -> None:
        for job in jobs:
            check_flags(job)
        inputs = [
            read_inputs(
                job.pairs,
                job.clusters,
                job.query_items,
                job.target_items,
                None if job.allow_other_prompt else job.prompt,
                told(form_of(job)),
                job.fraction,
                job.row_cap,
                job.seed,
            )
            for job in jobs
        ]
        for job, of_job in zip(jobs, inputs, strict=True):
            train(job, of_job)

    try:
        return run_program(build_parser(), work, argv)
    except Stopped as reason:
        print(f"train_adapter: {reason}", file=sys.stderr)
        return processes.ENDED_BY_SIGTERM
    except RuntimeError as error:
        if not processes.lost_the_others(error):
            raise
        lost = f"rank {processes.rank()} has lost the other processes"
        print(f"train_adapter: {lost} ({str(error).splitlines()[0]})", file=sys.stderr)
        return processes.LOST_THE_OTHERS
    finally:
        processes.leave()


if __name__ == "__main__":
    sys.exit(main())
