"""What a configuration asks for, before anything runs: items, pairs, passes, disk, hours.

Numbers come from the configuration, from the register of data sets (before the data are here) or
from the items themselves (afterwards), and from the rates that an experiment measured. What is not
known is None and is said to be unknown: nothing is guessed. Ours. (``anchors.py`` estimates.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from gen2embed.files import check_numbers, read_json_lines, read_json_object

FLOAT_BYTES = 4
PASSES = {
    True: 2,
    False: 1,
}  # encoder passes of an item in a step, with gradient caching and without


def encodings(config: Mapping[str, Any], items: Mapping[str, int | None]) -> dict[str, int | None]:
    """How many items are embedded, by what for.

    items: of each part (train, eval, composition) both sides together, None = not known yet.
    Zero-shot: what is evaluated under every prompt, training items under the prompt of mining.
    Fine-tuned: every checkpoint on the evaluation sets, the final adapter on the compositions, too.
    """

    def times(count: int, *parts: str) -> int | None:
        known = [items[part] for part in parts]
        return None if any(count is None for count in known) else count * sum(known)

    train = config["train"]
    runs = len(train["runs"]) * len(train["seeds"])
    prompts = len(config["embed"]["prompts"])
    mines = bool(train["runs"]) and not config["mining_from"]
    return {
        "evaluated, zero-shot": times(prompts, "eval", "composition"),
        "training items, for mining": times(1, "train") if mines else 0,
        "evaluated, checkpoints": times(runs * len(train["checkpoints"]), "eval") if runs else 0,
        "evaluated, fine-tuned": times(runs, "eval", "composition") if runs else 0,
    }


def trainings(config: Mapping[str, Any]) -> dict[str, int]:
    """Trainings, their optimiser steps, pairs at most, and encoder passes at most, all together."""
    train = config["train"]
    runs = len(train["runs"]) * len(train["seeds"])
    pairs = runs * train["steps"] * train["pairs_per_batch"]
    return {
        "trainings": runs,
        "optimiser steps": runs * train["steps"],
        "pairs in batches, at most": pairs,
        "encoder passes, at most": 2 * pairs * PASSES[train["caching"]],
    }


def vector_bytes(embedded: Mapping[str, int | None], dim: int | None) -> int | None:
    """Bytes of all vectors, float32; None where items or their width are not known."""
    if dim is None or any(value is None for value in embedded.values()):
        return None
    return sum(embedded.values()) * dim * FLOAT_BYTES


def measured_rates(results: str | Path) -> dict[str, float | None]:
    """Items a second in embedding, pairs a second in training: what an experiment measured.

    Medians over the ``*.run.json`` of its embeddings and the steps of its trainings, one process
    each. None where there are none.
    """
    results = Path(results)
    items = []
    for path in sorted(results.glob("embeddings/**/*.run.json")):
        record = read_json_object(path)
        if record.get("items"):
            check_numbers(path, record, ("items", "seconds"))
            items.append(record["items"] / max(record["seconds"], 1e-3))
    pairs = []
    for path in sorted(results.glob("adapters/**/training_log.run.jsonl")):
        lines = read_json_lines(path, "pairs_per_second")
        if lines:
            pairs.append(median(line["pairs_per_second"] for line in lines))
    return {
        "items_per_second": median(items) if items else None,
        "pairs_per_second": median(pairs) if pairs else None,
    }


def hours(
    embedded: Mapping[str, int | None],
    trained: Mapping[str, int],
    rates: Mapping[str, float | None],
) -> dict[str, float | None]:
    """Hours of one device for embedding and for training at these rates; None = not known."""
    total = None if None in embedded.values() else sum(embedded.values())
    items, pairs = rates["items_per_second"], rates["pairs_per_second"]
    in_batches = trained["pairs in batches, at most"]
    training = 0.0 if not in_batches else None
    return {
        "embedding": None if total is None or not items else total / items / 3600,
        "training": in_batches / pairs / 3600 if in_batches and pairs else training,
    }


def lines_of(title: str, values: Mapping[str, Any], unit: str = "") -> Sequence[tuple[str, str]]:
    """Rows of the plan as it is read: what, how much; None is "not known yet"."""
    return [(f"{title}: {name}", written(value, unit)) for name, value in values.items()]


def written(value: Any, unit: str = "") -> str:
    if value is None:
        return "not known yet"
    text = f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"
    return f"{text} {unit}".strip()
