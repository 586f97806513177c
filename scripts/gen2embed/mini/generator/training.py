"""The generator's two stages: its vision tower learns words, then all of it learns to chat."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch.nn.functional import cross_entropy, rms_norm

from gen2embed.command_line import progress
from gen2embed.errors import InputError
from gen2embed.mini.generator.batches import IGNORED, PatchStore
from gen2embed.mini.generator.instructions import content_words
from gen2embed.mini.generator.muon import Muon

WARM_UP_STEPS = 20
FINAL_RATE = 0.03  # share of the peak learning rate in the last step
LOG_EVERY = 20
WORD_SHARES = {"name": 0.60, "subgroup": 0.12, "group": 0.12, "background": 0.16}


class Schedule:
    """Several optimisers under one schedule: linear warm-up, then linear decay."""

    def __init__(self, optimisers: list[torch.optim.Optimizer], steps: int):
        self.optimisers = optimisers
        self.steps = steps
        self.peaks = [[group["lr"] for group in optimiser.param_groups] for optimiser in optimisers]

    def factor(self, step: int) -> float:
        return min(1.0, (step + 1) / WARM_UP_STEPS) * max(FINAL_RATE, 1 - step / self.steps)

    def step(self, step: int) -> None:
        for optimiser, peaks in zip(self.optimisers, self.peaks, strict=True):
            for group, peak in zip(optimiser.param_groups, peaks, strict=True):
                group["lr"] = peak * self.factor(step)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)


def optimisers(
    parameters: list[tuple[str, torch.nn.Parameter]], muon_rate: float, adam_rate: float
) -> list[torch.optim.Optimizer]:
    """Muon for the matrices, AdamW for the embeddings and everything that is not a matrix."""
    matrices, others = [], []
    for name, parameter in parameters:
        is_matrix = parameter.ndim == 2 and "embed_tokens" not in name
        (matrices if is_matrix else others).append(parameter)
    adam = torch.optim.AdamW(others, lr=adam_rate, betas=(0.9, 0.98), weight_decay=0.0)
    return [Muon(matrices, lr=muon_rate), adam]


def word_targets(photos: pd.DataFrame, tokenizer: Any) -> torch.Tensor:
    """Each photo's distribution over the vocabulary: its name's words, kind, group, background."""
    targets = torch.zeros(len(photos), len(tokenizer))
    for row, photo in enumerate(photos.to_dict("records")):
        for column, share in WORD_SHARES.items():
            ids = tokenizer(" ".join(content_words(photo[column])), add_special_tokens=False)
            for token in ids["input_ids"]:
                targets[row, token] += share / len(ids["input_ids"])
    return targets


def whiten_patch_embedding(model: Any, patches: torch.Tensor) -> None:
    """Start the patch embedding at the leading whitened components of real patches, both signs.

    patches: (n, values). Source: ours; it saves the vision stage the first third of its steps.
    """
    weight = model.model.visual.patch_embed.proj.weight
    half = weight.shape[0] // 2
    centred = patches - patches.mean(0)
    _, scales, directions = torch.linalg.svd(centred / len(patches) ** 0.5, full_matrices=False)
    filters = directions[:half] / (scales[:half, None] + 0.05 * scales[0])
    filters = torch.cat([filters, -filters])
    filters = filters / (centred @ filters.T).std()
    with torch.no_grad():
        weight.copy_(filters.view_as(weight))


def image_vectors(model: Any, store: PatchStore, rows: list[int]) -> torch.Tensor:
    """Mean of each photo's image tokens as the language model sees them: (photos, hidden)."""
    pixels = torch.cat([store.join([row]) for row in rows])
    grid = torch.tensor([store.grid(1)] * len(rows))
    return torch.stack(list(model.model.get_image_features(pixels, grid).pooler_output)).mean(1)


def word_loss(
    model: Any, store: PatchStore, rows: list[int], targets: torch.Tensor
) -> torch.Tensor:
    """Cross entropy between a photo's words and what its image tokens say through the embedding."""
    vectors = image_vectors(model, store, rows)
    vectors = rms_norm(vectors, (vectors.shape[-1],))
    logits = vectors @ model.get_input_embeddings().weight.T
    return cross_entropy(logits, targets[rows])


def train_vision(
    model: Any,
    store: PatchStore,
    targets: torch.Tensor,
    steps: int,
    batch: int,
    muon_rate: float,
    adam_rate: float,
    seed: int,
) -> Iterator[dict[str, Any]]:
    """Stage 1; yields log records. Epochs over all photos in seeded random order."""
    random = np.random.default_rng(seed)
    sample = random.permutation(len(targets))[:300]
    whiten_patch_embedding(model, torch.cat([store.join([row]) for row in sample]))
    named = [*model.model.visual.named_parameters()]
    named.append(("embed_tokens", model.get_input_embeddings().weight))
    schedule = Schedule(optimisers(named, muon_rate, adam_rate), steps)
    queue: list[int] = []

    def losses() -> Iterator[torch.Tensor]:
        for _ in range(steps):
            if len(queue) < batch:
                queue[:] = random.permutation(len(targets)).tolist()
            rows, queue[:batch] = queue[:batch], []
            yield word_loss(model, store, rows, targets)

    yield from _optimise(losses(), schedule, "vision", steps)


def dialogue_loss(model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Next-token loss on the answers; the language head runs on their positions only."""
    inputs = {key: value for key, value in batch.items() if key != "labels"}
    hidden = model.model(**inputs, use_cache=False).last_hidden_state[:, :-1]
    labels = batch["labels"][:, 1:]
    answered = labels != IGNORED
    return cross_entropy(model.lm_head(hidden[answered]), labels[answered])


def train_joint(
    model: Any,
    data: Iterator[dict[str, torch.Tensor]],
    steps: int,
    muon_rate: float,
    adam_rate: float,
) -> Iterator[dict[str, Any]]:
    """Stage 2; yields log records."""
    schedule = Schedule(optimisers(list(model.named_parameters()), muon_rate, adam_rate), steps)
    losses = (dialogue_loss(model, next(data)) for _ in range(steps))
    yield from _optimise(losses, schedule, "joint", steps)


def _optimise(
    losses: Iterator[torch.Tensor], schedule: Schedule, stage: str, steps: int
) -> Iterator[dict[str, Any]]:
    recent: list[float] = []
    for step, loss in enumerate(progress(losses, steps, f"generator, {stage} stage", "step")):
        loss.backward()
        schedule.step(step)
        recent.append(loss.item())
        if (step + 1) % LOG_EVERY == 0 or step + 1 == steps:
            mean = sum(recent) / len(recent)
            if not np.isfinite(mean):
                raise InputError(
                    f"{stage} stage: the loss is {mean} at step {step + 1}; lower the rates"
                )
            rate = round(schedule.factor(step), 6)
            yield {"stage": stage, "step": step + 1, "loss": round(mean, 6), "lr_factor": rate}
            recent = []
