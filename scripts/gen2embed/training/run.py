"""A training from its inputs to its folder: from the newest state on, stoppable, once at a time."""

from __future__ import annotations

import os
import shutil
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from gen2embed.errors import Stopped
from gen2embed.files import run_record
from gen2embed.machine.state_lock import only_one
from gen2embed.training import processes
from gen2embed.training.batches import batches_of, draw_batches
from gen2embed.training.building import build_trainer
from gen2embed.training.inputs import TrainingInputs
from gen2embed.training.job import Training
from gen2embed.training.validation import hold_out
from gen2embed.training.writing import write_adapter

if TYPE_CHECKING:
    from gen2embed.training.trainer import ContrastiveTrainer


def run_trainer(trainer: ContrastiveTrainer, states: Path, saves: bool) -> str | None:
    """Train from the newest state, if there is one, to the end; that state's name.

    Raises Stopped after SIGTERM.
    """
    from gen2embed.models.shortcuts.transport import loader_faults
    from gen2embed.training.callbacks import ShowProgress, StopOnTerm
    from gen2embed.training.checkpoints import last_whole_state

    stop = StopOnTerm(trainer.accelerator, saves)
    trainer.add_callback(stop)
    with trainer.accelerator.main_process_first():
        last = last_whole_state(states, processes.count())
    for kept in (trainer.learned, trainer.history):
        if last and kept is not None:
            kept.load(last)
    with stop.listening(), loader_faults(trainer.loader_seconds):
        try:
            trainer.train(resume_from_checkpoint=last)
        finally:
            for shown in trainer.callback_handler.callbacks:
                if isinstance(shown, ShowProgress):
                    shown.close()
    trainer.accelerator.wait_for_everyone()
    if stop.stopped:
        kept = "its state is saved: run it again to go on" if saves else "nothing is kept"
        raise Stopped(
            f"ended by SIGTERM after step {trainer.state.global_step} of {trainer.state.max_steps}"
            f"; {kept}{'' if saves else ' without --partial'}"
        )
    return Path(last).name if last else None


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
