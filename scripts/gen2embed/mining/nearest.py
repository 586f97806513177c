"""The best rows of a set of vectors for one vector: exact search, as mining's."""

from __future__ import annotations

import numpy as np

from gen2embed.canonical import canonical
from gen2embed.errors import InputError
from gen2embed.mining.backends import ExactBackend
from gen2embed.mining.vectors import SideVectors

MEMORY = 1e9  # bytes, of temporary arrays


def nearest(
    stored: np.ndarray, valid: np.ndarray, vector: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Rows (int64) and similarities (float64) of the ``count`` best, best first, ties by row.

    stored: unit vectors, float32 or float16, shape (n, dim); valid: bool, shape (n,), the rows
    that take part; vector: float32, shape (dim,). Fewer where the set holds fewer. FAISS proposes,
    canonical similarities decide. Raises InputError where no row is valid.
    """
    rows = np.flatnonzero(valid)
    if not len(rows):
        raise InputError("none of the items has a vector; embed them again")
    if not count:
        return rows[:0], np.empty(0)
    targets = SideVectors(stored, rows, MEMORY)
    (found,) = ExactBackend(targets, MEMORY).propose(vector[None], min(count, len(rows)))
    similarities = canonical(vector.astype(np.float64), targets.float64(found))
    best = np.lexsort((found, -similarities))[:count]
    return rows[found[best]], similarities[best]
