"""Mine one subset with one strategy: the seams of this package put together."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from gen2embed.artifacts.further_targets import BORROW, NONE, SCORE
from gen2embed.mining.approximate import Approximation, approximate_or_refuse
from gen2embed.mining.backends import ExactBackend, Neighbours, on_cpu
from gen2embed.mining.clusters import ClusterTable
from gen2embed.mining.filters import Recipe
from gen2embed.mining.further import borrowed_owners
from gen2embed.mining.owners import RANKS, RandomOwners, SearchedOwners
from gen2embed.mining.saha import mine
from gen2embed.mining.search import Search
from gen2embed.mining.strategies import CHANCE, NOWHERE, Settings, Strategy
from gen2embed.mining.subset import Subset
from gen2embed.mining.vectors import SideVectors

GIGABYTE = 1e9
BLOCK_ROWS = 1024  # most anchors searched at once, where nobody says otherwise
RESIDENT_SHARE = 1 / 4  # of the memory bound, for each side's vectors


@dataclass(frozen=True)
class Mined:
    """Clusters, what to say about them, and effort (which depends on block size)."""

    clusters: ClusterTable
    tally: Counter
    dropped_queries: int
    prefetched: int  # anchors, those used before their turn included
    searched: int  # of these, distinct query vectors
    widened: int  # of these, searches that had to be widened
    crowded: int  # of these, searches whose targets were (nearly) all alike
    search: dict[str, Any]  # exact; or which index, and its recall


def mine_subset(
    subset: Subset,
    query_vectors: np.ndarray,
    target_vectors: np.ndarray,
    strategy: Strategy,
    *,
    k: int,
    m: int,
    labelled: bool,
    seed: int,
    block_rows: int,
    memory: float,
    neighbours: Neighbours = on_cpu,
    approximation: Approximation | None = None,
    recipe: Recipe | None = None,
    ownerless: str = NONE,
) -> Mined:
    """Clusters of one subset (METHOD 2; paper, algorithm 1).

    ``query_vectors`` and ``target_vectors``: unit vectors by item id, float32 or float16, shapes
    (n_items, dim), perhaps memory-mapped. ``memory``: bytes of temporary arrays, roughly. The
    clusters do not depend on ``block_rows``, ``memory`` or ``neighbours`` (who searches). They do
    on ``approximation``: an index for large subsets, which InputError refuses if it misses much.
    ``recipe``: of the strategy ``filtered``; where one has a range, it decides how many targets a
    search brings, and candidates are all that have free owners. ``ownerless``: what stands in for
    the owners of the subset's further targets (``further.py``).
    """
    recipe = strategy.recipe or recipe
    if strategy.candidates == NOWHERE:
        return Mined(ClusterTable.alone(subset), Counter(), 0, 0, 0, 0, 0, {})
    queries = SideVectors(query_vectors, subset.query_ids, memory * RESIDENT_SHARE)
    targets = SideVectors(target_vectors, subset.target_ids, memory * RESIDENT_SHARE)
    if len(subset.further):
        stand_in = np.zeros(len(subset.further), dtype=np.int64)
        if ownerless == BORROW:
            stand_in = borrowed_owners(subset, queries, targets, memory, neighbours)
        ids = np.concatenate([subset.query_ids, subset.query_ids[stand_in]])
        queries = SideVectors(query_vectors, ids, memory * RESIDENT_SHARE)
    if strategy.candidates == CHANCE:
        proposer = RandomOwners(subset, queries, targets, k, seed)
        search, facts = None, {}
    else:
        backend, facts = ExactBackend(targets, memory, neighbours), {"exact": True}
        pool_size, limit = 2 * k * m, k * m
        if recipe is not None:
            most = int(np.diff(subset.positives.starts).max())
            limit = pool_size = recipe.pool_size(pool_size, most)
        count = max(pool_size, max(RANKS))
        if approximation and len(targets) >= approximation.from_targets:
            backend, of_index = approximate_or_refuse(
                approximation, backend, queries, targets, count, memory, seed
            )
            facts = {"exact": False, **of_index}
        search = Search(
            subset=subset,
            queries=queries,
            targets=targets,
            backend=backend,
            count=count,
            block_rows=block_rows,
            memory=memory,
            group=k + 1,
        )
        proposer = SearchedOwners(search, pool_size, limit, ownerless == SCORE)
    choose = partial(strategy.choose, settings=Settings(k, labelled, seed, recipe))
    clusters, used = mine(len(subset.query_ids), proposer, choose, len(subset.further))
    return Mined(
        clusters=ClusterTable.of(clusters, subset),
        tally=proposer.tally,
        dropped_queries=int((~used).sum()),
        prefetched=search.prefetched if search else 0,
        searched=search.searched if search else 0,
        widened=search.backend.widened if search else 0,
        crowded=search.backend.crowded if search else 0,
        search=facts,
    )
