"""The register of what is downloaded: data sets and models, with source, licence, files and rows.

``registry.csv`` beside this module, one line for a data set's training or evaluation rows, a
compositional subset, a set of images, or a model:

- ``source``: ``hub`` (the Hugging Face hub), or the address of one file with ``{repo}``,
  ``{revision}`` and ``{path}`` left open;
- ``revision``: ``main`` where none could be pinned here (it is resolved once and locked:
  ``gen2embed.download.revisions``), or ``sha256:...``, the digest of the only file;
- ``files``: patterns of its row files (``{split}`` is a training split), or of a model's (``.bin``
  weights are taken where there are no safetensors); ``archives``: zips of its images; both may
  name several, separated by a space;
- ``rows``: of each split, published (training: both splits have the same number);
- ``counterpart``: what the same data set is called in the other part (train ImageNet_1K is eval
  ImageNet-1K).

Standard library only, since the workflow imports it.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from gen2embed.data.wheel_models import wheel_models
from gen2embed.errors import InputError

HUB = "hub"
TRAIN_SPLITS = ("original", "diverse_instruction")


@dataclass(frozen=True)
class RegisterEntry:
    """One line of the register; empty strings where a column does not apply."""

    kind: str  # dataset, composition, images, model
    part: str  # train, eval; sugarcrepe, sugarcrepe_pp; composition; model
    name: str
    source: str
    repo: str
    revision: str
    licence: str
    files: str
    archives: str
    rows: str
    meta_task: str
    split: str
    labelled: str
    target_role: str
    counterpart: str

    @property
    def repo_type(self) -> str:
        return "model" if self.kind == "model" else "dataset"

    def row_patterns(self, splits: Sequence[str]) -> list[str]:
        """Patterns of its files; of training rows one for each split asked for."""
        patterns = [
            pattern.format(split=split)
            for pattern in self.files.split()
            for split in (splits if "{split}" in pattern else [""])
        ]
        return list(dict.fromkeys(patterns))


def load_registry() -> list[RegisterEntry]:
    """All lines in their order."""
    path = Path(__file__).with_name("registry.csv")
    with path.open(encoding="utf-8", newline="") as file:
        return [RegisterEntry(**row) for row in csv.DictReader(file)]


def entries(part: str, names: Sequence[str] | None = None) -> list[RegisterEntry]:
    """The lines of a part in the register's order; ``names``: these alone.

    Raises InputError for a name that the part has not.
    """
    every = [entry for entry in load_registry() if entry.part == part]
    known = [entry.name for entry in every]
    for name in names or ():
        if name not in known:
            near = get_close_matches(name, known, 1, cutoff=0.4)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
            raise InputError(f"unknown {part} data set {name!r}; {hint}")
    return [entry for entry in every if names is None or entry.name in names]


def find_model(name: str) -> RegisterEntry:
    """A model of the register by its name or hub id; InputError for an unknown one."""
    every = [entry for entry in load_registry() if entry.kind == "model"]
    for entry in every:
        if name in (entry.name, entry.repo):
            return entry
    known = ", ".join(
        [*(entry.name for entry in every), *(wheel_model.name for wheel_model in wheel_models())]
    )
    raise InputError(f"unknown model {name!r}; known: {known}; or give a transformers folder")


def unregistered_model(repo: str) -> RegisterEntry:
    """A hub model as the register would have it; its own line where the register has one."""
    models = [entry for entry in load_registry() if entry.kind == "model"]
    known = [entry for entry in models if entry.repo == repo]
    return known[0] if known else replace(models[0], name=repo, repo=repo, licence="see its page")


def registered_rows(part: str, name: str) -> int | None:
    """Published rows of a data set; None for one that the register has not."""
    for entry in load_registry():
        if (entry.part, entry.name) == (part, name):
            return int(entry.rows)
    return None
