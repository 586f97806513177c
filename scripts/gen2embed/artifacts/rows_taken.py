"""Which rows of a data set were taken: a parquet file's metadata tell it, results repeat it.

The metadata are texts: ``split``, ``row_cap`` ("" = all rows), and ``dropped``, how many bad rows
were left out. That key is there only where some were, so that other files stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gen2embed.errors import InputError

DROPPED = "dropped"


def as_metadata(split: str, row_cap: int | None, dropped: int) -> dict[str, str]:
    """row_cap None: all rows."""
    taken = {"split": split, "row_cap": "" if row_cap is None else str(row_cap)}
    return taken | dropped_as_metadata(dropped)


def dropped_as_metadata(dropped: int) -> dict[str, str]:
    return {DROPPED: str(dropped)} if dropped else {}


def from_metadata(metadata: Mapping[str, str]) -> dict[str, Any]:
    """split and row_cap (null where there is none, or it is not told), and dropped above 0."""
    cap = metadata.get("row_cap")
    taken = {"split": metadata.get("split"), "row_cap": _count("row_cap", cap) if cap else None}
    return taken | dropped_from_metadata(metadata)


def dropped_from_metadata(metadata: Mapping[str, str]) -> dict[str, int]:
    count = dropped_of(metadata)
    return {DROPPED: count} if count else {}


def dropped_of(metadata: Mapping[str, Any]) -> int:
    """Of a file's metadata, a score's ``data``, statistics or a card's subset; untold: none."""
    return _count(DROPPED, metadata.get(DROPPED, 0))


def _count(name: str, value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise InputError(
            f"{name} is {value!r:.40} in the metadata of the rows taken; prepare the items again"
        ) from None


def rows_dropped(count: int, sentence: str = "{}") -> str:
    """What a caption says: "2 rows dropped" at the place of ``{}``; "" where there are none."""
    return sentence.format(f"{count} row{'s' * (count > 1)} dropped") if count else ""
