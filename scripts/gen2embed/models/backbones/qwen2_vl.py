"""Qwen2-VL, from the mini experiment's 1.5 M parameters to 7B: transformers' own classes."""

from __future__ import annotations

from transformers import Qwen2VLForConditionalGeneration

from gen2embed.models.backbones.qwen import QwenVL, load_qwen
from gen2embed.models.processor import ImageTextProcessor


class Qwen2VL(QwenVL):
    """See ``base.Backbone``."""

    name = "qwen2_vl"


def load(
    model: str, revision: str | None, dtype: str, device: str, attention: str | None = None
) -> Qwen2VL:
    """Load weights and processor of a model folder or hub id; attention: see ``load_model``."""
    family = (Qwen2VL, Qwen2VLForConditionalGeneration, ImageTextProcessor)
    return load_qwen(family, model, revision, dtype, device, attention)
