"""LoRA adapters on the language model (METHOD section 3), through PEFT."""

from __future__ import annotations

from dataclasses import dataclass

from peft import LoraConfig, PeftModel, get_peft_model

from gen2embed.models.backbones.base import Backbone


@dataclass(frozen=True)
class AdapterShape:
    """rank, alpha (scaling alpha / rank), dropout of the adapter's input, DoRA's magnitudes."""

    rank: int
    alpha: int
    dropout: float
    dora: bool


def add_adapter(backbone: Backbone, shape: AdapterShape) -> PeftModel:
    """Put a fresh adapter into the backbone's language model; everything else is frozen.

    Gaussian initialisation of A, zeros in B: the first forward pass is the untouched model's.
    Draw from torch's global generator: seed it before.
    """
    config = LoraConfig(
        r=shape.rank,
        lora_alpha=shape.alpha,
        lora_dropout=shape.dropout,
        use_dora=shape.dora,
        init_lora_weights="gaussian",
        target_modules=backbone.adapted_modules,
    )
    return get_peft_model(backbone.model, config)
