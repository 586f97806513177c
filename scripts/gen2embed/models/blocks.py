"""Blocks of finished vectors, so that an interrupted embedding resumes where it was."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import numpy as np

from gen2embed.outputs import whole_file


class Blocks:
    """Vectors of the batches done so far, in files ``<first>-<end>.npz`` of one folder.

    The folder's name must tell everything that determines the vectors, so that nothing stale is
    picked up. Batches are numbered in their fixed order; how they are cut into blocks is free.
    """

    def __init__(self, folder: Path, save_seconds: float):
        self.folder = folder
        self.save_seconds = save_seconds
        self.resumed = 0
        self._waiting: list[tuple[np.ndarray, np.ndarray]] = []
        self._first = 0
        self._saved = time.monotonic()

    def load(self) -> tuple[int, np.ndarray, np.ndarray]:
        """How many batches are done, their rows (n,) and vectors (n, dim); blocks in a chain."""
        rows, vectors = [np.empty(0, dtype=np.int64)], []
        found = {int(path.name.split("-")[0]): path for path in sorted(self.folder.glob("*.npz"))}
        while self._first in found:
            path = found[self._first]
            with np.load(path, allow_pickle=False) as block:
                rows.append(block["rows"])
                vectors.append(block["vectors"])
            self._first = int(path.stem.split("-")[1])
        self.resumed = self._first
        return self._first, np.concatenate(rows), np.concatenate(vectors or [np.empty((0, 0))])

    def add(self, end: int, rows: np.ndarray, vectors: np.ndarray) -> None:
        """Note a finished batch (number ``end - 1``); now and then write a block."""
        self._waiting.append((rows, vectors))
        if time.monotonic() - self._saved < self.save_seconds:
            return
        rows = np.concatenate([vectors for vectors, _ in self._waiting])
        vectors = np.concatenate([vectors for _, vectors in self._waiting])
        with whole_file(self.folder / f"{self._first:08d}-{end:08d}.npz") as temporary:
            np.savez(temporary, rows=rows, vectors=vectors)
        self._first, self._waiting, self._saved = end, [], time.monotonic()

    def remove(self) -> None:
        """The output is whole: forget the blocks."""
        shutil.rmtree(self.folder, ignore_errors=True)
