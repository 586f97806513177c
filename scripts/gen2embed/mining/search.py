"""Exact, lazy, blocked search (steps 0 and 1).

FAISS proposes in float32; the canonical scores decide. A proposal is a SUPERSET of the true best:
it holds every target whose float32 score is within twice the error bound of the last one needed,
and where the neighbours fetched do not reach that far, the search is widened until they do. So the
result is the same for any block size, thread count and device.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

import faiss
import numpy as np

from gen2embed.mining.subset import Subset
from gen2embed.mining.vectors import Vectors
from gen2embed.scores import canonical, float32_error

faiss.cvar.distance_compute_blas_threshold = 1  # its default multiplies blocks of 128 row by row
LEAST_BLOCK = 64  # smaller blocks waste the matrix product
WASTE = 0.1  # share of a block that may be used up while it is worked through
SPARE = 0.4  # neighbours fetched beyond those needed, as a share of them
SHARE_OF_MEMORY = 1 / 8  # of the bound, for each temporary array


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
    """Who proposes: FAISS on a CPU here; a GPU or an approximate index takes the same place."""

    widened: int

    def propose(self, vectors: np.ndarray, count: int) -> list[np.ndarray]:
        """For each of the vectors, float32 (n, dim): rows that hold the ``count`` best targets."""


class FaissBackend:
    """Exact inner-product search with FAISS over targets that lie in memory or on disk.

    ``memory`` bounds temporary arrays, in bytes. Source: faiss.knn (Johnson et al. 2017); the
    widening is ours.
    """

    def __init__(self, targets: Vectors, memory: float):
        self.targets = targets
        self.error = float32_error(targets.dim)
        self.widened = 0
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
        for place, wide in zip(short, self._at_least(vectors[short], needed[short]), strict=True):
            found[place] = wide
        self.widened += len(short)
        return found

    def _neighbours(self, vectors: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The ``count`` best in float32, best first: scores and rows, shape (n, count)."""
        scores = np.empty((len(vectors), 0), dtype=np.float32)
        rows = np.empty((len(vectors), 0), dtype=np.int64)
        for start, chunk in self.targets.chunks(self._chunk):
            of_chunk = min(count, len(chunk))
            more, at = faiss.knn(vectors, chunk, of_chunk, metric=faiss.METRIC_INNER_PRODUCT)
            if start == 0:
                scores, rows = more, at
                continue
            scores = np.concatenate([scores, more], axis=1)
            rows = np.concatenate([rows, at + start], axis=1)
            best = np.argsort(-scores, axis=1, kind="stable")[:, :count]
            scores = np.take_along_axis(scores, best, axis=1)
            rows = np.take_along_axis(rows, best, axis=1)
        return scores, rows

    def _at_least(self, vectors: np.ndarray, lowest: np.ndarray) -> Iterator[np.ndarray]:
        """For each vector the rows whose float32 score is at least ``lowest``."""
        at_once = max(1, int(self._bytes // (16 * len(self.targets))))
        for first in range(0, len(vectors), at_once):
            some = vectors[first : first + at_once]
            above = np.empty((len(some), len(self.targets)), dtype=bool)
            for start, chunk in self.targets.chunks(self._chunk):
                above[:, start : start + len(chunk)] = (
                    some @ chunk.T >= lowest[first : first + at_once, None]
                )
            for row in above:
                yield np.flatnonzero(row)


class Block:
    """Anchors that were searched together, with their likeness to all queries on demand."""

    def __init__(self, queries: Vectors, anchors: np.ndarray, memory: float):
        self.queries = queries
        self.anchors = anchors
        self.vectors = queries.float32(anchors)
        bytes_of_one = 4 * len(queries)
        self._at_once = max(1, int(memory * SHARE_OF_MEMORY // bytes_of_one))
        self._chunk = max(1024, int(memory * SHARE_OF_MEMORY // (4 * queries.dim)))
        self._first = 0
        self._likeness: np.ndarray | None = None

    def likeness(self, place: int) -> np.ndarray:
        """float32 dot products of an anchor with every query, shape (n_queries,): a proposal."""
        if self._likeness is None or not 0 <= place - self._first < len(self._likeness):
            some = self.vectors[place : place + self._at_once]
            self._first = place
            self._likeness = np.empty((len(some), len(self.queries)), dtype=np.float32)
            for start, chunk in self.queries.chunks(self._chunk):
                np.matmul(some, chunk.T, out=self._likeness[:, start : start + len(chunk)])
        return self._likeness[place - self._first]


@dataclass(frozen=True)
class Pool:
    """What the search found for one anchor row, best first, known positives still among it."""

    row: int  # of the subset's pairs
    targets: np.ndarray  # int64
    scores: np.ndarray  # float64, canonical
    vector: np.ndarray  # the anchor query's, float64, shape (dim,)
    block: Block
    place: int  # of the anchor in its block

    def likeness(self) -> np.ndarray:
        return self.block.likeness(self.place)


@dataclass
class Search:
    """Pools of the anchors that are still unused when their turn comes.

    ``count``: targets in a pool; ``block_rows``: most anchors searched together; ``memory``: bytes.
    """

    subset: Subset
    queries: Vectors
    targets: Vectors
    backend: Backend
    count: int
    block_rows: int
    memory: float
    group: int  # pairs that a cluster uses up, at most
    prefetched: int = 0

    def pools(self, used: np.ndarray) -> Iterator[Pool]:
        """Yield, in row order, the pool of every row whose query is not used (yet).

        ``used`` is bool, shape (n_queries,); the caller marks queries in it between two pools. A
        block of anchors is searched in advance; those that became used meanwhile are skipped.
        """
        after = 0
        while True:
            waiting = np.flatnonzero(~used[self.subset.query[after:]]) + after
            if not len(waiting):
                return
            rows = waiting[: self._block_size(len(waiting))]
            after = int(rows[-1]) + 1
            yield from self._searched(rows, used)

    def _block_size(self, waiting: int) -> int:
        """So few that about ``WASTE`` of the block is used up before its turn."""
        return min(self.block_rows, max(LEAST_BLOCK, int(2 * WASTE * waiting / self.group)))

    def _searched(self, rows: np.ndarray, used: np.ndarray) -> Iterator[Pool]:
        anchors = self.subset.query[rows]
        block = Block(self.queries, anchors, self.memory)
        self.prefetched += len(rows)
        proposals = self.backend.propose(block.vectors, self.count)
        for place, proposed in enumerate(proposals):
            if used[anchors[place]]:
                continue
            vector = block.vectors[place].astype(np.float64)
            scores = canonical(vector, self.targets.float64(proposed))
            best = np.lexsort((proposed, -scores))[: self.count]
            yield Pool(int(rows[place]), proposed[best], scores[best], vector, block, place)
