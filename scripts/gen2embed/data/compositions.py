"""SugarCrepe and SugarCrepe++ as published, and as items and rows by id.

Layouts, as the published files have them: SugarCrepe is an object, number -> ``filename``,
``caption``, ``negative_caption``; SugarCrepe++ a list of objects with ``id``, ``caption2`` (a
second true caption) and the same fields. Images are COCO's, below one folder. White space around a
caption is stripped (some end in a line break); nothing else is changed. Published SugarCrepe++ has
rows whose false caption is word for word a true one: no vectors get them right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gen2embed.below import below
from gen2embed.data.checks import ERROR, Finding
from gen2embed.data.composition_sets import SUBSETS, SUGARCREPE
from gen2embed.data.mmeb import number, stack
from gen2embed.errors import InputError
from gen2embed.files import read_json

QUERY = "Find me an image that matches the given caption: {caption}"
TARGET = ""  # the bare image, as in the authors' program
TRUE_FIELDS = {name: ("caption",) for name in SUBSETS} | {
    name: ("caption", "caption2") for name in SUBSETS if name != SUGARCREPE
}
FALSE_FIELD = "negative_caption"
NUMBER_FIELD = "id"


@dataclass(frozen=True)
class Composition:
    """An image (path below the image root), one or two captions true of it, and a false one."""

    row_id: int
    image: str
    true: tuple[str, ...]
    false: str


def read_subset(folder: str | Path, benchmark: str, subset: str) -> list[Composition]:
    """The rows of ``<folder>/<benchmark>/<subset>.json``, ordered by number.

    Raises InputError for an unknown name, a missing file, another layout, a missing field, an empty
    file name, a number that occurs twice. Empty captions: ``check_captions``.
    """
    if subset not in SUBSETS.get(benchmark, ()):
        known = ", ".join(f"{name}/{entry}" for name, of in SUBSETS.items() for entry in of)
        raise InputError(f"unknown subset {benchmark}/{subset}; known: {known}")
    path = Path(folder) / benchmark / f"{subset}.json"
    if not path.is_file():
        raise InputError(f"{path}: no such file; put the published {subset}.json there")
    published = read_json(path)
    layout = dict if benchmark == SUGARCREPE else list
    if not isinstance(published, layout) or not published:
        wanted = "an object of rows by number" if layout is dict else "a list of rows"
        raise InputError(f"{path}: is not {wanted}; it must be as {benchmark} was published")
    entries = published.items() if layout is dict else enumerate(published)
    rows = [_composition(path, benchmark, key, row) for key, row in entries]
    rows.sort(key=lambda row: row.row_id)
    for row, following in pairwise(rows):
        if row.row_id == following.row_id:
            raise InputError(f"{path}: number {row.row_id} occurs twice; number the rows anew")
    return rows


def _composition(path: Path, benchmark: str, key: Any, row: Any) -> Composition:
    names = ("filename", *TRUE_FIELDS[benchmark], FALSE_FIELD)
    if not isinstance(row, Mapping):
        raise InputError(f"{path}: row {key}: is not an object with {', '.join(names)}")
    texts = []
    for name in names:
        text = row.get(name)
        if not isinstance(text, str) or (name == "filename" and not text.strip()):
            raise InputError(f"{path}: row {key}: {name!r} is missing or empty; mend the row")
        texts.append(text.strip())
    stated = key if benchmark == SUGARCREPE else row.get(NUMBER_FIELD)
    try:
        row_id = int(stated)
    except (TypeError, ValueError):
        raise InputError(f"{path}: row {key}: its number {stated!r} is no integer") from None
    image, *true, false = texts
    return Composition(row_id, image, tuple(true), false)


def check_captions(rows: Sequence[Composition]) -> list[Finding]:
    """A finding for the rows with an empty caption, or none."""
    fault = "a caption is empty"
    empty = [row.row_id for row in rows if not all((*row.true, row.false))]
    if not empty:
        return []
    return [Finding("empty_item", ERROR, len(empty), empty[0], fault, dict.fromkeys(empty, fault))]


def refuse_faults(rows: Sequence[Composition], root: str | Path, source: str) -> None:
    """Raise InputError for the first empty caption, and for the first image not below ``root``."""
    for finding in check_captions(rows):
        raise InputError(f"{source}: row {finding.row}: {finding.wording}; mend the row")
    _check_images(rows, root, source)


def _check_images(rows: Sequence[Composition], root: str | Path, source: str) -> None:
    found: dict[str, bool] = {}
    for row in rows:
        if row.image not in found:
            try:
                found[row.image] = below(root, row.image).is_file()
            except InputError as error:
                raise InputError(f"{source}: row {row.row_id}: {error}") from None
        if not found[row.image]:
            raise InputError(
                f"{source}: row {row.row_id}: no image {Path(root) / row.image}; put it there or "
                "name another --image-root"
            )


def by_id(sets: Sequence[Sequence[Composition]]) -> tuple[pd.DataFrame, pd.DataFrame, list]:
    """Unique captions (query side), unique bare images (target side), each set's rows by id.

    Columns of items and rows: docs/data_dictionary.md. Ids are given in the order of first
    appearance over all sets; a caption shared between sets is one item.
    """
    captions, images = [], []
    for rows in sets:
        texts = [
            QUERY.format(caption=caption) for row in rows for caption in (*row.true, row.false)
        ]
        captions.append(stack(texts, [""] * len(texts), "query"))
        shown = [row.image for row in rows]
        images.append(stack([TARGET] * len(shown), shown, "target"))
    queries, caption_ids = number(captions)
    targets, image_ids = number(images)
    frames = []
    for rows, of_captions, of_images in zip(sets, caption_ids, image_ids, strict=True):
        ends = np.cumsum([len(row.true) + 1 for row in rows])
        lists = np.split(of_captions, ends[:-1])
        frames.append(
            pd.DataFrame(
                {
                    "row_id": np.array([row.row_id for row in rows], dtype=np.int64),
                    "image_id": of_images,
                    "true_ids": [caption[:-1] for caption in lists],
                    "false_id": np.array([caption[-1] for caption in lists], dtype=np.int64),
                }
            )
        )
    return queries, targets, frames
