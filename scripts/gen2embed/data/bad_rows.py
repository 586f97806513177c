"""Bad rows that are left out: which may be, the file that lists them, and rows without them.

At most ``data.drop_bad_rows`` rows of a data set; docs/data.md says for which faults.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from gen2embed.data.checks import ERROR, WARNING, Finding
from gen2embed.errors import InputError
from gen2embed.files import read_csv, write_csv

DROPPABLE = ("empty_item", "several_marks", "image_missing", "image_too_large", "image_broken")
COLUMNS = ("part", "name", "split", "row", "check", "said")


def is_droppable(finding: Finding) -> bool:
    return finding.severity == ERROR and finding.check in DROPPABLE


def bad_rows(findings: Sequence[Finding]) -> dict[int, Finding]:
    """Rows that could be left out, ascending, each with the first finding that names it."""
    found: dict[int, Finding] = {}
    for finding in filter(is_droppable, findings):
        for row in finding.faults:
            found.setdefault(row, finding)
    return dict(sorted(found.items()))


def dropped(
    findings: Sequence[Finding], n_rows: int, most: int
) -> tuple[list[Finding], dict[int, Finding]]:
    """The findings once bad rows are left out, and these (as ``bad_rows``).

    Where there are at most ``most`` of ``n_rows``, and others remain, errors that only they have
    become warnings; otherwise nothing is left out.
    """
    bad = bad_rows(findings)
    if not bad or len(bad) > most or len(bad) == n_rows:
        return list(findings), {}
    reported = [
        replace(finding, severity=WARNING, wording=f"{finding.wording}; dropped")
        if is_droppable(finding)
        else finding
        for finding in findings
    ]
    return reported, bad


def write_dropped(path: str | Path, rows: Sequence[tuple]) -> None:
    """rows: (part, name, split, row, check, said); an empty table has its header."""
    write_csv(path, pd.DataFrame(rows, columns=list(COLUMNS)))


@dataclass(frozen=True)
class Listed:
    """The rows of one data set that are left out; split: of which they are rows."""

    split: str
    rows: frozenset[int]


def read_dropped(path: str | Path | None) -> dict[tuple[str, str], Listed]:
    """By (part, name); None: nothing is left out.

    Raises InputError for a file that is missing, or rows that are no numbers.
    """
    if path is None:
        return {}
    frame = read_csv(path, COLUMNS)
    wrong = frame.loc[~frame["row"].str.fullmatch("[0-9]+"), "row"]
    if len(wrong):
        raise InputError(f"{path}: row {wrong.iloc[0]!r} is no number; run check_data.py again")
    return {
        (part, name): Listed(rows["split"].iloc[0], frozenset(rows["row"].astype(int)))
        for (part, name), rows in frame.groupby(["part", "name"], sort=False)
    }


def staying(numbers: Sequence[int], listed: Listed | None, split: str, source: str) -> np.ndarray:
    """Which rows stay: bool, shape (rows,). numbers: of the rows, as they are listed.

    Raises InputError where the list is of another split, or names a row that there is not.
    """
    if listed is None:
        return np.ones(len(numbers), dtype=bool)
    if listed.split != split:
        raise InputError(
            f"{source}: bad rows are listed of split {listed.split!r}, but {split!r} is taken; run "
            "check_data.py on that"
        )
    unknown = sorted(listed.rows - set(numbers))
    if unknown:
        raise InputError(
            f"{source}: has no row {unknown[0]}, which is listed as bad; run check_data.py again"
        )
    return ~np.isin(numbers, list(listed.rows))


def count_out(stays: np.ndarray, source: str) -> int:
    """How many rows are left out; InputError where none stays."""
    if not stays.any():
        raise InputError(f"{source}: all {len(stays)} rows that are taken are bad; take more rows")
    return int((~stays).sum())
