"""How often a random batch asks a query to be far from an answer of its own. Pure functions.

In-batch losses (MNRL, InfoNCE) use the positives, and mostly the negatives, of every other row as
negatives. Row j collides with row i if one of these is a known positive of query i. In a batch of
B different rows of N drawn at random, a given pair of rows meets with B (B - 1) / (N (N - 1)), and
none of the c rows that collide with i joins it with C(N - 1 - c, B - 1) / C(N - 1, B - 1)
(hypergeometric). A row with several positives or negatives counts with any of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from math import exp, lgamma
from typing import Any

import numpy as np

from gen2embed.triplets.faults import Known
from gen2embed.triplets.items import Item, Row


def colliding_rows(rows: Sequence[Row], known: Known, with_negatives: bool) -> np.ndarray:
    """How many other rows collide with each row: int64, shape (n_rows,)."""
    holders: dict[Item, set[int]] = defaultdict(set)
    for number, row in enumerate(rows):
        for item in (*row.positives, *(row.negatives if with_negatives else ())):
            holders[item].add(number)
    sets: dict[frozenset[Item], set[int]] = {}
    counts = np.zeros(len(rows), dtype=np.int64)
    for number, row in enumerate(rows):
        positives = frozenset(known.positives[row.query])
        if positives not in sets:
            sets[positives] = set().union(*(holders[item] for item in positives))
        others = sets[positives]
        counts[number] = len(others) - (number in others)
    return counts


def free_of(n_rows: int, batch: int, colliding: int) -> float:
    """Probability that none of ``colliding`` rows is among the ``batch - 1`` others of N - 1."""
    others, drawn = n_rows - 1, batch - 1
    if colliding + drawn > others:
        return 0.0

    def log_choose(n: int, k: int) -> float:
        return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)

    return exp(log_choose(others - colliding, drawn) - log_choose(others, drawn))


def expected(rows: Sequence[Row], known: Known, batch: int) -> dict[str, Any]:
    """Of a batch of ``batch`` rows (all of them, where there are fewer).

    by_positives, with_negatives: ``pairs`` of rows that collide, ordered, in a mean batch, and the
    ``share`` of its queries that collide at least once.
    """
    n_rows = len(rows)
    size = min(batch, n_rows)
    found: dict[str, Any] = {"batch": size}
    for name, with_negatives in (("by_positives", False), ("with_negatives", True)):
        counts = colliding_rows(rows, known, with_negatives)
        meet = size * (size - 1) / (n_rows * (n_rows - 1)) if n_rows > 1 else 0.0
        values, times = np.unique(counts, return_counts=True)
        hit = [1 - free_of(n_rows, size, int(value)) for value in values]
        found[name] = {
            "pairs": round(float(counts.sum() * meet), 6),
            "share": round(float(np.dot(hit, times) / n_rows), 6),
        }
    return found
