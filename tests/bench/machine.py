"""The machine under a bench: what it is, and what its arithmetic alone would take."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[2]


def describe() -> str:
    """Processor, its cores, Python and torch, in one line."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    processor = names[0] if names else platform.processor() or platform.machine()
    cores = len(os.sched_getaffinity(0))
    return (
        f"{processor}, {cores} cores, Python {platform.python_version()}, torch {torch.__version__}"
    )


def revision() -> str:
    """The commit that is measured; "+" where files differ from it."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty=+", "--exclude=*"]
    return subprocess.run(command, text=True, capture_output=True, check=False).stdout.strip()


def peak_flops(rows: int = 1024, width: int = 1024, seconds: float = 1.0) -> float:
    """Operations a second of the best float32 matrix product here, by this process's own time.

    With the threads that torch has; of several threads their times are summed, so that this is what
    one of them reaches.
    """
    first, second = torch.randn(rows, width), torch.randn(width, width)
    best, end = 0.0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        begun = time.process_time()
        for _ in range(5):
            first @ second
        best = max(best, 5 * 2 * rows * width * width / (time.process_time() - begun))
    return best


def counted(work: Callable[[], Any]) -> float:
    """Operations of the matrix products of ``work``, attention as such, which torch can count."""
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        work()
    return float(counter.get_total_flops())
