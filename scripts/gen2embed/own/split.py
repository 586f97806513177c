"""Which pairs are held out: no target or query of one part is in the other. Pure functions."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from gen2embed.errors import InputError


def numbered(values: Sequence[Hashable]) -> np.ndarray:
    """Equal values get equal numbers, in the order of first appearance: int64, shape (n,)."""
    known: dict[Hashable, int] = {}
    return np.array([known.setdefault(value, len(known)) for value in values], dtype=np.int64)


def components(queries: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Pairs that hang together through shared queries or targets: int, shape (n_pairs,)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n_queries, n_targets = queries.max() + 1, targets.max() + 1
    size = n_queries + n_targets
    edges = coo_array((np.ones(len(queries)), (queries, n_queries + targets)), shape=(size, size))
    return connected_components(edges, directed=False)[1][queries]


def held_out(
    queries: np.ndarray, targets: np.ndarray, share: float, labelled: bool, seed: int
) -> np.ndarray:
    """Which pairs are for evaluation: bool, shape (n_pairs,).

    Whole groups are drawn until ``share`` of the pairs is reached, those that would pass it by more
    than they bring nearer left out: groups of pairs that share queries or targets; with labels,
    which every part has, of pairs that share a query. Raises InputError where that leaves one part
    empty.
    """
    groups = queries if labelled else components(queries, targets)
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    wanted = max(1.0, share * len(queries))
    chosen = np.zeros(len(sizes), dtype=bool)
    total = 0
    for drawn in np.random.default_rng(seed).permutation(len(sizes)):
        if abs(total + sizes[drawn] - wanted) < abs(total - wanted):
            chosen[drawn] = True
            total += sizes[drawn]
    if not total or chosen.all():
        raise InputError(
            f"{sizes.max()} of {len(queries)} pairs hang together through shared queries or "
            "positives, so that none can be held out; give a column split, or --labelled where the "
            "positives are labels"
        )
    return chosen[group]
