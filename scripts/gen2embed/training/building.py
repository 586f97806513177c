"""A training's parts put together: backbone, adapter, data, loss options, callbacks."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from gen2embed.artifacts.judged import read_judged
from gen2embed.errors import InputError
from gen2embed.training import processes
from gen2embed.training.batches import PairCluster
from gen2embed.training.inputs import TrainingInputs
from gen2embed.training.job import ADAPTERS, Training
from gen2embed.training.options import LossOptions
from gen2embed.training.validation import History

if TYPE_CHECKING:
    from gen2embed.models.backbones.base import Backbone
    from gen2embed.models.encoding.token_counts import Counted
    from gen2embed.prompts.items import Items
    from gen2embed.training.trainer import ContrastiveTrainer


def _check_dims(options: LossOptions, width: int) -> None:
    """Prefixes of the vectors must be shorter than these."""
    long = [dim for dim in options.matryoshka if dim >= width]
    if long:
        raise InputError(f"--matryoshka {long[0]}: vectors have {width} numbers; give fewer")


def plan_side(job: Training, backbone: Backbone, side: str, items: Items, states: Path) -> Counted:
    """The planned items of one side; counted once for all processes and runs that share them."""
    from gen2embed.models.encoding.token_counts import Recipe, counted, counts_file

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
