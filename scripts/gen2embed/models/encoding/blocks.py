"""Blocks of finished vectors, so that an interrupted embedding resumes where it was."""

from __future__ import annotations

import logging
import re
import shutil
import time
import zipfile
from pathlib import Path

import numpy as np

from gen2embed.outputs import whole_file

LOG = logging.getLogger(__name__)
NAME = re.compile(r"(\d{8})-(\d{8})\.npz")  # of a whole block; a half-written one has another


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
        self._first = self._end = 0
        self._saved = time.monotonic()

    def load(self) -> tuple[int, np.ndarray, np.ndarray]:
        """How many batches are done, their rows (n,) and vectors (n, dim); blocks in a chain.

        A block that cannot be read is dropped, with a line; its batches are done anew.
        """
        rows, vectors = [np.empty(0, dtype=np.int64)], []
        named = (NAME.fullmatch(path.name) for path in sorted(self.folder.glob("*")))
        found = {int(name[1]): name for name in named if name}
        while self._first in found:
            name = found.pop(self._first)
            block = read_block(self.folder / name[0], vectors[-1].shape[1] if vectors else None)
            if block is None:
                break
            rows.append(block[0])
            vectors.append(block[1])
            self._first = int(name[2])
        self.resumed = self._end = self._first
        return self._first, np.concatenate(rows), np.concatenate(vectors or [np.empty((0, 0))])

    def add(self, end: int, rows: np.ndarray, vectors: np.ndarray) -> None:
        """Note a finished batch (number ``end - 1``); now and then write a block."""
        self._waiting.append((rows, vectors))
        self._end = end
        if time.monotonic() - self._saved >= self.save_seconds:
            self.flush()

    def flush(self) -> None:
        """Write what is waiting."""
        if self._waiting:
            rows, vectors = map(np.concatenate, zip(*self._waiting, strict=True))
            with whole_file(self.folder / f"{self._first:08d}-{self._end:08d}.npz") as temporary:
                np.savez(temporary, rows=rows, vectors=vectors)
        self._first, self._waiting, self._saved = self._end, [], time.monotonic()

    def remove(self) -> None:
        """The outputs are whole: forget the blocks."""
        shutil.rmtree(self.folder, ignore_errors=True)


def read_block(path: Path, dim: int | None) -> tuple[np.ndarray, np.ndarray] | None:
    """Rows and vectors of a block; None, the file deleted, for one that is none of ours.

    dim: of the vectors of other blocks. What is in a zip has its checksum there.
    """
    try:
        with np.load(path, allow_pickle=False) as block:
            rows, vectors = block["rows"], block["vectors"]
        if rows.dtype != np.int64 or vectors.dtype != np.float32 or vectors.ndim != 2:
            raise ValueError("other types or shapes")
        if rows.shape != vectors.shape[:1] or vectors.shape[1] != (dim or vectors.shape[1]):
            raise ValueError("other sizes")
        if not np.isfinite(vectors).all():
            raise ValueError("values that are not finite")
    except (OSError, ValueError, KeyError, EOFError, TypeError, AttributeError, MemoryError,
            NotImplementedError, zipfile.BadZipFile) as error:  # fmt: skip
        reason = " ".join(str(error).split())[:100]
        LOG.warning("%s: no whole block (%s); its vectors are computed anew", path, reason)
        path.unlink(missing_ok=True)
        return None
    return rows, vectors
