"""What scoring reads: embedding files, each once, their manifests, and ids that must fit them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gen2embed.errors import InputError
from gen2embed.files import load_embeddings, load_valid, read_json, read_parquet
from gen2embed.prompts.input_form import check_same


class Vectors:
    """Embedding files, each checked once however many jobs name it."""

    def __init__(self) -> None:
        self.loaded: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def get(self, path: str) -> tuple[np.ndarray, np.ndarray]:
        """Vectors of shape (n_items, dim), and which of them are valid: bool, shape (n_items,)."""
        if path not in self.loaded:
            vectors = load_embeddings(path)
            self.loaded[path] = vectors, load_valid(path, len(vectors))
        return self.loaded[path]

    def check_one_space(self, query: str, target: str) -> None:
        """Raise InputError where the two files differ in dimension, or in the form of input."""
        of_queries, of_targets = (self.get(path)[0].shape[1] for path in (query, target))
        if of_queries != of_targets:
            raise InputError(
                f"{target}: has {of_targets} dimensions, {query} has {of_queries}; embed both "
                "sides with one model"
            )
        forms = [(manifest(path) or {}).get("input") for path in (query, target)]
        check_same(*forms, f"{query} and {target}")


def read_id_rows(
    path: str, columns: Sequence[str], ids: Sequence[str], optional: Sequence[str] = ()
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Rows and the file's metadata; InputError where there are none, or ``ids`` are not int64.

    optional: columns that are read where the file has them.
    """
    frame, metadata = read_parquet(path, columns, optional)
    if frame.empty:
        raise InputError(f"{path}: holds no rows")
    for column in ids:
        if frame[column].dtype != np.int64:
            raise InputError(f"{path}: {column} is {frame[column].dtype}; ids are int64")
    return frame, metadata


def check_ids(
    path: str, what: str, ids: np.ndarray, rows: np.ndarray, vectors: str, n: int
) -> None:
    """Raise InputError for the first id without a vector; rows: the row that each id stands in."""
    wrong = np.flatnonzero((ids < 0) | (ids >= n))
    if len(wrong):
        at = int(wrong[0])
        raise InputError(
            f"{path}: row {rows[at]}: {what} {ids[at]} has no vector in {vectors}, which holds {n} "
            "rows; embed the items that these rows were made from"
        )


def manifest(path: str) -> Any:
    """The embedding file's own manifest; None for vectors that have none."""
    beside = Path(path).with_suffix(".json")
    return read_json(beside) if beside.is_file() else None
