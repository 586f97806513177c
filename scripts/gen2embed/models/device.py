"""Which device a model runs on."""

from __future__ import annotations

import os

import torch

from gen2embed.errors import InputError
from gen2embed.gpus import take_gpus


def resolve_device(name: str) -> str:
    """``auto`` is a GPU where there is one, that no other job of ours uses.

    Raises InputError for a device that is not here.
    """
    if name in ("auto", "cuda") and "WORLD_SIZE" not in os.environ:  # else the launcher took them
        take_gpus()
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError):
        raise InputError(f"device {name!r} is not available here; try --device auto") from None
    return name
