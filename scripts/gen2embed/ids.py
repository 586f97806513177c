"""Ids of rows: int64, and every one of them the number of a row that is there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gen2embed.errors import InputError
from gen2embed.files import read_parquet


def read_id_rows(
    path: str,
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


def check_ids(
    path: str, what: str, ids: np.ndarray, holder: str, n: int, rows: np.ndarray | None = None
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
