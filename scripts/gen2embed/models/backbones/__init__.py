"""Supported multimodal LLMs: one small file and one line in REGISTRY each.

A backbone module offers ``load(model, revision, dtype, device) -> Backbone``; the key is the
``model_type`` of the model's own configuration.
"""

from __future__ import annotations

from importlib import import_module

from gen2embed.errors import InputError
from gen2embed.models.backbones.base import Backbone

REGISTRY = {
    "qwen2_vl": "gen2embed.models.backbones.qwen2_vl",
}


def load_backbone(model: str, revision: str | None, dtype: str, device: str) -> Backbone:
    """Load a model folder or hub id with the backbone that its configuration names.

    Raises InputError for a model that cannot be found or whose type is not in the registry.
    """
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(model, revision=revision, trust_remote_code=False)
    except (OSError, ValueError) as error:
        reason = str(error).strip().split("\n")[0]
        raise InputError(
            f"{model}: no model folder and not to be had from the hub ({reason})"
        ) from None
    if config.model_type not in REGISTRY:
        raise InputError(
            f"{model}: model type {config.model_type!r} is not supported; "
            f"supported: {', '.join(REGISTRY)}"
        )
    return import_module(REGISTRY[config.model_type]).load(model, revision, dtype, device)
