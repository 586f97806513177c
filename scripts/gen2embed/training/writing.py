"""What a training leaves: adapter, adapters of named steps, logs and card."""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from gen2embed.files import write_json, write_text
from gen2embed.models.folders.sums import CARD, SUMS, sums_of
from gen2embed.outputs import whole_folder
from gen2embed.prompts.input_form import form_facts
from gen2embed.training import processes
from gen2embed.training.inputs import TrainingInputs
from gen2embed.training.job import ADAPTERS, NOT_ON_THE_CARD, SETTINGS, Training
from gen2embed.training.options import stated_options
from gen2embed.training.validation import History

if TYPE_CHECKING:
    from gen2embed.training.trainer import ContrastiveTrainer


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
    on_card = stated_options(
        {name: getattr(flags, name) for name in SETTINGS if name not in NOT_ON_THE_CARD}
    )
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
