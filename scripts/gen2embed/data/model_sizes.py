"""How large the register's models are: parameters (vision tower included) and vectors' width.

``model_sizes.csv`` beside this module. Parameters were counted in what transformers builds of each
model's published configuration (on the meta device); of an adapter they are its base model's.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

from gen2embed.data.registry import load_registry


class Size(NamedTuple):
    """Parameters, and the width of a vector (the language model's hidden size)."""

    parameters: int
    width: int


def size_of(model: str) -> Size | None:
    """Size of a model by its name in the register or its hub id; None of another one."""
    names = [model, *(entry.name for entry in load_registry() if model in (entry.name, entry.repo))]
    path = Path(__file__).with_name("model_sizes.csv")
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["name"] in names:
                return Size(int(row["parameters"]), int(row["width"]))
    return None
