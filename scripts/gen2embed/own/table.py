"""A user's table as pairs of items: columns, cells, images. One line says what cannot be used."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gen2embed.below import is_below
from gen2embed.errors import InputError

ROLES = ("query", "query_image", "positive", "positive_image", "split")  # and their usual columns
PART_OF = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("eval", "test", "dev", "val", "valid", "validation", "evaluation"), "eval"),
}


class Side(NamedTuple):
    """A text and the path of an image below the folder of images; "" = none."""

    text: str
    image: str


class Pair(NamedTuple):
    row: int  # of the table, from 0
    query: Side
    target: Side
    part: str  # train, eval; "": the split is made here


def columns_of(have: Sequence[str], renamed: Mapping[str, str], path: object) -> dict[str, list]:
    """Role -> its columns in the table: ``positive``, and ``positive_1``, ``positive_2`` ...

    renamed: role -> a column of another name, or "" for none. Raises InputError where there is
    neither text nor image of a side.
    """
    for role, name in renamed.items():
        if role not in ROLES:
            raise InputError(f"--columns {role}={name}: unknown role; known: {', '.join(ROLES)}")
        if name and name not in have:
            raise InputError(f"{path}: column {name!r} is missing (it has: {', '.join(have)})")
    found = {}
    for role in ROLES:
        name = renamed.get(role, role)
        numbered = [
            column for column in have if name and re.fullmatch(rf"{re.escape(name)}_\d+", column)
        ]
        found[role] = [*([name] if name and name in have else []), *numbered]
    for side in ROLES[:4:2]:
        if not found[side] and not found[f"{side}_image"]:
            raise InputError(
                f"{path}: has no column {side!r} or '{side}_image' (it has: {', '.join(have)}); "
                f"rename one, or say which it is: --columns {side}=NAME"
            )
    for role in ("query", "query_image", "split"):
        if len(found[role]) > 1:
            raise InputError(f"{path}: columns {', '.join(found[role])}: a row has one {role}")
    return found


def texts_of(value: Any, named: str) -> list[str]:
    """The texts of a cell, empty ones left out: a text, a number as it is written, or a list.

    Raises InputError for anything else, such as an object or a truth value.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return []
    if isinstance(value, list | tuple):
        return [text for entry in value for text in texts_of(entry, named)]
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InputError(f"{named} is {value!r:.60}, no text; write texts, or lists of them")
    text = str(value).strip()
    if "\0" in text:
        raise InputError(f"{named} holds a zero byte; save the file as UTF-8")
    return [text] if text else []


def image_path(name: str, root: Path, named: str) -> str:
    """A cell's path, relative to the folder of images; backslashes become slashes.

    Raises InputError for an address, a path out of that folder, and a file that is not there.
    """
    if re.match(r"[a-z]+://", name, re.I) or name.startswith("data:"):
        raise InputError(f"{named} is {name!r:.80}: fetch images first, and give their paths")
    path = name.replace("\\", "/")
    if re.match(r"[A-Za-z]:/", path):
        raise InputError(f"{named} is {name!r:.80}: give it relative to the folder of images")
    if path.startswith("/"):
        try:
            path = Path(path).relative_to(root.absolute()).as_posix()
        except ValueError:
            raise InputError(f"{named} is {name!r:.80}, which is not below {root}") from None
    path = path.removeprefix("./")
    if not is_below(path):
        raise InputError(f"{named} is {name!r:.80}, which leads out of {root}")
    if not (root / path).is_file():
        raise InputError(f"{named}: {root / path} is not there; check name, case and --images")
    return path


def part_of(cell: list[str], named: str) -> str:
    if not cell:
        raise InputError(f"{named} is empty; fill it in every row, or leave out the column")
    word = cell[0].lower()
    if word not in PART_OF:
        raise InputError(f"{named} is {cell[0]!r:.40}; known: {', '.join(PART_OF)}")
    return PART_OF[word]


def pairs_of(
    records: Sequence[Mapping[str, Any]],
    columns: Mapping[str, list[str]],
    root: Path | None,
    path: object,
    skip_empty: bool,
) -> tuple[list[Pair], int, int]:
    """The pairs, one for each positive of a row; how many stood there before; how many were empty.

    Several texts and images of a row's positives are paired in order where both are as many, and
    one text goes with every image, or one image with every text. A row without query or positive is
    an error, or left out with ``skip_empty``.
    """
    found: dict[tuple, Pair] = {}
    again = empty = 0
    for number, record in enumerate(records):
        named = f"{path}: row {number}"
        cells = {
            role: [
                text for name in names for text in texts_of(record.get(name), f"{named}: {name}")
            ]
            for role, names in columns.items()
        }
        for role in ("query_image", "positive_image"):
            if cells[role] and root is None:
                raise InputError(f"{named}: has an image; give the folder of images: --images")
            cells[role] = [image_path(image, root, f"{named}: {role}") for image in cells[role]]
        for role in ("query", "query_image"):
            if len(cells[role]) > 1:
                raise InputError(f"{named}: {role} has {len(cells[role])} values; give one")
        targets = sides(cells["positive"], cells["positive_image"], named)
        queries = sides(cells["query"], cells["query_image"], named)
        if not targets or not queries:
            if not skip_empty:
                what = "positive" if queries else "query"
                raise InputError(f"{named}: has no {what}; fill it in, or give --skip-empty")
            empty += 1
            continue
        part = part_of(cells["split"], f"{named}: split") if columns["split"] else ""
        for target in targets:
            key = (queries[0], target)
            if key in found and found[key].part != part:
                raise InputError(
                    f"{named}: the same pair stands in row {found[key].row} in another split; "
                    "keep one"
                )
            again += key in found
            found.setdefault(key, Pair(number, queries[0], target, part))
    return list(found.values()), again, empty


def sides(texts: list[str], images: list[str], named: str) -> list[Side]:
    if len(texts) > 1 and len(images) > 1 and len(texts) != len(images):
        raise InputError(
            f"{named}: {len(texts)} texts and {len(images)} images of the positives do not pair; "
            "give as many of both, or one of one kind"
        )
    count = max(len(texts), len(images))
    texts = texts * count if len(texts) == 1 else texts or [""] * count
    images = images * count if len(images) == 1 else images or [""] * count
    return [Side(text, image) for text, image in zip(texts, images, strict=True)]
