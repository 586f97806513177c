"""Qwen2.5-VL, 3B and 7B: transformers' own classes."""

from __future__ import annotations

from transformers import Qwen2_5_VLForConditionalGeneration, Qwen2_5_VLProcessor

from gen2embed.models.backbones.qwen import QwenVL, load_qwen
from gen2embed.models.processor import WithoutVideo


class Processor(WithoutVideo, Qwen2_5_VLProcessor):
    """Qwen2_5_VLProcessor without its video processor."""


class Qwen25VL(QwenVL):
    """See ``base.Backbone``."""

    name = "qwen2_5_vl"


def load(
    model: str, revision: str | None, dtype: str, device: str, attention: str | None = None
) -> Qwen25VL:
    """Load weights and processor of a model folder or hub id; attention: see ``load_model``."""
    family = (Qwen25VL, Qwen2_5_VLForConditionalGeneration, Processor)
    return load_qwen(family, model, revision, dtype, device, attention)
