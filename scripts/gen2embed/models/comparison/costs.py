"""What each difference between two ways to embed costs: cosine, and Precision@1 of rows.

Of every step the items that part first at it are taken from the second way, all others from the
first: how the score changes is the step's own cost. Ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gen2embed.artifacts.ids import Rows
from gen2embed.evaluation.intervals import bootstrap_means, interval
from gen2embed.evaluation.precision import predict
from gen2embed.models.comparison.trace import STEPS, Trace, cosine, first_difference

Pair = tuple[Sequence[Trace], Sequence[Trace]]  # of the same items, the first way and the second


def hits_of(rows: Rows, queries: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """float64, shape (rows,): 1 where the positive scores above every other; a tie is 0."""
    found = predict(queries, targets, rows.query_ids, rows.candidates, rows.sizes)
    return found.hits.astype(np.float64)


def costs(by_role: Mapping[str, Pair], rows: Rows | None) -> list[dict[str, Any]]:
    """One entry for each step at which items of either role part first, in the order of steps.

    by_role: "query" and, for rows, "target" -> traces of both ways. Keys: step, meaning, items
    (by role), mean_cosine, least_cosine; with rows precision_at_1 (fraction, of the first way with
    these items of the second), cost (of the first way minus that), ci_low, ci_high (95 %, paired
    bootstrap over rows). Where the widths differ, no item can be exchanged, and cost is None.
    """
    parted = {
        role: np.array([first_difference(*pair) or "" for pair in zip(*traces, strict=True)])
        for role, traces in by_role.items()
    }
    plain = {
        role: [np.stack([trace.vector for trace in of_way]) for of_way in traces]
        for role, traces in by_role.items()
    }
    before = hits_of(rows, plain["query"][0], plain["target"][0]) if rows else None
    found = []
    for step, meaning in STEPS.items():
        at = {role: np.flatnonzero(names == step) for role, names in parted.items()}
        if not any(map(len, at.values())):
            continue
        cosines = [
            cosine(by_role[role][0][row].vector, by_role[role][1][row].vector)
            for role, numbers in at.items()
            for row in numbers
        ]
        entry = {
            "step": step, "meaning": meaning,
            "items": {role: len(numbers) for role, numbers in at.items()},
            "mean_cosine": float(np.mean(cosines)), "least_cosine": min(cosines),
        }  # fmt: skip
        if rows is not None and before is not None:
            entry |= _precision(plain, at, rows, before)
        found.append(entry)
    return found


def _precision(
    plain: Mapping[str, Sequence[np.ndarray]],
    at: Mapping[str, np.ndarray],
    rows: Rows,
    before: np.ndarray,
) -> dict[str, float | None]:
    mixed = {}
    for role, (first, second) in plain.items():
        if first.shape != second.shape:
            return {"precision_at_1": None, "cost": None, "ci_low": None, "ci_high": None}
        mixed[role] = first.copy()
        mixed[role][at[role]] = second[at[role]]
    after = hits_of(rows, mixed["query"], mixed["target"])
    low, high = interval(bootstrap_means(before - after))
    value = {"precision_at_1": float(after.mean()), "cost": float((before - after).mean())}
    return value | {"ci_low": low, "ci_high": high}
