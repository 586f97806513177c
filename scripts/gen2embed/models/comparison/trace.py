"""What one way to embed an item does, step by step, and the first step at which two ways part.

A trace that does not know a step (vectors from a file know none) differs from none there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

SAME = 1e-4  # of pixels and positions; of cosine between vectors 1e-5 (fp32) or 1e-2 (half)
COSINE = {"float32": 1e-5}
STEPS = {  # field of a trace -> what is said of it
    "prompt": "system level of the role",
    "rendered": "rendered text",
    "ids": "token ids",
    "grid": "pixel grid",
    "pixels": "pixel values",
    "positions": "positions",
    "place": "pooled place",
    "state": "last state, normed or raw",
    "form": "number format",
    "padding": "an item in a batch, and its padding side",
    "vector": "the vector itself: weights, or what no step shows",
}


@dataclass
class Trace:
    """Of one item. place: counted from the end of the prompt, -1 its last token, or "mean".

    padding: side, and whether the vector in a batch is that of the item alone.
    """

    vector: np.ndarray
    prompt: str | None = None
    rendered: str | None = None
    ids: list[int] | None = None
    grid: list[int] | None = None
    pixels: np.ndarray | None = None
    positions: np.ndarray | None = None
    place: int | str | None = None
    state: str | None = None
    form: str | None = None
    padding: tuple[str, bool] | None = None


def differs(step: str, first: Trace, second: Trace) -> bool:
    """Whether both know the step and did not do the same."""
    if step == "vector":
        allowed = max(COSINE.get(form or "float32", 1e-2) for form in (first.form, second.form))
        return 1 - cosine(first.vector, second.vector) > allowed
    mine, theirs = getattr(first, step), getattr(second, step)
    if mine is None or theirs is None:
        return False
    if step == "padding":  # the sides may differ, as long as nothing depends on them
        return mine[1] != theirs[1]
    if isinstance(mine, np.ndarray):
        if mine.shape != theirs.shape:
            return True
        return bool(np.abs(mine.astype(np.float64) - theirs).max(initial=0) > SAME)
    return mine != theirs


def first_difference(first: Trace, second: Trace) -> str | None:
    """The first step at which two traces of an item part; None: they agree to the end."""
    return next((step for step in STEPS if differs(step, first, second)), None)


def cosine(first: np.ndarray, second: np.ndarray) -> float:
    """Of two unit vectors; of different lengths 0."""
    if first.shape != second.shape:
        return 0.0
    return float(first.astype(np.float64) @ second.astype(np.float64))


def summary(first: Sequence[Trace], second: Sequence[Trace]) -> list[dict[str, Any]]:
    """For each step at which items part first: how many, cosine (mean, least), an example."""
    found = [first_difference(*pair) for pair in zip(first, second, strict=True)]
    rows = []
    for step, meaning in STEPS.items():
        at = [number for number, name in enumerate(found) if name == step]
        if not at:
            continue
        cosines = [cosine(first[number].vector, second[number].vector) for number in at]
        rows.append(
            {
                "step": step, "meaning": meaning, "items": len(at), "of": len(found),
                "mean_cosine": float(np.mean(cosines)), "least_cosine": min(cosines),
                "example": {
                    "item": at[0],
                    "first": _shown(step, first[at[0]]),
                    "second": _shown(step, second[at[0]]),
                },
            }
        )  # fmt: skip
    return rows


def _shown(step: str, trace: Trace) -> Any:
    value = getattr(trace, step)
    if isinstance(value, np.ndarray):
        return {"shape": list(value.shape), "first": value.ravel()[:4].tolist()}
    return value
