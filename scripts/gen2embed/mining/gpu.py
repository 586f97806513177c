"""Float32 neighbours on a GPU: FAISS where its GPU build works, otherwise torch.

The only module of mining that imports torch, and only when it is called. The canonical scores
decide here as everywhere, so clusters are the CPU's; TF32, which would break the error bound, is
off. Each is tried on a few vectors first: FAISS in a process of its own, since a driver or card
that does not suit its CUDA code ends the process (an assertion in C++), not with an exception.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from gen2embed.errors import InputError
from gen2embed.machine.driver import why_no_gpu
from gen2embed.machine.gpus import may_have_gpus, take_gpus
from gen2embed.mining.backends import Neighbours, on_cpu

MOST_FAISS = 2048  # neighbours that FAISS can find on a GPU
TRIAL_SECONDS = 300  # a driver may compile FAISS's code for a new card the first time
SCRIPTS = Path(__file__).resolve().parents[2]


class NoGpu(Exception):
    """FAISS sees no GPU here."""


def neighbours_on(device: str) -> Neighbours:
    """``auto``: a GPU if one works; ``cpu``; ``cuda``. InputError if no GPU works that must.

    What does not work is said in a line on stderr where something else does its work.
    """
    return on_cpu if device == "cpu" else _who_searches(device)()


@cache
def _who_searches(device: str) -> Callable[[], Neighbours]:
    """Found once in a process: what makes a search of its own for each subset."""
    take_gpus()
    if getattr(faiss, "StandardGpuResources", None):
        fault = faiss_fault()
        if fault is None:
            return FaissGpu
        if fault:
            _say(f"FAISS does not search on this GPU ({fault}); torch is tried")
    if device == "auto" and not may_have_gpus():  # torch takes seconds to import, so look first
        return lambda: on_cpu
    try:
        try_search(TorchNeighbours("cuda"))
    except Exception as error:  # of any kind: there is still the CPU
        fault = error if isinstance(error, InputError) else f"{_first_line(error)}{why_no_gpu()}"
        if device != "auto":
            raise InputError(f"{fault}; or use --device cpu") from None
        _say(f"no GPU is used, the CPU searches ({fault})")
        return lambda: on_cpu
    return lambda: TorchNeighbours("cuda")


def try_search(neighbours: Neighbours) -> None:
    """Search among four vectors; RuntimeError if what is found is wrong. Only for a trial."""
    vectors = np.eye(4, 8, dtype=np.float32)
    scores, rows = neighbours(0, vectors, vectors, 1)
    if rows[:, 0].tolist() != [0, 1, 2, 3] or not np.allclose(scores, 1):
        raise RuntimeError("a search gives wrong neighbours")


def try_faiss() -> None:
    """What the trial's own process does; raises NoGpu where FAISS counts none."""
    if not faiss.get_num_gpus():
        raise NoGpu
    try_search(FaissGpu())


def faiss_fault() -> str | None:
    """Why FAISS cannot search on the GPU, in one line; "" if it sees none; None if it can."""
    code = "import sys; sys.path.insert(0, sys.argv[1]); from gen2embed.mining import gpu; "
    command = [sys.executable, "-c", f"{code}gpu.try_faiss()", str(SCRIPTS)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TRIAL_SECONDS)
    except subprocess.TimeoutExpired:
        return f"no answer within {TRIAL_SECONDS} s"
    except OSError as error:
        return _first_line(error)
    if done.returncode == 0:
        return None
    lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
    return "" if lines[-1].endswith("NoGpu") else " ".join(lines[-1].split())[:200]


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


class FaissGpu:
    """FAISS on the first GPU; chunks of targets stay there."""

    def __init__(self) -> None:
        self.resources = faiss.StandardGpuResources()
        self.indexes: dict[int, Any] = {}

    def __call__(
        self, start: int, chunk: np.ndarray, vectors: np.ndarray, count: int
    ) -> tuple[np.ndarray, np.ndarray]:
        if count > MOST_FAISS:
            return on_cpu(start, chunk, vectors, count)
        if start not in self.indexes:
            index = faiss.GpuIndexFlatIP(self.resources, chunk.shape[1])
            index.add(chunk)
            self.indexes[start] = index
        return self.indexes[start].search(vectors, count)


class TorchNeighbours:
    """A matrix product and a partial sort with torch; chunks of targets stay on the device."""

    def __init__(self, device: str):
        try:
            import torch
        except ImportError:
            raise InputError(
                f"--device {device}: needs faiss-gpu or torch (envs/mining-gpu.yaml)"
            ) from None
        if device.startswith("cuda") and not torch.cuda.is_available():
            raise InputError(
                f"--device {device}: there is no GPU here that torch can use{why_no_gpu()}"
            )
        self.torch = torch
        self.device = device
        self.chunks: dict[int, Any] = {}

    def __call__(
        self, start: int, chunk: np.ndarray, vectors: np.ndarray, count: int
    ) -> tuple[np.ndarray, np.ndarray]:
        torch = self.torch
        torch.backends.cuda.matmul.allow_tf32 = False
        if start not in self.chunks:
            self.chunks[start] = torch.from_numpy(np.array(chunk)).to(self.device)
        scores = torch.from_numpy(np.ascontiguousarray(vectors)).to(self.device)
        found = torch.topk(scores @ self.chunks[start].T, count, dim=1)
        return found.values.cpu().numpy(), found.indices.cpu().numpy()
