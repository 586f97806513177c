"""Ranking metrics of queries with one relevant candidate each, as leaderboards list them.

Everything follows from the rank of the positive. Ours.
"""

from __future__ import annotations

import numpy as np

CUTOFFS = (1, 5, 10)


def ranking_metrics(rank: np.ndarray, cutoffs: tuple[int, ...] = CUTOFFS) -> dict[str, float]:
    """Means over queries (fractions), by ``<metric>@<cutoff>``.

    rank: rank of each query's positive, 1 = first, int64, shape (n,). With one relevant candidate,
    recall is hit, the mean average precision is the reciprocal rank, and both forms of the gain
    in nDCG agree.
    """
    found = {}
    reciprocal = 1 / rank
    gain = 1 / np.log2(rank + 1)
    for cutoff in cutoffs:
        within = rank <= cutoff
        hit = float(within.mean())
        precision = hit / cutoff
        ndcg = float((gain * within).mean())
        mean_reciprocal = float((reciprocal * within).mean())
        found |= {
            f"hit@{cutoff}": hit,
            f"ndcg_linear@{cutoff}": ndcg,
            f"ndcg_exponential@{cutoff}": ndcg,
            f"precision@{cutoff}": precision,
            f"recall@{cutoff}": hit,
            f"f1@{cutoff}": hit * 2 / (cutoff + 1),
            f"map@{cutoff}": mean_reciprocal,
            f"mrr@{cutoff}": mean_reciprocal,
        }
    return {name: round(value, 9) for name, value in found.items()}
