"""Candidates that are nobody's positive: a corpus larger than the pairs. Ours.

A cluster's negatives are pairs; a target without owner counts as one whose number is that of the
pairs plus its row in the corpus. It has no query that could ask, and is never used up. What stands
in for its owner query, which strategies compare with the anchor's, is a setting.
"""

from __future__ import annotations

import numpy as np

from gen2embed.canonical import canonical
from gen2embed.mining.backends import ExactBackend, Neighbours, on_cpu
from gen2embed.mining.subset import Subset
from gen2embed.mining.vectors import SideVectors

BLOCK = 1024


def borrowed_owners(
    subset: Subset,
    queries: SideVectors,
    targets: SideVectors,
    memory: float,
    neighbours: Neighbours = on_cpu,
) -> np.ndarray:
    """For each target without owner the query that stands in for it: int64, shape (n_further,).

    It is an owner of the nearest owned target (by canonical score, of equals the lower id); of
    several owners the one whose query is most similar to the target without owner, likewise.
    queries: of the pairs alone; targets: all of the subset's.
    """
    owned = np.unique(subset.target)
    held = SideVectors(targets.stored, subset.target_ids[owned], memory / 4)
    backend = ExactBackend(held, memory, neighbours)
    found = np.empty(len(subset.further), dtype=np.int64)
    for start in range(0, len(found), BLOCK):
        vectors = targets.float32(subset.further[start : start + BLOCK])
        proposed = backend.propose(vectors, 1)
        for place, (vector, rows) in enumerate(zip(vectors, proposed, strict=True), start):
            exact = vector.astype(np.float64)
            nearest = owned[_best(exact, held, np.sort(rows))]
            found[place] = _best(exact, queries, subset.owners[nearest])
    return found


def _best(vector: np.ndarray, side: SideVectors, rows: np.ndarray) -> int:
    """Of ascending rows the one with the greatest canonical score, of equals the first."""
    return int(rows[np.argmax(canonical(vector, side.float64(rows)))])
