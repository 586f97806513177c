"""Which device a model runs on."""

from __future__ import annotations

import os
import sys

import torch

from gen2embed.errors import InputError
from gen2embed.machine.driver import driver_fault, why_no_gpu
from gen2embed.machine.gpus import take_gpus


def resolve_device(name: str) -> str:
    """``auto`` is a GPU where there is one, that no other job of ours uses.

    Where a driver that is too old keeps ``auto`` from it, a line on stderr says so. Raises
    InputError for a device that is not here, with the reason if it can be known.
    """
    if name in ("auto", "cuda") and "WORLD_SIZE" not in os.environ:  # else the launcher took them
        take_gpus()
    if name == "auto":
        if torch.cuda.is_available():
            return "cuda"
        fault = driver_fault()
        if fault:
            print(f"no GPU is used: {fault}", file=sys.stderr)
        return "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError):
        why = why_no_gpu() if name.startswith("cuda") else ""
        raise InputError(f"device {name!r} is not available here; try --device auto{why}") from None
    return name
