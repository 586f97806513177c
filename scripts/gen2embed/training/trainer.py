"""transformers' Trainer with three small hooks: the loss, the sum of gradients, what is logged."""

from __future__ import annotations

import math
import resource
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import normalize
from transformers import Trainer, TrainingArguments

from gen2embed.errors import InputError
from gen2embed.models.backbones.base import Backbone
from gen2embed.models.shortcuts.image_features import vision_is_frozen, with_image_features
from gen2embed.models.shortcuts.prefix import narrow_to_last_token
from gen2embed.models.shortcuts.transport import outlive_sigterm
from gen2embed.training import processes
from gen2embed.training.caching import encode_chunks
from gen2embed.training.gather import gather_rows, sum_gradients
from gen2embed.training.loss import similarities
from gen2embed.training.objective import PLAIN, contrastive_loss, soft_label_loss
from gen2embed.training.options import LossOptions
from gen2embed.training.pairs import Batch, Chunk, Side, Unreadable
from gen2embed.training.temperature import LearnedTemperature
from gen2embed.training.validation import History


class ContrastiveTrainer(Trainer):
    """Trains the backbone's adapter with InfoNCE over the pairs of each batch.

    Batches come from ``PairCollator``; temperature, symmetric: see ``info_nce``; options: see
    ``contrastive_loss``; learned: takes the temperature's place; soft_labels: weight of a judge's
    scores; caching: see ``encode_chunks``;
    loader_seconds: for a batch of the loader's workers. With several processes
    the trainer wraps the model for data parallelism; the wrapper is never called, so it only makes
    all processes start from the same weights.
    """

    def __init__(
        self,
        backbone: Backbone,
        temperature: float,
        symmetric: bool,
        caching: bool,
        loader_seconds: float,
        options: LossOptions = PLAIN,
        learned: LearnedTemperature | None = None,
        soft_labels: float = 0.0,
        **arguments: Any,
    ):
        super().__init__(**arguments)
        self.backbone = backbone
        self.temperature = temperature
        self.symmetric = symmetric
        self.caching = caching
        self.loader_seconds = loader_seconds
        self.options = options
        self.learned = learned
        self.soft_labels = soft_labels
        self.history: History | None = None  # of a validation
        if backbone.processor.tokenizer.padding_side == "left":
            narrow_to_last_token(backbone.language_layers()[-1])
        self.frozen_vision = vision_is_frozen(backbone.model)
        self.of_step: dict[str, float] = {}  # what the log says beyond the trainer's own
        self.last_log = time.perf_counter()

    def get_train_dataloader(self) -> Any:
        """The trainer's own, but a batch must come in time, also while all are told to end."""
        loader = super().get_train_dataloader()
        if self.args.dataloader_num_workers:
            inner = loader.base_dataloader  # accelerate's own heeds neither of the two
            inner.timeout = self.loader_seconds
            inner.worker_init_fn = outlive_sigterm
        return loader

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Batch],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        batch = inputs["batch"]
        if isinstance(batch, Unreadable):
            raise InputError(f"step {self.state.global_step + 1}: {batch.reason}")
        queries, targets = (
            gather_rows(self.encode(side), side.sizes) for side in (batch.query, batch.target)
        )
        own = batch.own.to(queries.device)
        excluded = None if batch.excluded is None else batch.excluded.to(queries.device)
        cluster = None if batch.cluster is None else batch.cluster.to(queries.device)
        temperature = self.temperature if self.learned is None else self.learned.value()
        loss = contrastive_loss(
            queries, targets, temperature, own, excluded, self.symmetric, self.options, cluster
        )
        if batch.judged is not None:
            judged = batch.judged.to(queries.device)
            soft = soft_label_loss(queries, targets, temperature, judged)
            loss = loss + self.soft_labels * soft
        if not torch.isfinite(loss):
            raise InputError(
                f"step {self.state.global_step + 1}: the loss is {loss.item()}; lower the rate, or "
                "check the model (and --dtype)"
            )
        self.of_step = {**similarities(queries, targets, own, excluded), "pairs": len(targets)}
        if self.learned is not None:
            self.of_step["temperature"] = temperature.item()
        return (loss, {"queries": queries, "targets": targets}) if return_outputs else loss

    @torch.no_grad()
    def loss_of(self, batches: Sequence[Batch]) -> float:
        """Mean loss of the queries of whole batches, of which this process has its shares; without
        dropout. The training goes on as if it had not been asked."""
        of_step = self.of_step
        self.model.eval()
        losses, queries = 0.0, 0
        for batch in batches:
            with self.compute_loss_context_manager():
                losses += self.compute_loss(self.model, {"batch": batch}).item() * len(batch.own)
            queries += len(batch.own)
        self.model.train()
        self.of_step = of_step
        return losses / queries

    def training_step(self, *arguments: Any, **named: Any) -> torch.Tensor:
        loss = super().training_step(*arguments, **named)
        sum_gradients(self.model.parameters())
        return loss

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        if "loss" in logs:
            if not math.isfinite(logs["grad_norm"]):
                raise InputError(
                    f"step {self.state.global_step}: the gradient's norm is {logs['grad_norm']}; "
                    "lower the rate, or check the model (and --dtype)"
                )
            logs |= {**self.of_step, **self._cost(self.of_step["pairs"])}
        super().log(logs, start_time)

    def encode(self, side: Side) -> torch.Tensor:
        """Unit vectors of the rows of this process's share, shape (rows, dim)."""
        if not side.chunks:
            width = self.backbone.model.config.get_text_config().hidden_size
            return torch.zeros(0, width, device=self.args.device, requires_grad=True)
        chunks = (self._ready(chunk) for chunk in side.chunks)
        return encode_chunks(self._encode, chunks, side.order, self.caching)

    def _ready(self, chunk: Chunk) -> Chunk:
        """On the device; images as what a frozen vision tower makes of them, once per step."""
        ready = self.backbone.to_device(chunk, self.args.device)
        return with_image_features(self.backbone, ready) if self.frozen_vision else ready

    def _encode(self, chunk: Chunk) -> torch.Tensor:
        return normalize(self.backbone.last_hidden(dict(chunk)).float(), dim=-1)

    def _cost(self, pairs: float) -> dict[str, float]:
        """What differs between two runs: see ``log.RUN_KEYS``."""
        now = time.perf_counter()
        seconds, self.last_log = now - self.last_log, now
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        if self.args.device.type == "cuda":
            peak = torch.cuda.max_memory_allocated() / 1e6
        return {"seconds": seconds, "pairs_per_second": pairs / seconds, "peak_mb": peak}


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
    activation_checkpointing: bool,
    loader_workers: int,
    report_to: str,
    run_name: str,
) -> TrainingArguments:
    """AdamW with a linear schedule over ``steps``; one item of the data set is a whole batch.

    save_every: steps between the states (below ``states``) that a run can go on from; None: none.
    report_to: none, tensorboard or trackio (on this machine alone). A process uses one device,
    however many it sees: torch's DataParallel would split a batch of whole clusters.
    """
    arguments = TrainingArguments(
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
        ddp_backend="gloo" if on_cpu and processes.count() > 1 else None,
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="steps" if save_every else "no",
        save_steps=save_every or steps,
        save_total_limit=2,
        activation_checkpointing=activation_checkpointing,
        dataloader_num_workers=loader_workers,
        report_to=report_to,
        run_name=run_name,
        project="gen2embed",
        trackio_static_space_id=False,
        disable_tqdm=True,
        remove_unused_columns=False,
    )
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments
