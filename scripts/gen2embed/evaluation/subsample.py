"""A small share of an evaluation set, for what is too slow to be done on all of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def sample_rows(
    query_ids: np.ndarray, candidate_ids: Sequence[np.ndarray], rows: Sequence[int]
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Query ids and candidate lists of some rows that need few targets.

    A row keeps its positive (entry 0) and those of its candidates that are the positive of another
    chosen row; so no target becomes a candidate that was none.
    """
    positives = {int(candidate_ids[row][0]) for row in rows}
    kept = []
    for row in rows:
        others = [
            candidate_id
            for candidate_id in candidate_ids[row][1:]
            if int(candidate_id) in positives
        ]
        kept.append(np.array([candidate_ids[row][0], *others], dtype=np.int64))
    return np.asarray(query_ids)[list(rows)], kept
