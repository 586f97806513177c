"""Float32 neighbours on a GPU: FAISS where its GPU build is installed, otherwise torch.

The only module of mining that imports torch, and only when it is called. The canonical scores
decide here as everywhere, so clusters are the CPU's; TF32, which would break the error bound, is
off.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import faiss
import numpy as np

from gen2embed.errors import InputError
from gen2embed.gpus import take_gpus
from gen2embed.mining.backends import Neighbours, on_cpu

MOST_FAISS = 2048  # neighbours that FAISS can find on a GPU


def neighbours_on(device: str) -> Neighbours:
    """``auto``: a GPU if there is one; ``cpu``; ``cuda``. InputError if there is no such GPU."""
    if device == "cpu":
        return on_cpu
    take_gpus()
    if getattr(faiss, "StandardGpuResources", None) and faiss.get_num_gpus():
        return FaissGpu()
    if device == "auto" and not _torch_is_worth_it():
        return on_cpu
    return TorchNeighbours("cuda")


def _torch_is_worth_it() -> bool:
    """Whether there is an NVIDIA driver: torch takes seconds to import, so look first."""
    return Path("/proc/driver/nvidia/version").exists()


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
            raise InputError(f"--device {device}: there is no GPU here; use --device auto")
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
