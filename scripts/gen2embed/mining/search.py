"""Exact, lazy, blocked search (steps 0 and 1).

A backend proposes in float32; the canonical scores decide. An exact backend's proposal is a
SUPERSET of the true best, so the result is the same for any block size, thread count and device.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gen2embed.canonical import canonical
from gen2embed.command_line import LOG_INTERVAL_SECONDS, progress_bar
from gen2embed.mining.backends import SHARE_OF_MEMORY, Backend
from gen2embed.mining.subset import Subset
from gen2embed.mining.vectors import SideVectors

LEAST_BLOCK = 64  # smaller blocks waste the matrix product
REMEMBERED = 4096  # pools of as many distinct queries
WASTE = 0.1  # share of a block that may be used up while it is worked through


class Block:
    """Anchors that were searched together, with their likeness to all queries on demand."""

    def __init__(self, queries: SideVectors, anchors: np.ndarray, memory: float):
        self.queries = queries
        self.anchors = anchors
        self.vectors = queries.float32(anchors)
        bytes_of_one = 4 * len(queries)
        self._at_once = max(1, int(memory * SHARE_OF_MEMORY // bytes_of_one))
        self._chunk = max(1024, int(memory * SHARE_OF_MEMORY // (4 * queries.dim)))
        self._first = 0
        self._likeness: np.ndarray | None = None

    def likeness(self, index: int) -> np.ndarray:
        """float32 dot products of an anchor with every query, shape (n_queries,): a proposal."""
        if self._likeness is None or not 0 <= index - self._first < len(self._likeness):
            block = self.vectors[index : index + self._at_once]
            self._first = index
            self._likeness = np.empty((len(block), len(self.queries)), dtype=np.float32)
            for start, chunk in self.queries.chunks(self._chunk):
                np.matmul(block, chunk.T, out=self._likeness[:, start : start + len(chunk)])
        return self._likeness[index - self._first]


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
    queries: SideVectors
    targets: SideVectors
    backend: Backend
    count: int
    block_rows: int
    memory: float
    group: int  # pairs that a cluster uses up, at most
    prefetched: int = 0  # anchors of all blocks
    searched: int = 0  # distinct vectors among them, as far as they are remembered

    def __post_init__(self) -> None:
        self._found: dict[bytes, tuple[np.ndarray, np.ndarray]] = {}  # by the query's vector

    def pools(self, used: np.ndarray) -> Iterator[Pool]:
        """Yield, in row order, the pool of every row whose query is not used (yet).

        ``used`` is bool, shape (n_queries,); the caller marks queries in it between two pools. A
        block of anchors is searched in advance; those that became used meanwhile are skipped.
        """
        after = 0
        with progress_bar(
            len(self.subset.query), "mine", "pair", delay=LOG_INTERVAL_SECONDS
        ) as bar:
            while True:
                waiting = np.flatnonzero(~used[self.subset.query[after:]]) + after
                if not len(waiting):
                    return
                rows = waiting[: self._block_size(len(waiting))]
                yield from self._searched(rows, used)
                bar.update(int(rows[-1]) + 1 - after)
                after = int(rows[-1]) + 1

    def _block_size(self, waiting: int) -> int:
        """So few that about ``WASTE`` of the block is used up before its turn."""
        return min(self.block_rows, max(LEAST_BLOCK, int(2 * WASTE * waiting / self.group)))

    def _searched(self, rows: np.ndarray, used: np.ndarray) -> Iterator[Pool]:
        anchors = self.subset.query[rows]
        block = Block(self.queries, anchors, self.memory)
        self.prefetched += len(rows)
        keys = [vector.tobytes() for vector in block.vectors]
        known = {key: self._found[key] for key in keys if key in self._found}
        new = {key: index for index, key in enumerate(keys) if key not in known}
        self.searched += len(new)
        proposed = {}
        if new:
            found = self.backend.propose(block.vectors[list(new.values())], self.count)
            proposed = dict(zip(new, found, strict=True))
        for index, key in enumerate(keys):
            if used[anchors[index]]:
                continue
            vector = block.vectors[index].astype(np.float64)
            if key not in known:
                known[key] = self._best(vector, proposed[key])
                self._remember(key, known[key])
            targets, scores = known[key]
            yield Pool(int(rows[index]), targets, scores, vector, block, index)

    def _best(self, vector: np.ndarray, proposed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scores = canonical(vector, self.targets.float64(proposed))
        best = np.lexsort((proposed, -scores))[: self.count]
        return proposed[best], scores[best]

    def _remember(self, key: bytes, found: tuple[np.ndarray, np.ndarray]) -> None:
        """Equal queries have equal pools; the newest ``REMEMBERED`` are kept."""
        self._found[key] = found
        if len(self._found) > REMEMBERED:
            del self._found[next(iter(self._found))]
