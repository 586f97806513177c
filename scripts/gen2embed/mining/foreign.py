"""Negatives that any miner found, in the usual layouts, as pairs of query and target ids. Ours.

Layouts, told apart by their columns or keys: sentence-transformers' triplets and n-tuples
(``anchor``, ``positive``, ``negative`` or ``negative_1`` ...), FlagEmbedding's (``query``, ``pos``,
``neg``: lists), tevatron's (``query``, ``positive_passages``, ``negative_passages``: lists of
objects) and plain ids
(``query_id``, ``negative_id``: one row a negative).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gen2embed.errors import InputError

NUMBERED = re.compile(r"negative(_\d+)?")
KNOWN = (
    "anchor and negative or negative_1 ... (sentence-transformers), query and neg (FlagEmbedding), "
    "query and negative_passages (tevatron), or query_id and negative_id"
)


def key_of(text: str, image_path: str) -> str:
    """How an item is called in texts alone: its text, with an image its path before it."""
    return f"<{image_path}> {text}" if image_path else text


def is_id(called: Any) -> bool:
    """Whether it is an id as CSV files have them, in digits."""
    return isinstance(called, str) and bool(re.fullmatch("[0-9]{1,15}", called))


class Names:
    """From what a miner calls an item to its id: the id, its key, or its text where that is unique.

    keys, texts: of each item, by id.
    """

    def __init__(self, keys: Sequence[str], texts: Sequence[str], what: str):
        self.what = what
        self.n = len(keys)
        counts = pd.Series(list(texts)).value_counts()
        self.ids = {text: item for item, text in enumerate(texts) if counts[text] == 1}
        self.ids |= {key: item for item, key in enumerate(keys)}

    def id_of(self, called: Any, row: int) -> int:
        """Raises InputError for what names no item."""
        if isinstance(called, Mapping):
            called = next((called[key] for key in ("docid", "id", "text") if key in called), None)
        if isinstance(called, int | np.integer) and not isinstance(called, bool):
            if 0 <= called < self.n:
                return int(called)
        elif isinstance(called, str) and called in self.ids:
            return self.ids[called]
        elif is_id(called) and int(called) < self.n:
            return int(called)
        raise InputError(
            f"row {row}: {str(called)[:80]!r} is no {self.what} of the benchmark; give its id, its "
            "key or (where no other has it) its text"
        )


def negatives_of(frame: pd.DataFrame, queries: Names, targets: Names) -> tuple[np.ndarray, ...]:
    """Query and target id of every negative, in the order of the rows: int64, shapes (n,).

    Raises InputError for an unknown layout, an unknown item, and where there is no negative.
    """
    found = [
        (queries.id_of(query, row), targets.id_of(negative, row))
        for row, query, negative in _named(frame)
    ]
    if not found:
        raise InputError("holds no negative")
    query, target = np.array(found, dtype=np.int64).T
    return query, target


def _named(frame: pd.DataFrame) -> Iterator[tuple[int, Any, Any]]:
    query, columns = _layout(frame)
    for row, record in enumerate(frame.to_dict("records")):
        for column in columns:
            value = record[column]
            for negative in value if isinstance(value, list | tuple | np.ndarray) else [value]:
                is_hole = isinstance(negative, float) and negative != negative  # of an n-tuple
                if negative is not None and not is_hole:
                    yield row, record[query], negative


def _layout(frame: pd.DataFrame) -> tuple[str, list[str]]:
    numbered = [name for name in frame.columns if NUMBERED.fullmatch(str(name))]
    if "anchor" in frame and numbered:
        return "anchor", numbered
    for query, name in (("query_id", "negative_id"), ("query", "neg")):
        if {query, name} <= set(frame.columns):
            return query, [name]
    if "negative_passages" in frame and ("query" in frame or "query_id" in frame):
        return ("query" if "query" in frame else "query_id"), ["negative_passages"]
    raise InputError(f"columns {', '.join(map(str, frame.columns))}: give {KNOWN}")
