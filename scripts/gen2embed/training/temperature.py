"""A temperature that is trained: the logarithm of its inverse (Radford et al. 2021, CLIP)."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import nn

from gen2embed.files import read_json, write_json
from gen2embed.training import processes

NAME = "log_scale"  # of the parameter of the model
FILE = "temperature.json"  # in a state to resume from: PEFT saves the adapter alone
LARGEST_SCALE = 100.0  # CLIP's bound; or the first, if that is larger


class LearnedTemperature:
    """A parameter of ``model``, so that it is optimised, clipped and zeroed with all the others."""

    def __init__(self, model: nn.Module, start: float):
        device = next(model.parameters()).device
        self.log_scale = nn.Parameter(torch.tensor(-math.log(start), device=device))
        self.largest = max(math.log(LARGEST_SCALE), -math.log(start))
        model.register_parameter(NAME, self.log_scale)

    def value(self) -> torch.Tensor:
        """The temperature, a scalar with a gradient; never below its bound.

        Every process has the loss of the whole batch, and gradients are summed over processes: each
        carries its share.
        """
        with torch.no_grad():
            self.log_scale.clamp_(max=self.largest)
        share = self.log_scale / processes.count()
        return torch.exp(-(share + (self.log_scale - share).detach()))

    def save(self, state: str | Path) -> None:
        """Into a state to resume from, which is not sealed yet."""
        write_json(Path(state) / FILE, {NAME: self.log_scale.item()})

    def load(self, state: str | Path) -> None:
        """From a state that ``save`` has written to."""
        with torch.no_grad():
            self.log_scale.fill_(read_json(Path(state) / FILE)[NAME])
