"""The mean of an adapter's weights at several steps of one training.

The trained numbers are averaged (LoRA's two factors and DoRA's magnitudes each), which is not the
mean of the merged matrices. Source: Izmailov et al. 2018 (stochastic weight averaging); RzenEmbed
(arXiv 2510.27350) for embedders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

WEIGHTS = "adapter_model.safetensors"


def mean_of(states: Sequence[Mapping[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """The mean of each tensor, summed in float64; names, shapes and types are one state's."""
    return {
        name: (sum(state[name].double() for state in states) / len(states)).to(first.dtype)
        for name, first in states[0].items()
    }


def average_into(folder: Path, others: Sequence[Path]) -> None:
    """Replace the adapter of ``folder`` by its mean with those of the other PEFT folders."""
    states = [load_file(checkpoint / WEIGHTS) for checkpoint in (folder, *others)]
    save_file(mean_of(states), folder / WEIGHTS, metadata={"format": "pt"})
