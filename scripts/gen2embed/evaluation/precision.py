"""Precision@1 over each query's own candidate list (MMEB; METHOD: entry 0 is the positive).

Scores are canonical: dot products of the stored vectors in float64, rounded to 9 decimals, so that
a tie is a tie on any machine. A tie with a different candidate is a miss: index 0 is the positive,
and an argmax that takes the first of equals would give constant vectors 100 %. The value of that
index-0 rule is computed beside it, for comparison with published numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gen2embed.scores import canonical

BLOCK_BYTES = 64_000_000  # of gathered float64 vectors at a time


@dataclass(frozen=True)
class Predictions:
    """What was predicted, row by row; shapes (n_rows,)."""

    predicted_id: np.ndarray  # int64: the best candidate; of equals, one that is not the positive
    rank_of_positive: np.ndarray  # int64: 1 = first; a tie counts against the positive
    margin: np.ndarray  # float64: positive's score minus the best other's; +inf without others
    left_out: np.ndarray  # int64: candidates with the id of entry 0, which take no part
    candidates: np.ndarray  # int64: candidates that take part, the positive included

    @property
    def hits(self) -> np.ndarray:
        """bool: the positive scores above every other candidate."""
        return self.rank_of_positive == 1

    @property
    def index0_hits(self) -> np.ndarray:
        """bool: no candidate scores above the positive (ties go to entry 0)."""
        return self.margin >= 0

    @property
    def ties(self) -> np.ndarray:
        """bool: the best other candidate scores exactly as the positive."""
        return self.margin == 0


def score_lists(
    queries: np.ndarray,
    targets: np.ndarray,
    query_ids: np.ndarray,
    candidate_ids: np.ndarray,
    sizes: np.ndarray,
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[np.ndarray]:
    """Canonical scores of each row's candidates, entry 0 first: float64, shape (sizes[row],).

    queries, targets: vectors by item id, shape (n, dim); query_ids, sizes: shape (n_rows,);
    candidate_ids: the lists one after another. Each row is summed on its own (no matrix product),
    so neither block size nor neighbours can change a score.
    """
    ends = np.cumsum(sizes)
    most = max(1, block_bytes // (8 * targets.shape[1]))
    for row, (start, end) in enumerate(zip(ends - sizes, ends, strict=True)):
        query = queries[query_ids[row]].astype(np.float64)
        parts = [
            canonical(query, targets[candidate_ids[at : min(at + most, end)]].astype(np.float64))
            for at in range(start, end, most)
        ]
        yield np.concatenate(parts)


def predict(
    queries: np.ndarray,
    targets: np.ndarray,
    query_ids: np.ndarray,
    candidate_ids: np.ndarray,
    sizes: np.ndarray,
    target_valid: np.ndarray | None = None,
) -> Predictions:
    """Rank every row's candidates; arguments as in ``score_lists``.

    target_valid: bool per target item; candidates that are not valid take no part (the positives
    must be valid: leave such rows out before).
    """
    n_rows = len(query_ids)
    predicted = np.empty(n_rows, dtype=np.int64)
    rank = np.empty(n_rows, dtype=np.int64)
    margin = np.empty(n_rows)
    left_out = np.empty(n_rows, dtype=np.int64)
    candidates = np.empty(n_rows, dtype=np.int64)
    starts = np.cumsum(sizes) - sizes
    for row, scores in enumerate(score_lists(queries, targets, query_ids, candidate_ids, sizes)):
        ids = candidate_ids[starts[row] : starts[row] + len(scores)]
        takes_part = ids != ids[0]
        left_out[row] = len(ids) - 1 - takes_part.sum()
        if target_valid is not None:
            takes_part &= target_valid[ids]
        others = scores[takes_part]
        best = others.max(initial=-np.inf)
        rank[row] = 1 + (others >= scores[0]).sum()
        margin[row] = scores[0] - best
        winner = int(others.argmax()) if best >= scores[0] else -1
        predicted[row] = ids[0] if winner < 0 else ids[takes_part][winner]
        candidates[row] = 1 + len(others)
    return Predictions(predicted, rank, margin, left_out, candidates)
