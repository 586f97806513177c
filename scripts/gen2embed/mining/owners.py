"""Who could be a negative of an anchor (step 2): by its search, or by chance.

A proposer yields, for every row whose query is still unused when its turn comes, the candidates
that a strategy may choose from. ``taken`` marks the queries that are not free.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from gen2embed.canonical import canonical
from gen2embed.mining.search import Pool, Search
from gen2embed.mining.subset import Subset
from gen2embed.mining.vectors import SideVectors

RANKS = (1, 5, 10)  # "positive at rank 1, in the top 5, in the top 10"
CROWDED = 32  # one matrix product over all n queries costs about what n / 32 look-ups cost


@dataclass(frozen=True)
class Candidates:
    """The negative pairs an anchor may get, in the order of retrieval.

    Arrays have shape (n,), one entry per candidate; numbers are those of the ``Subset``.
    """

    subset: Subset
    queries: SideVectors
    targets: SideVectors
    row: int  # the anchor pair
    owners: np.ndarray  # queries
    retrieved: np.ndarray  # the target through which each owner was found; -1: by chance
    scores: np.ndarray  # canonical score of that target to the anchor query; NaN: by chance
    vector: np.ndarray  # the anchor query's, float64, shape (dim,)
    ranks: np.ndarray  # of that target in the search, from 0, positives counted; -1: by chance
    by_score: bool = False  # a target without owner is compared by its own score to the anchor

    def __len__(self) -> int:
        return len(self.owners)

    @property
    def anchor(self) -> int:
        """The anchor query."""
        return int(self.subset.query[self.row])

    @property
    def pairs(self) -> np.ndarray:
        """The negative pair of each owner: its last row."""
        return self.subset.last_pair[self.owners]

    @cached_property
    def overlap(self) -> np.ndarray:
        """Canonical score of the anchor query with each owner query, or what stands in for it."""
        overlap = canonical(self.vector, self.queries.float64(self.owners))
        if self.by_score:
            ownerless = self.owners >= len(self.subset.query_ids)
            overlap[ownerless] = self.scores[ownerless]
        return overlap

    @cached_property
    def target_likeness(self) -> np.ndarray:
        """Canonical score of the anchor's own target with the target of each negative pair."""
        own = self.targets.float64(self.subset.target[self.row : self.row + 1])[0]
        return canonical(own, self.targets.float64(self.subset.last_target[self.owners]))

    @cached_property
    def positive_score(self) -> float:
        """Canonical score of the anchor query with its own row's target."""
        target = self.subset.target[self.row : self.row + 1]
        return float(canonical(self.vector, self.targets.float64(target))[0])

    @cached_property
    def least_positive_score(self) -> float:
        """Likewise with all its known positives: the least."""
        known = self.subset.positives[self.anchor]
        return float(canonical(self.vector, self.targets.float64(known)).min())

    def hardness(self, kept: np.ndarray) -> np.ndarray:
        """Canonical score of the anchor query with the targets of the kept negative pairs."""
        hardness = self.scores[kept]
        target = self.subset.last_target[self.owners[kept]]
        other = np.flatnonzero(target != self.retrieved[kept])
        if len(other):
            hardness[other] = canonical(self.vector, self.targets.float64(target[other]))
        return hardness


class Proposer(Protocol):
    """Steps 0 to 2 of a strategy family."""

    tally: Counter

    def propose(self, phase: int, used: np.ndarray, taken: np.ndarray) -> Iterator[Candidates]:
        """Candidates of every row whose query is unused at its turn; both masks may change."""


@dataclass
class SearchedOwners:
    """Candidates by search. ``limit`` (k·m) bounds them in pass 1; in pass 2 the pool alone does.

    ``pool_size`` is 2·k·m. The tally counts searches, ranks of the positive (pass 1), targets
    whose owners were all taken, and candidates passed over because the negative pair's target is
    a known positive of the anchor.
    """

    search: Search
    pool_size: int
    limit: int
    by_score: bool = False

    def __post_init__(self) -> None:
        self.subset = self.search.subset
        self.tally = Counter()

    def propose(self, phase: int, used: np.ndarray, taken: np.ndarray) -> Iterator[Candidates]:
        for pool in self.search.pools(used):
            self.tally["searches"] += 1
            if phase == 1:
                self._note_rank(pool)
            yield self._free_owners(pool, taken, self.limit if phase == 1 else self.pool_size)

    def _note_rank(self, pool: Pool) -> None:
        self.tally["searched_anchors"] += 1
        at = np.flatnonzero(pool.targets == self.subset.target[pool.row])
        for rank in RANKS:
            self.tally[f"positive_in_top_{rank}"] += bool(len(at) and at[0] < rank)

    def _free_owners(self, pool: Pool, taken: np.ndarray, limit: int) -> Candidates:
        """Map the targets, best first, each to its free owner most similar to the anchor.

        The anchor is not among the owners, since every target that it owns is struck out.
        """
        known = self.subset.positives[self.subset.query[pool.row]]
        struck = (pool.targets[: self.pool_size, None] == known).any(axis=1)
        targets = pool.targets[: self.pool_size][~struck]
        positives = set(known.tolist())
        through: dict[int, int] = {}  # owner -> place of the target through which it was found
        visited = len(targets)
        passed_over = 0
        for position, ranked in self._ranked(pool, targets, taken, limit):
            owner = next((owner for owner in ranked if owner not in through), None)
            if owner is None:  # all the best are mine: look at the rest
                owner = self._best(pool, int(targets[position]), taken, through)
            if owner is None:
                continue
            if self.subset.last_target.item(owner) in positives:
                passed_over += 1
                continue
            through[owner] = position
            if len(through) == limit:
                visited = position + 1
                break
        self.tally["passed_over"] += passed_over
        self.tally["owner_taken"] += visited - passed_over - len(through)
        positions = np.fromiter(through.values(), dtype=np.int64, count=len(through))
        return Candidates(
            subset=self.subset,
            queries=self.search.queries,
            targets=self.search.targets,
            row=pool.row,
            owners=np.fromiter(through, dtype=np.int64, count=len(through)),
            retrieved=targets[positions],
            scores=pool.scores[: self.pool_size][~struck][positions],
            vector=pool.vector,
            ranks=np.flatnonzero(~struck)[positions],
            by_score=self.by_score,
        )

    def _ranked(
        self, pool: Pool, targets: np.ndarray, taken: np.ndarray, at_once: int
    ) -> Iterator[tuple[int, list[int]]]:
        """For each target that has free owners: its place, and these, best first.

        Of many owners only those that can be the best are listed. ``at_once``: targets looked at
        before the first is yielded, and then all the others.
        """
        for start, stop in ((0, at_once), (at_once, len(targets))):
            if start >= len(targets):
                return
            owners, positions = self.subset.owners.of_many(targets[start:stop])
            free = ~taken[owners]
            owners, positions = owners[free], positions[free]
            sizes = np.bincount(positions)
            if len(owners) > len(self.search.queries) / CROWDED:
                likely = self._likely(pool, owners, sizes)
                owners, positions = owners[likely], positions[likely]
                sizes = np.bincount(positions)
            if len(positions) > np.count_nonzero(sizes):
                several = np.flatnonzero(sizes[positions] > 1)
                likeness = np.zeros(len(owners))
                likeness[several] = self._likeness(pool, owners[several])
                owners = owners[np.lexsort((owners, -likeness, positions))]
            filled = np.flatnonzero(sizes)
            ends = np.cumsum(sizes[filled]).tolist()
            flat = owners.tolist()
            first = 0
            for position, end in zip(filled.tolist(), ends, strict=True):
                yield start + position, flat[first:end]
                first = end

    def _likely(self, pool: Pool, owners: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        """Which owners can be their target's best: twice the float32 error from its maximum."""
        proposed = pool.likeness()[owners].astype(np.float64)
        filled = sizes[sizes > 0]
        best = np.maximum.reduceat(proposed, np.cumsum(filled) - filled)
        return proposed >= np.repeat(best, filled) - 2 * self.search.backend.error

    def _best(
        self, pool: Pool, target: int, taken: np.ndarray, through: dict[int, int]
    ) -> int | None:
        owners = self.subset.owners[target]
        free = ~taken[owners] & ~np.isin(owners, list(through))
        owners = owners[free]
        if not len(owners):
            return None
        likeness = self._likeness(pool, owners)
        return int(owners[np.lexsort((owners, -likeness))[0]])

    def _likeness(self, pool: Pool, owners: np.ndarray) -> np.ndarray:
        return canonical(pool.vector, self.search.queries.float64(owners))


@dataclass
class RandomOwners:
    """Candidates by chance: the first ``k`` free queries in a random order, drawn once per pass.

    Every anchor so gets a uniform draw from what is free; one whose pair's target is a known
    positive of the anchor is passed over and stays in line for the next anchor. Source: ours.
    """

    subset: Subset
    queries: SideVectors
    targets: SideVectors
    k: int
    seed: int

    def __post_init__(self) -> None:
        self.tally = Counter()

    def propose(self, phase: int, used: np.ndarray, taken: np.ndarray) -> Iterator[Candidates]:
        generator = np.random.default_rng([self.seed, phase])
        line = generator.permutation(len(self.subset.query_ids)).tolist()[::-1]
        for row, anchor in enumerate(self.subset.query.tolist()):
            if used[anchor]:
                continue
            drawn, seen = [], []
            positives = set(self.subset.positives[anchor].tolist())
            while line and len(drawn) < self.k:
                query = line.pop()
                if taken[query]:
                    continue
                seen.append(query)
                if self.subset.last_target.item(query) in positives:
                    self.tally["passed_over"] += query != anchor
                else:
                    drawn.append(query)
            yield self._candidates(row, anchor, drawn)
            line += [query for query in reversed(seen) if not taken[query]]

    def _candidates(self, row: int, anchor: int, drawn: list[int]) -> Candidates:
        owners = np.array(drawn, dtype=np.int64)
        return Candidates(
            subset=self.subset,
            queries=self.queries,
            targets=self.targets,
            row=row,
            owners=owners,
            retrieved=np.full(len(owners), -1),
            scores=np.full(len(owners), np.nan),
            vector=self.queries.float64(np.array([anchor]))[0],
            ranks=np.full(len(owners), -1),
        )
