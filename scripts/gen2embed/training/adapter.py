"""LoRA adapters on the language model (METHOD section 3), through PEFT."""

from __future__ import annotations

import re
from dataclasses import dataclass

from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn

from gen2embed.errors import InputError
from gen2embed.models.backbones.base import Backbone


@dataclass(frozen=True)
class AdapterShape:
    """rank, alpha (scaling alpha / rank), dropout of the adapter's input, DoRA's magnitudes.

    modules: regular expression of the adapted modules' full names; "" = the backbone's own, which
    are the paper's (q, k, v, o and down projections of the language model).
    """

    rank: int
    alpha: int
    dropout: float
    dora: bool
    modules: str = ""


def add_adapter(backbone: Backbone, shape: AdapterShape) -> PeftModel:
    """Put a fresh adapter into the backbone; everything else is frozen.

    Gaussian initialisation of A, zeros in B: the first forward pass is the untouched model's.
    Draw from torch's global generator: seed it before. InputError if no module has such a name.
    """
    modules = shape.modules or backbone.adapted_modules
    linear = [
        name for name, module in backbone.model.named_modules() if isinstance(module, nn.Linear)
    ]
    if not any(_matches(modules, name) for name in linear):
        known = sorted({name.rpartition(".")[2] for name in linear})
        raise InputError(
            f"--modules {modules!r}: no linear module of the model has such a full name; there are "
            f"{', '.join(known)}, the first as {linear[0]}"
        )
    config = LoraConfig(
        r=shape.rank,
        lora_alpha=shape.alpha,
        lora_dropout=shape.dropout,
        use_dora=shape.dora,
        init_lora_weights="gaussian",
        target_modules=modules,
    )
    return get_peft_model(backbone.model, config)


def _matches(modules: str, name: str) -> bool:
    try:
        return re.fullmatch(modules, name) is not None
    except re.error as error:
        raise InputError(f"--modules {modules!r}: is no regular expression ({error})") from None
