"""Items: what is embedded."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import pandas as pd
import pyarrow as pa

from gen2embed.errors import InputError
from gen2embed.files import read_parquet
from gen2embed.prompts.registry import ROLES


@dataclass(frozen=True)
class Item:
    """One unique (text, image) of one side, in the role it is encoded in."""

    text: str
    image_path: str  # relative to the image root; "" = no image
    role: str


class Items(Sequence[Item]):
    """Items in row order, kept as Arrow columns: about the bytes of their texts.

    A list of objects needs ten times that, and every loader worker that counts references in it
    comes to own a copy.
    """

    def __init__(self, texts: pa.Array, images: pa.Array, roles: pa.Array):
        self.columns = texts, images, roles

    def __len__(self) -> int:
        return len(self.columns[0])

    @overload
    def __getitem__(self, rows: int) -> Item: ...

    @overload
    def __getitem__(self, rows: slice) -> Items: ...

    def __getitem__(self, rows: int | slice) -> Item | Items:
        if isinstance(rows, slice):
            start, stop, step = rows.indices(len(self))
            if step != 1:
                return Items(
                    *(
                        column.take(pa.array(range(start, stop, step), pa.int64()))
                        for column in self.columns
                    )
                )
            return Items(*(column.slice(start, max(0, stop - start)) for column in self.columns))
        return Item(*(column[int(rows)].as_py() for column in self.columns))


def read_items(path: str, role: str) -> Items:
    """The items of a file in row order; ``role`` is that of items that name none themselves.

    Raises InputError for a file that is missing or empty, ids other than 0, 1, 2, ..., or an
    unknown role.
    """
    frame, _ = read_parquet(path, ["item_id", "text", "image_path"], ["role"])
    if frame.empty:
        raise InputError(f"{path}: holds no items")
    if not (frame["item_id"].to_numpy() == range(len(frame))).all():
        raise InputError(f"{path}: item_id must be 0, 1, 2, ... in row order")
    roles = frame["role"].replace("", role) if "role" in frame else pd.Series([role] * len(frame))
    unknown = ~roles.isin(ROLES).to_numpy()
    if unknown.any():
        row = int(unknown.argmax())
        raise InputError(
            f"{path}: row {row}: unknown role {roles.iat[row]!r}; known: {', '.join(ROLES)}"
        )
    columns = (frame["text"], frame["image_path"], roles.astype("category"))
    return Items(*(_array(column) for column in columns))


def digest_of_images(root: str | Path, items: Items) -> str:
    """Of names, sizes and times of change of the items' image files; their bytes are not read.

    The time is the one that no program can set, so that a file put in another's place is seen.
    """
    found = hashlib.sha256()
    for path in sorted(set(items.columns[1].unique().to_pylist()) - {""}):
        try:
            facts = (Path(root) / path).stat()
            found.update(f"{path} {facts.st_size} {facts.st_ctime_ns}\n".encode())
        except OSError:
            found.update(f"{path} is not there\n".encode())  # who reads it says so
    return found.hexdigest()


def _array(column: pd.Series) -> pa.Array:
    made = pa.array(column)
    return made.combine_chunks() if isinstance(made, pa.ChunkedArray) else made
