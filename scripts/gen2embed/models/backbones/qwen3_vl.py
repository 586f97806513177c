"""Qwen3-VL (beyond the paper): transformers' own classes."""

from __future__ import annotations

from transformers import Qwen3VLForConditionalGeneration, Qwen3VLProcessor

from gen2embed.models.backbones.qwen import QwenVL, load_qwen
from gen2embed.models.processor import WithoutVideo


class Processor(WithoutVideo, Qwen3VLProcessor):
    """Qwen3VLProcessor without its video processor."""


class Qwen3VL(QwenVL):
    """See ``base.Backbone``."""

    name = "qwen3_vl"


def load(
    model: str, revision: str | None, dtype: str, device: str, attention: str | None = None
) -> Qwen3VL:
    """Load weights and processor of a model folder or hub id; attention: see ``load_model``."""
    family = (Qwen3VL, Qwen3VLForConditionalGeneration, Processor)
    return load_qwen(family, model, revision, dtype, device, attention)
