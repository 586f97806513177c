"""transformers' Trainer with one method overridden: the loss."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import normalize
from transformers import Trainer, TrainerCallback, TrainingArguments

from gen2embed.models.backbones.base import Backbone
from gen2embed.program import progress_bar
from gen2embed.training.caching import Chunk, encode_chunks
from gen2embed.training.loss import info_nce


class ContrastiveTrainer(Trainer):
    """Trains the backbone's adapter with InfoNCE over the pairs of each batch.

    Batches come from ``PairCollator``; temperature, mask_duplicates, caching: see ``info_nce`` and
    ``encode_chunks``.
    """

    def __init__(
        self,
        backbone: Backbone,
        temperature: float,
        mask_duplicates: bool,
        caching: bool,
        **arguments: Any,
    ):
        super().__init__(**arguments)
        self.backbone = backbone
        self.temperature = temperature
        self.mask_duplicates = mask_duplicates
        self.caching = caching

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        queries, targets = (
            encode_chunks(self._encode, inputs[side]["chunks"], inputs[side]["order"], self.caching)
            for side in ("query", "target")
        )
        ids = inputs["target_ids"] if self.mask_duplicates else None
        loss = info_nce(queries, targets, self.temperature, ids)
        return (loss, {"queries": queries, "targets": targets}) if return_outputs else loss

    def _encode(self, chunk: Chunk) -> torch.Tensor:
        return normalize(self.backbone.last_hidden(dict(chunk)).float(), dim=-1)


def training_arguments(
    states: Path,
    steps: int,
    rate: float,
    warm_up: int,
    max_grad_norm: float,
    seed: int,
    bf16: bool,
    on_cpu: bool,
    save_every: int | None,
) -> TrainingArguments:
    """AdamW with a linear schedule over ``steps``; one item of the data set is a whole batch.

    save_every: steps between the states (below ``states``) that a run can go on from; None: none.
    """
    return TrainingArguments(
        output_dir=str(states),
        max_steps=steps,
        per_device_train_batch_size=1,
        train_sampling_strategy="sequential",
        learning_rate=rate,
        lr_scheduler_type="linear",
        warmup_steps=warm_up,
        max_grad_norm=max_grad_norm,
        weight_decay=0.0,
        optim="adamw_torch",
        seed=seed,
        bf16=bf16,
        use_cpu=on_cpu,
        logging_steps=1,
        save_strategy="steps" if save_every else "no",
        save_steps=save_every or steps,
        save_total_limit=2,
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
    )


class SaveAdapters(TrainerCallback):
    """Save the adapter after the named steps, for the training dynamics."""

    def __init__(self, steps: Collection[int], folder: Path):
        self.steps = frozenset(steps)
        self.folder = folder

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step in self.steps:
            save_adapter(kwargs["model"], self.folder / f"step-{state.global_step}")


class ShowProgress(TrainerCallback):
    """A bar on a terminal, a line every 30 s in a log; starts where a resumed run starts."""

    def __init__(self, what: str):
        self.what = what

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.bar = progress_bar(state.max_steps, self.what, "step")
        self.bar.update(state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.bar.update()

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.bar.close()


def save_adapter(model: Any, folder: Path) -> None:
    """The adapter as a PEFT folder (safetensors), without PEFT's template of a model card."""
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
