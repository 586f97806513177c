"""Precision@1 over each query's own candidate list (MMEB; METHOD: entry 0 is the positive).

Scores are canonical: dot products of the stored vectors in float64, rounded to 9 decimals, so that
a tie is a tie on any machine. Float32 proposes which candidates could matter, a canonical score
decides. A tie with a different candidate is a miss: index 0 is the positive,
and an argmax that takes the first of equals would give constant vectors 100 %. The value of that
index-0 rule is computed beside it, for comparison with published numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gen2embed.canonical import canonical, float32_error

BLOCK_ROWS = 256  # of gathered vectors at a time: they stay in the processor's cache


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


class Lists:
    """Scores of queries with candidate lists, exact wherever they can decide anything.

    queries, targets: unit vectors by item id, shape (n, dim), float32 or float16.
    """

    def __init__(self, queries: np.ndarray, targets: np.ndarray, block_rows: int = BLOCK_ROWS):
        self.queries, self.targets = queries, targets
        self.room = np.empty((block_rows, targets.shape[1]), dtype=targets.dtype)
        self.error = float32_error(targets.shape[1])

    def scores(self, query_id: int, ids: np.ndarray, takes_part: np.ndarray) -> np.ndarray:
        """Scores of one list, entry 0 the positive: float64, shape (len(ids),).

        Canonical are the positive's, those that could equal it, and those that could be the best
        of the others; any other is a float32 score, on the right side of both.
        takes_part: bool, shape (len(ids),): which candidates count among the others.
        """
        scores = self._proposed(self.queries[query_id], ids).astype(np.float64)
        near = np.abs(scores - scores[0]) <= 2 * self.error
        best = scores[takes_part].max(initial=-np.inf)
        near |= takes_part & (scores >= best - 2 * self.error)
        near[0] = True
        vector = self.queries[query_id].astype(np.float64)
        scores[near] = canonical(vector, self.targets[ids[near]].astype(np.float64))
        return scores

    def _proposed(self, query: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """Each row is summed on its own (no matrix product), in float32."""
        query = query.astype(np.float32)
        parts = []
        for start in range(0, len(ids), len(self.room)):
            of_block = ids[start : start + len(self.room)]
            rows = self.room[: len(of_block)]
            np.take(self.targets, of_block, axis=0, out=rows, mode="clip")
            parts.append(np.einsum("ij,j->i", rows.astype(np.float32, copy=False), query))
        return np.concatenate(parts)


def predict(
    queries: np.ndarray,
    targets: np.ndarray,
    query_ids: np.ndarray,
    candidate_ids: np.ndarray,
    sizes: np.ndarray,
    target_valid: np.ndarray | None = None,
    block_rows: int = BLOCK_ROWS,
) -> Predictions:
    """Rank every row's candidates.

    queries, targets: unit vectors by item id, shape (n, dim); query_ids, sizes: shape (n_rows,);
    candidate_ids: the lists one after another, entry 0 of each the positive. target_valid: bool per
    target item; candidates that are not valid take no part (the positives must be valid: leave such
    rows out before).
    """
    lists = Lists(queries, targets, block_rows)
    n_rows = len(query_ids)
    predicted = np.empty(n_rows, dtype=np.int64)
    rank = np.empty(n_rows, dtype=np.int64)
    margin = np.empty(n_rows)
    left_out = np.empty(n_rows, dtype=np.int64)
    candidates = np.empty(n_rows, dtype=np.int64)
    ends = np.cumsum(sizes)
    for row, (start, end) in enumerate(zip(ends - sizes, ends, strict=True)):
        ids = candidate_ids[start:end]
        takes_part = ids != ids[0]
        left_out[row] = len(ids) - 1 - takes_part.sum()
        if target_valid is not None:
            takes_part &= target_valid[ids]
        scores = lists.scores(query_ids[row], ids, takes_part)
        others = scores[takes_part]
        best = others.max(initial=-np.inf)
        rank[row] = 1 + (others >= scores[0]).sum()
        margin[row] = scores[0] - best
        winner = int(others.argmax()) if best >= scores[0] else -1
        predicted[row] = ids[0] if winner < 0 else ids[takes_part][winner]
        candidates[row] = 1 + len(others)
    return Predictions(predicted, rank, margin, left_out, candidates)
