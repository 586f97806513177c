"""What a training cost and how much data it saw, from its card and its log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gen2embed.errors import InputError
from gen2embed.files import check_numbers, read_json_lines, read_json_object
from gen2embed.models.folders.sums import CARD

LOG = "training_log.jsonl"
COUNTS = ("pairs_seen", "items_encoded", "queries_trained")


def read_card(adapter: str | Path) -> dict[str, Any]:
    """The card of an adapter of this project; InputError where it lacks what is told of it."""
    path = Path(adapter) / CARD
    card = read_json_object(path, "clusters", *COUNTS)
    check_numbers(path, card, COUNTS)
    of_sets = card["clusters"]
    if not isinstance(of_sets, dict) or not all(
        isinstance(facts, dict) for facts in of_sets.values()
    ):
        raise InputError(f"{path}: clusters is no object by subset; train the adapter again")
    for name, facts in of_sets.items():
        check_numbers(f"{path}: clusters of {name}", facts, ("pairs",))
    return card


def pairs_seen_at(adapter: str | Path, steps: Sequence[int]) -> dict[int, int]:
    """How many pairs had entered the loss after each of the steps, from the training's log.

    Raises InputError for a step that the log has not.
    """
    path = Path(adapter) / LOG
    if not path.is_file():
        raise InputError(f"{path}: no such file; train the adapter first")
    lines = read_json_lines(path, "step", "pairs_seen")
    seen = {line["step"]: line["pairs_seen"] for line in lines}
    for step in steps:
        if step not in seen:
            raise InputError(f"{path}: has no step {step}; its last is {max(seen, default=0)}")
    return {step: seen[step] for step in steps}


def rows_of(card: Mapping[str, Any]) -> int:
    """Rows of all training subsets: the denominator of "passes over the data"."""
    return sum(value["pairs"] for value in card["clusters"].values())


def cost_of(cards: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Means over seeds of what was trained on and encoded.

    pairs_seen: query-target pairs that entered the loss; items_encoded: queries and targets that
    went through the encoder, each once a step (the second pass of gradient caching is not
    counted); items_per_query: of them for each query with a loss of its own.
    """
    found = {name: float(np.mean([card[name] for card in cards])) for name in COUNTS}
    queries = found.pop("queries_trained")
    return found | {"items_per_query": found["items_encoded"] / queries}
