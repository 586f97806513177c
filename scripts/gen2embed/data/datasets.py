"""The registers of data sets: which there are, what they ask, where they count.

Plain CSV files beside this module; the workflow reads the names, the builder the rest. Uses the
standard library only, since the workflow imports it.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, fields
from pathlib import Path

from gen2embed.below import check_name
from gen2embed.errors import InputError

REGISTERS = {
    "mini": "datasets_mini.csv",
    "mmeb": "registry.csv",
    "wordnet": "datasets_wordnet.csv",
    "own": "datasets_own.csv",
}
PARTS = ("train", "eval")  # the other lines of a register are no data sets of these
COLUMNS = ("part", "name", "meta_task", "split", "labelled", "target_role")


@dataclass(frozen=True)
class DataSetEntry:
    """One line of a register; the columns are docs/data_dictionary.md's ``data/datasets.csv``.

    ``task`` (what its rows ask) and ``concepts`` (seen, unseen, any) are those of benchmarks made
    here: empty elsewhere.
    """

    part: str
    name: str
    meta_task: str
    split: str
    labelled: str
    target_role: str
    task: str
    concepts: str

    def columns(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in COLUMNS}


def load_register(benchmark: str) -> list[DataSetEntry]:
    """All data sets of a benchmark in their order.

    Raises InputError for an unknown benchmark and for a name that is no file's name.
    """
    if benchmark not in REGISTERS:
        raise InputError(f"unknown benchmark {benchmark!r}; known: {', '.join(REGISTERS)}")
    path = Path(__file__).parent / REGISTERS[benchmark]
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["part"] in PARTS]
    for row in rows:
        check_name(row["name"], path.name)
    columns = [field.name for field in fields(DataSetEntry)]
    return [DataSetEntry(**{name: row.get(name, "") for name in columns}) for row in rows]


def names(benchmark: str, part: str) -> list[str]:
    """The names of a part's data sets ("train", "eval") in the register's order."""
    return [entry.name for entry in load_register(benchmark) if entry.part == part]
