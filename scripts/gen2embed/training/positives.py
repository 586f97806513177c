"""Which targets of a batch are no negatives of a query: the other annotated positives of it."""

from __future__ import annotations

import numpy as np

from gen2embed.mining.subset import Grouping


def annotated(
    query_id: np.ndarray,
    target_id: np.ndarray,
    revealed: tuple[np.ndarray, np.ndarray] | None = None,
) -> Grouping:
    """Targets by query, from the pairs: ids of the items of each pair, shape (n_pairs,).

    revealed: ids of further positives, query and target, shape (n,) each.
    """
    asked = query_id >= 0  # none asks for a corpus' targets
    query_id, target_id = query_id[asked], target_id[asked]
    if revealed is not None:
        query_id = np.concatenate([query_id, revealed[0]])
        target_id = np.concatenate([target_id, revealed[1]])
    return Grouping.of(query_id, target_id, int(query_id.max()) + 1)


def other_positives(
    query_ids: np.ndarray, target_ids: np.ndarray, own: np.ndarray, positives: Grouping
) -> np.ndarray:
    """True where target j is annotated as right for query i but is not row ``own[i]``.

    query_ids, own: shape (queries,); target_ids: (targets,); result (queries, targets). Pairs that
    share a target or a query are cases of it: the target of the one is annotated for the other.
    """
    found = np.zeros((len(query_ids), len(target_ids)), dtype=bool)
    values, rows = positives.of_many(query_ids)
    order = np.argsort(target_ids, kind="stable")
    first, last = (np.searchsorted(target_ids[order], values, side) for side in ("left", "right"))
    counts = last - first
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    found[np.repeat(rows, counts), order[np.repeat(first, counts) + within]] = True
    found[np.arange(len(own)), own] = False
    return found
