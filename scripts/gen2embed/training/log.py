"""The training log: what two runs agree on, and what they may not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

RUN_KEYS = ("seconds", "pairs_per_second", "peak_mb")
NAMES = {
    "step": "step",
    "loss": "loss",
    "lr": "learning_rate",
    "grad_norm": "grad_norm",
    "positive_similarity": "positive_similarity",
    "negative_similarity": "negative_similarity",
    "hardest_negative_similarity": "hardest_negative_similarity",
    "pairs": "pairs",
}
LEARNED = {"temperature": "temperature"}  # in the history where it is trained


def of_training(history: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A line per step, from the trainer's history; pairs_seen counts from the first step on."""
    steps = _steps(history)
    names = NAMES | {name: key for name, key in LEARNED.items() if key in steps[0]}
    lines = [{name: entry[key] for name, key in names.items()} for entry in steps]
    seen = 0
    for line in lines:
        seen += line["pairs"]
        line["pairs_seen"] = seen
    return lines


def of_run(history: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Likewise, what the step took."""
    return [{name: entry[name] for name in ("step", *RUN_KEYS)} for entry in _steps(history)]


def _steps(history: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [entry for entry in history if "loss" in entry]
