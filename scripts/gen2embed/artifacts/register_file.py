"""``datasets.csv``: the data sets of an experiment, as every stage reads them.

A name becomes a file's name in every later stage, and ``labelled`` decides what is mined: both are
checked where the file is read. Columns: docs/data_dictionary.md.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from gen2embed.below import check_name
from gen2embed.errors import InputError
from gen2embed.files import read_csv

PARTS = ("train", "eval")
ROLES = ("query", "target")
YES, NO = ("true", "yes", "1"), ("false", "no", "0", "")


def read_register(path: str | Path, columns: Sequence[str]) -> pd.DataFrame:
    """The lines with these columns, all texts; ``labelled`` as "true" or "false".

    Raises InputError for a name that is no file's name or that stands there twice in a part, an
    unknown part or role, and a label that is neither yes nor no.
    """
    frame = read_csv(path, columns)
    for line, entry in enumerate(frame.to_dict("records")):
        named = f"{path}: row {line}"
        check_name(entry["name"], named)
        if entry["part"] not in PARTS:
            raise InputError(f"{named}: part is {entry['part']!r}; known: {', '.join(PARTS)}")
        if entry.get("target_role", ROLES[0]) not in ROLES:
            raise InputError(
                f"{named}: target_role is {entry['target_role']!r}; known: {', '.join(ROLES)}"
            )
        if not re.fullmatch(r"[0-9]{1,15}", entry.get("rows", "0")):
            raise InputError(f"{named}: rows is {entry['rows']!r}; give their number")
    again = frame.duplicated(["part", "name"])
    if again.any():
        twice = frame.loc[again, "name"].iloc[0]
        raise InputError(f"{path}: row {again.argmax()}: {twice!r} stands there twice; keep one")
    if "labelled" in frame:
        frame["labelled"] = [
            "true" if is_yes(value, f"{path}: row {line}: labelled") else "false"
            for line, value in enumerate(frame["labelled"])
        ]
    return frame


def is_yes(value: str, named: str) -> bool:
    """Yes or no in the words that CSV writers use, case apart; named: for the error."""
    word = value.strip().lower()
    if word in YES:
        return True
    if word in NO:
        return False
    raise InputError(f"{named} is {value!r}; write true or false")
