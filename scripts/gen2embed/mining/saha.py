"""Self-aware hard negative sampling as pure functions.

``mine`` is the greedy frame that all strategies share (steps 2 and 4, both passes); the paper's
own point, step 3, is ``least_overlap``. The algorithm's steps, in the order of their files:

0. scores that every machine agrees on: ``gen2embed.canonical``, ``vectors.py``;
1. the targets most similar to the anchor query: ``search.py``, ``backends.py``, ``approximate.py``;
2. the free owner of each: ``owners.py``, over pairs as ``subset.py`` numbers them;
3. the filter: here; the other strategies' in ``strategies.py``;
4. clusters, both passes: ``mine`` below, run by ``mine.py``, written by ``clusters.py``.

Paper: algorithm 1; figure 2.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gen2embed.mining.clusters import Cluster
from gen2embed.mining.owners import Candidates, Proposer


def mine(
    n_queries: int,
    proposer: Proposer,
    choose: Callable[[Candidates], np.ndarray],
    further: int = 0,
) -> tuple[list[Cluster], np.ndarray]:
    """Greedily make clusters, each of an anchor pair and the pairs that ``choose`` keeps.

    A query is used once it is an anchor or a kept owner, and is then no anchor any more. What is
    free to be a negative differs: in pass 1 what is unused; in pass 2, which goes through the
    queries left over, what has not been a negative in that pass.
    further: targets without owner, which stand for queries after all others and are always free.
    Returns the clusters and which queries are in one: bool, shape (n_queries,).
    """
    clusters = []
    used = np.zeros(n_queries + further, dtype=bool)
    for phase in (1, 2):
        taken = used if phase == 1 else np.zeros(n_queries + further, dtype=bool)
        for candidates in proposer.propose(phase, used, taken):
            kept = choose(candidates)
            if not len(kept):
                continue
            clusters.append(
                Cluster(
                    anchor_pair=candidates.row,
                    negative_pairs=candidates.pairs[kept],
                    phase=phase,
                    hardness=candidates.hardness(kept),
                    overlap=candidates.overlap[kept],
                )
            )
            owners = candidates.owners[kept]
            owners = owners[owners < n_queries]
            used[candidates.anchor] = True
            used[owners] = True
            taken[owners] = True
    return clusters, used[:n_queries]


def least_overlap(overlap: np.ndarray, k: int) -> np.ndarray:
    """Step 3: the k candidates whose owner query is least like the anchor query, in that order.

    A candidate whose owner asks for the same as the anchor is probably a false negative.
    ``overlap``: canonical query-to-query scores in the order of retrieval, which decides ties.
    """
    return np.argsort(overlap, kind="stable")[:k]
