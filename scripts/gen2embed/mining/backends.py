"""Who proposes the targets that may be an anchor's best: exact search in float32, made safe.

FAISS on the CPU, FAISS or torch on a GPU, or an approximate index (``approximate.py``): each is a
``Backend``. An exact proposal is a SUPERSET of the true best: it holds every target whose float32
score is within twice the error bound of the last one needed, and where the neighbours fetched do
not reach that far, the search is widened until they do. Where vectors (nearly) all alike would
widen it to everything, the best are decided here (``crowded.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

import faiss
import numpy as np

from gen2embed.canonical import float32_error
from gen2embed.mining.crowded import best_of_all
from gen2embed.mining.vectors import SideVectors

faiss.cvar.distance_compute_blas_threshold = 1  # its default multiplies blocks of 128 row by row
CROWDED = 8  # times the targets needed: so many within the error are no proposal any more
SPARE = 0.4  # neighbours fetched beyond those needed, as a share of them
SHARE_OF_MEMORY = 1 / 8  # of the bound, for each temporary array

Neighbours = Callable[[int, np.ndarray, np.ndarray, int], tuple[np.ndarray, np.ndarray]]
"""(first row of the chunk, chunk of targets, vectors, count) -> float32 scores and rows within the
chunk of the ``count`` best of each vector, best first, shapes (n_vectors, count)."""


def threads(number: int | None) -> AbstractContextManager:
    """Limit FAISS (for good) and numpy's BLAS (while the context lasts, given threadpoolctl)."""
    if number is None:
        return nullcontext()
    faiss.omp_set_num_threads(number)
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return nullcontext()
    return threadpool_limits(number)


class Backend(Protocol):
    """Proposes rows of the targets; ``error`` bounds float32 scores.

    ``widened`` counts searches that were widened, ``crowded`` those of them that found too many.
    """

    error: float
    widened: int
    crowded: int

    def propose(self, vectors: np.ndarray, count: int) -> list[np.ndarray]:
        """For each of the vectors, float32 (n, dim): rows that hold the ``count`` best targets."""


def on_cpu(
    start: int,  # noqa: ARG001
    chunk: np.ndarray,
    vectors: np.ndarray,
    count: int,
) -> tuple[np.ndarray, np.ndarray]:
    """``Neighbours`` by FAISS on the CPU. Source: faiss.knn (Johnson et al. 2017)."""
    return faiss.knn(vectors, chunk, count, metric=faiss.METRIC_INNER_PRODUCT)


class ExactBackend:
    """Exact inner-product search over targets that lie in memory or on disk.

    ``memory`` bounds temporary arrays, in bytes. ``neighbours`` does the work in float32; the
    widening is ours.
    """

    def __init__(self, targets: SideVectors, memory: float, neighbours: Neighbours = on_cpu):
        self.targets = targets
        self.error = float32_error(targets.dim)
        self.widened = self.crowded = 0
        self._of_chunk = neighbours
        self._bytes = memory * SHARE_OF_MEMORY
        self._chunk = max(1024, int(self._bytes // (4 * targets.dim)))

    def propose(self, vectors: np.ndarray, count: int) -> list[np.ndarray]:
        count = min(count, len(self.targets))
        fetched = min(len(self.targets), count + max(8, int(SPARE * count)))
        scores, rows = self._neighbours(vectors, fetched)
        needed = scores[:, count - 1].astype(np.float64) - 2 * self.error
        wanted = scores >= needed[:, None]
        if fetched < len(self.targets):
            short = np.flatnonzero(wanted[:, -1])
        else:
            short = np.empty(0, dtype=np.int64)
        found = [row[keep] for row, keep in zip(rows, wanted, strict=True)]
        wider = self._at_least(vectors[short], needed[short], count)
        for index, wide in zip(short, wider, strict=True):
            found[index] = wide
        self.widened += len(short)
        return found

    def _neighbours(self, vectors: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The ``count`` best in float32, best first: scores and rows, shape (n, count)."""
        scores = np.empty((len(vectors), 0), dtype=np.float32)
        rows = np.empty((len(vectors), 0), dtype=np.int64)
        for start, chunk in self.targets.chunks(self._chunk):
            of_chunk = min(count, len(chunk))
            more, at = self._of_chunk(start, chunk, vectors, of_chunk)
            if start == 0:
                scores, rows = more, at
                continue
            scores = np.concatenate([scores, more], axis=1)
            rows = np.concatenate([rows, at + start], axis=1)
            best = np.argsort(-scores, axis=1, kind="stable")[:, :count]
            scores = np.take_along_axis(scores, best, axis=1)
            rows = np.take_along_axis(rows, best, axis=1)
        return scores, rows

    def _at_least(
        self, vectors: np.ndarray, lowest: np.ndarray, count: int
    ) -> Iterator[np.ndarray]:
        """For each vector the rows whose float32 score is at least ``lowest``.

        Of a crowd of them the ``count`` best alone.
        """
        at_once = max(1, int(self._bytes // (16 * len(self.targets))))
        for first in range(0, len(vectors), at_once):
            block = vectors[first : first + at_once]
            above = np.empty((len(block), len(self.targets)), dtype=bool)
            for start, chunk in self.targets.chunks(self._chunk):
                above[:, start : start + len(chunk)] = (
                    block @ chunk.T >= lowest[first : first + at_once, None]
                )
            crowds = np.flatnonzero(above.sum(axis=1) > CROWDED * count)
            self.crowded += len(crowds)
            best = dict(
                zip(
                    crowds.tolist(),
                    best_of_all(block[crowds], self.targets, count, self._chunk),
                    strict=True,
                )
            )
            for index, row in enumerate(above):
                yield best[index] if index in best else np.flatnonzero(row)
