"""Ids of rows: int64, and every one of them the number of a row that is there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from gen2embed.below import check_name
from gen2embed.errors import InputError
from gen2embed.files import read_parquet

MOST_ITEMS = 2**31  # so that two ids make one number of 64 bits


def read_id_rows(
    path: str | Path,
    columns: Sequence[str],
    ids: Sequence[str],
    what: str = "rows",
    optional: Sequence[str] = (),
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Rows and the file's metadata; InputError where there are none, or ``ids`` are not int64.

    optional: columns that are read where the file has them.
    """
    frame, metadata = read_parquet(path, columns, optional)
    if frame.empty:
        raise InputError(f"{path}: holds no {what}")
    for column in ids:
        if frame[column].dtype != np.int64:
            raise InputError(f"{path}: {column} is {frame[column].dtype}; ids are int64")
    return frame, metadata


def whole_number(
    path: str | Path, metadata: Mapping[str, str], key: str, default: int | None = None
) -> int:
    """A number of a file's metadata, 0 or more; InputError where it is none, or not told.

    default: where it may be missing.
    """
    stated = metadata.get(key)
    if stated is None and default is not None:
        return default
    if stated is None or not re.fullmatch("[0-9]{1,15}", stated):
        raise InputError(f"{path}: its metadata tell {key} as {stated!r:.40}; make the file again")
    return int(stated)


def check_once(path: str | Path, what: str, ids: np.ndarray) -> None:
    """Raise InputError for the first id that stands there a second time. ids: shape (m,)."""
    again = pd.Series(ids).duplicated().to_numpy()
    if again.any():
        row = int(again.argmax())
        raise InputError(
            f"{path}: row {row}: {what} {ids[row]} stands there before; each row is given once"
        )


def read_pairs(path: str | Path) -> tuple[np.ndarray, np.ndarray, dict[str, str]]:
    """query_id and target_id by row, and the file's metadata.

    Raises InputError where pair_id is not the row, or the subset's name cannot be a file's.
    """
    columns = ["pair_id", "query_id", "target_id"]
    frame, metadata = read_id_rows(path, columns, columns, "pairs")
    wrong = frame["pair_id"].to_numpy() != np.arange(len(frame))
    if wrong.any():
        raise InputError(f"{path}: row {wrong.argmax()}: pair_id must be 0, 1, 2, ... in row order")
    for column in columns[1:]:
        check_ids(path, column, frame[column].to_numpy(), "any items file", MOST_ITEMS)
    if "subset" in metadata:
        check_name(metadata["subset"], path)
    return frame["query_id"].to_numpy(), frame["target_id"].to_numpy(), metadata


EXTRAS = ("concept", "alike")  # what a made benchmark tells of its evaluation rows, where it does


class Rows(NamedTuple):
    """Evaluation rows: row_id, query_id and, where they are there, ``EXTRAS``; candidate ids, a
    list after another; the lists' lengths, int64, shape (n_rows,); the file's metadata."""

    frame: pd.DataFrame
    candidates: np.ndarray
    sizes: np.ndarray
    metadata: dict[str, str]

    @property
    def of_candidates(self) -> np.ndarray:
        """The row of each candidate."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)

    @property
    def positives(self) -> np.ndarray:
        """Entry 0 of each row."""
        return self.candidates[np.cumsum(self.sizes) - self.sizes]

    @property
    def query_ids(self) -> np.ndarray:
        return self.frame["query_id"].to_numpy()

    def asked(self, usable: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of the rows where ``usable``, bool, shape (n_rows,): queries, candidates, sizes."""
        of_usable = self.candidates[np.repeat(usable, self.sizes)]
        return self.query_ids[usable], of_usable, self.sizes[usable]


def read_rows(path: str | Path) -> Rows:
    """Raises InputError for a row that stands there twice, or has no candidates."""
    ids = ("row_id", "query_id")
    frame, metadata = read_id_rows(path, (*ids, "candidate_ids"), ids, optional=EXTRAS)
    check_once(path, "row_id", frame["row_id"].to_numpy())
    lists = frame.pop("candidate_ids")
    sizes = lists.map(len).to_numpy(dtype=np.int64)
    if not sizes.all():
        raise InputError(
            f"{path}: row {sizes.argmin()}: candidate_ids must be a list of int64 ids, "
            "entry 0 the positive"
        )
    if "alike" in frame and not frame["alike"].between(1, sizes).all():
        raise InputError(f"{path}: alike must count candidates: 1 to as many as a row has")
    return Rows(frame, np.concatenate(lists.to_list()), sizes, metadata)


def check_rows(path: str | Path, rows: Rows, holders: Mapping[str, tuple[object, int]]) -> None:
    """Raise InputError for ids that have no row. holders: by side what is named, and its rows."""
    holder, n = holders["query"]
    check_ids(path, "query_id", rows.query_ids, holder, n)
    holder, n = holders["target"]
    check_ids(path, "candidate", rows.candidates, holder, n, rows.of_candidates)


def usable_rows(
    path: str | Path, rows: Rows, query_valid: np.ndarray, target_valid: np.ndarray
) -> np.ndarray:
    """Rows whose query and positive were embedded: bool, shape (n_rows,). Another candidate that
    was not takes no part in its row. Raises InputError where there is none.

    query_valid, target_valid: of each item, bool.
    """
    usable = query_valid[rows.query_ids] & target_valid[rows.positives]
    if not usable.any():
        raise InputError(f"{path}: every row has a query or positive that was not embedded")
    return usable


def check_ids(
    path: str | Path,
    what: str,
    ids: np.ndarray,
    holder: object,
    n: int,
    rows: np.ndarray | None = None,
) -> None:
    """Raise InputError for the first id that names none of the ``n`` rows of the file ``holder``.

    ids: int64, shape (m,); rows: the row of ``path`` that each stands in, None: one id in each.
    """
    wrong = np.flatnonzero((ids < 0) | (ids >= n))
    if len(wrong):
        row = wrong[0] if rows is None else rows[wrong[0]]
        raise InputError(
            f"{path}: row {row}: {what} {ids[wrong[0]]} has no row in {holder}, which holds {n}; "
            "make both of them from the same items"
        )
