"""First estimates of a run's cost by what others published: anchors, never measurements of ours.

Each says its formula and its source. They are for one H100 and for models of the register, before
the hub was asked and before anything was measured; a measured rate takes their place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gen2embed.data.model_sizes import Size
from gen2embed.prompts.resolutions import Resolution
from gen2embed.reporting.pages.plan import FLOAT_BYTES

MARK = "anchor, not a measurement"
# VLM2Vec's docs/mmebv2_reproduction: Qwen3-VL-Embedding-8B, 27 minutes on 8 H100 for the 36 sets
ANCHOR_HOURS, ANCHOR_PARAMETERS, ANCHOR_ROWS = 3.6, 8_767_123_696, 36_000
# NeMo's performance summary: LoRA of 7B and 8B language models, 402 to 423 TFLOP/s on an H100, 40 %
# of its 989 (bf16, dense); it counts 4 FLOPs a parameter and token, since weights are frozen
# (derived: 402e12 / 12.5k tokens/s / 8.03e9 parameters)
PEAK_FLOPS, UTILISATION = 989e12, 0.40
FORWARD, BACKWARD = 2, 2  # FLOPs a parameter and token; backward without the weights' gradients
WEIGHT_BYTES = 2  # published in bf16
TEXT_TOKENS = 100  # of an item, prompt included: assumed
TOKEN_SIDE = 28  # pixels; Qwen2-VL's image token is 28 x 28


@dataclass(frozen=True)
class Anchor:
    """One row of the plan: a value in ``unit`` ("bytes" or "hours"), who published what it is
    reckoned from, and how."""

    what: str
    value: float
    unit: str
    source: str
    formula: str


def embedding_hours(rows: int, parameters: int) -> float:
    """Hours of one H100 that embed so many rows: the anchor's, by parameters and by rows.

    A row is a query with its candidates (evaluation), a pair (training), or an image with its
    captions (compositions), each counted like one of the anchor's 36,000.
    """
    return ANCHOR_HOURS * parameters / ANCHOR_PARAMETERS * rows / ANCHOR_ROWS


def flops_per_token(caching: bool, checkpointing: bool) -> int:
    """FLOPs of a LoRA training for each parameter and token: 4, 6 or 8.

    Forward and backward; gradient caching and activation checkpointing each ask for a forward more.
    """
    return FORWARD + BACKWARD + FORWARD * caching + FORWARD * checkpointing


def tokens_per_pair(resolution: Resolution) -> int | None:
    """Tokens of a pair: one image at the most pixels, and the text of two items; None: no bound."""
    side = resolution.get("side") or resolution.get("long_at_most")
    return None if side is None else (side // TOKEN_SIDE) ** 2 + 2 * TEXT_TOKENS


def training_hours(pairs: int, tokens: int, flops: int, parameters: int) -> float:
    """Hours of one H100 for so many pairs, at the utilisation of NeMo's LoRA.

    tokens: of a pair; flops: of a parameter and token.
    """
    return flops * parameters * tokens * pairs / (UTILISATION * PEAK_FLOPS) / 3600


def embedding_anchor(rows: int, size: Size) -> Anchor:
    return Anchor(
        "hours of one H100: embedding",
        embedding_hours(rows, size.parameters),
        "hours",
        "VLM2Vec, docs/mmebv2_reproduction",
        f"{ANCHOR_HOURS} H100-hours (Qwen3-VL-Embedding-8B on the 36 sets: 27 min on 8 H100) x "
        f"{billions(size.parameters)} / {billions(ANCHOR_PARAMETERS)} parameters x {rows:,} / "
        f"{ANCHOR_ROWS:,} rows",
    )


def training_anchor(
    pairs: int, train: Mapping[str, Any], size: Size, resolution: Resolution
) -> Anchor | None:
    """None where the resolution says nothing of an image's tokens.

    train: the configuration's section (``caching``, ``activation_checkpointing``).
    """
    tokens = tokens_per_pair(resolution)
    if tokens is None:
        return None
    flops = flops_per_token(train["caching"], train["activation_checkpointing"])
    return Anchor(
        "hours of one H100: training, at least",
        training_hours(pairs, tokens, flops, size.parameters),
        "hours",
        "NeMo, performance summary (LoRA)",
        f"{flops} FLOPs x {billions(size.parameters)} parameters x {tokens} tokens a pair (an "
        f"image and, assumed, {2 * TEXT_TOKENS} of text) x {pairs:,} pairs / ({UTILISATION:.0%} of "
        f"{PEAK_FLOPS / 1e12:.0f} TFLOP/s, reached by language models without images or padding)",
    )


def vectors_anchor(rows: int, size: Size) -> Anchor:
    return Anchor(
        "vectors, at least",
        2 * rows * size.width * FLOAT_BYTES,
        "bytes",
        "the register of data sets",
        f"{rows:,} rows x 2 vectors x {size.width} x {FLOAT_BYTES} bytes; a row's further "
        "candidates are not counted",
    )


def weights_anchor(size: Size) -> Anchor:
    return Anchor(
        "to download for the model",
        WEIGHT_BYTES * size.parameters,
        "bytes",
        "the register's size of the model",
        f"{size.parameters:,} parameters x {WEIGHT_BYTES} bytes (bf16)",
    )


def billions(parameters: int) -> str:
    return f"{parameters / 1e9:.2f} B"
