"""Items: what is embedded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from gen2embed.errors import InputError
from gen2embed.files import read_parquet
from gen2embed.models.prompts import ROLES


@dataclass(frozen=True)
class Item:
    """One unique (text, image) of one side, in the role it is encoded in."""

    text: str
    image_path: str  # relative to the image root; "" = no image
    role: str


def read_items(path: str, role: str) -> list[Item]:
    """The items of a file in row order; ``role`` is that of items that name none themselves.

    Raises InputError for a file that is missing or empty, ids other than 0, 1, 2, ..., or an
    unknown role.
    """
    columns = ["item_id", "text", "image_path"]
    if Path(path).is_file() and "role" in _columns(path):
        columns.append("role")
    frame, _ = read_parquet(path, columns)
    if frame.empty:
        raise InputError(f"{path}: holds no items")
    if not (frame["item_id"].to_numpy() == range(len(frame))).all():
        raise InputError(f"{path}: item_id must be 0, 1, 2, ... in row order")
    roles = frame["role"] if "role" in frame else [role] * len(frame)
    unknown = sorted(set(roles) - set(ROLES))
    if unknown:
        raise InputError(f"{path}: unknown role {unknown[0]!r}; known: {', '.join(ROLES)}")
    return [Item(*row) for row in zip(frame["text"], frame["image_path"], roles, strict=True)]


def _columns(path: str) -> list[str]:
    try:
        return pq.read_schema(path).names
    except (OSError, ValueError):
        return []  # read_parquet says what is wrong with the file
