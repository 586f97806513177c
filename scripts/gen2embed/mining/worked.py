"""Mining of one anchor, worked out again and kept step by step: what its search found, whose the
targets are, and which owners SaHa left out. Nothing here decides what is mined: the result must be
the mined cluster.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gen2embed.mining.backends import ExactBackend, on_cpu
from gen2embed.mining.clusters import ClusterTable
from gen2embed.mining.owners import RANKS, Candidates, SearchedOwners
from gen2embed.mining.saha import least_overlap
from gen2embed.mining.search import Pool, Search
from gen2embed.mining.subset import Subset
from gen2embed.mining.vectors import SideVectors

POSITIVE, KEPT, DISCARDED, NO_OWNER, UNSEEN = STATES = (
    "positive",  # a known positive of the anchor: struck out
    "kept",  # of the candidates with the least overlap
    "discarded",  # a candidate whose owner is too much like the anchor
    "no free owner",  # its owners are used, or own a positive of the anchor
    "not looked at",  # enough candidates stood before it
)


@dataclass(frozen=True)
class Worked:
    """One anchor's pool in the order of retrieval.

    Arrays have shape (n_targets,), numbers are those of the ``Subset``; -1 and NaN where a target
    became no candidate.
    """

    cluster: int  # row of the cluster table
    row: int  # the anchor pair
    targets: np.ndarray
    scores: np.ndarray  # canonical, of the anchor query with each target
    states: np.ndarray  # of STATES
    owners: np.ndarray
    overlap: np.ndarray  # canonical, of the anchor query with the owner query
    order: np.ndarray  # by overlap, from 0, among the candidates
    pairs: np.ndarray  # the negative pair of each owner, as a row of the subset

    @property
    def candidates(self) -> np.ndarray:
        """Places of the candidates: int64."""
        return np.flatnonzero(self.owners >= 0)

    @property
    def kept(self) -> np.ndarray:
        """Negative pairs in the order in which SaHa keeps them: rows of the subset."""
        places = np.flatnonzero(self.states == KEPT)
        return self.pairs[places[np.argsort(self.order[places])]]


class Workings:
    """Works out clusters of the first pass one by one; ``table`` holds ``pair_id`` of the pairs.

    k, m: as mined. ``memory``: bytes of temporary arrays, roughly.
    """

    def __init__(
        self,
        subset: Subset,
        queries: SideVectors,
        targets: SideVectors,
        table: ClusterTable,
        k: int,
        m: int,
        memory: float = 1e8,
    ):
        self.subset, self.table, self.k, self.limit = subset, table, k, k * m
        self.pool_size = 2 * k * m
        self.search = Search(
            subset=subset,
            queries=queries,
            targets=targets,
            backend=ExactBackend(targets, memory, on_cpu),
            count=max(self.pool_size, max(RANKS)),
            block_rows=1,
            memory=memory,
            group=k + 1,
        )
        self.row_of = {int(pair): row for row, pair in enumerate(subset.pair_ids)}

    def first_pass(self) -> Iterator[Worked]:
        """Every cluster of pass 1, in the order of mining."""
        taken = np.zeros(len(self.subset.query_ids), dtype=bool)
        for place in np.flatnonzero(self.table.phase == 1):
            row = self.row_of[int(self.table.anchor_pair[place])]
            yield self._work(int(place), row, taken)
            anchor = self.subset.query[row]
            taken[anchor] = True
            for pair in self.mined(int(place)):
                taken[self.subset.query[pair]] = True

    def mined(self, place: int) -> np.ndarray:
        """Negative pairs of a mined cluster, as rows of the subset."""
        negatives = self.table.negative_pairs[
            self.table.starts[place] : self.table.starts[place + 1]
        ]
        return np.array([self.row_of[int(pair)] for pair in negatives], dtype=np.int64)

    def _work(self, place: int, row: int, taken: np.ndarray) -> Worked:
        others = np.ones(len(taken), dtype=bool)
        others[self.subset.query[row]] = False
        pool = next(self.search.pools(others))
        proposer = SearchedOwners(self.search, pool_size=self.pool_size, limit=self.limit)
        return self._worked(place, pool, next(proposer.propose(1, others, taken.copy())))

    def _worked(self, place: int, pool: Pool, candidates: Candidates) -> Worked:
        count = min(self.pool_size, len(pool.targets))
        known = self.subset.positives[candidates.anchor]
        full = len(candidates) == self.limit
        last = int(candidates.ranks[-1]) if full else count
        states = np.where(np.arange(count) > last, UNSEEN, NO_OWNER).astype(object)
        states[np.isin(pool.targets[:count], known)] = POSITIVE
        states[candidates.ranks] = DISCARDED
        kept = least_overlap(candidates.overlap, self.k)
        states[candidates.ranks[kept]] = KEPT
        order = np.full(count, -1)
        by_overlap = least_overlap(candidates.overlap, len(candidates))
        order[candidates.ranks[by_overlap]] = np.arange(len(candidates))
        return Worked(
            cluster=place,
            row=candidates.row,
            targets=pool.targets[:count],
            scores=pool.scores[:count],
            states=states,
            owners=_at(candidates.ranks, candidates.owners, count, -1),
            overlap=_at(candidates.ranks, candidates.overlap, count, np.nan),
            order=order,
            pairs=_at(candidates.ranks, candidates.pairs, count, -1),
        )


def _at(places: np.ndarray, values: np.ndarray, count: int, otherwise: float) -> np.ndarray:
    """``values`` at their places among ``count``, and ``otherwise`` elsewhere."""
    found = np.full(count, otherwise, dtype=values.dtype)
    found[places] = values
    return found
