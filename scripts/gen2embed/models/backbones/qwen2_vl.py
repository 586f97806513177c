"""Qwen2-VL, from the mini experiment's 1.5 M parameters to 7B: transformers' own classes."""

from __future__ import annotations

from typing import Any

from transformers import Qwen2VLForConditionalGeneration

from gen2embed.models.backbones.qwen import QwenVL, load_qwen
from gen2embed.models.processor import ImageTextProcessor


class Qwen2VL(QwenVL):
    """See ``base.Backbone``."""

    name = "qwen2_vl"


def load(model: str, revision: str | None, dtype: str, device: str, **options: Any) -> Qwen2VL:
    """Load weights and processor of a model folder or hub id; options: see ``load_qwen``."""
    family = (Qwen2VL, Qwen2VLForConditionalGeneration, ImageTextProcessor)
    return load_qwen(family, model, revision, dtype, device, **options)
