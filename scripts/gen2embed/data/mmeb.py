"""MMEB rows to items, pairs and rows by id (arXiv 2410.05160 defines the row schemas).

An item is a unique (text, image path, role); ids are given in the order of first appearance, over
all data sets of a part in the order of the register, so that shared items are encoded once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gen2embed.errors import InputError

ITEM = ["text", "image_path", "role"]


def stack(texts: Sequence[str], images: Sequence[str], role: str) -> pd.DataFrame:
    """A frame of items, repetitions included: text, image_path, role."""
    frame = pd.DataFrame({"text": texts, "image_path": images}, dtype="str").fillna("")
    return frame.assign(role=role)


def number(frames: Sequence[pd.DataFrame]) -> tuple[pd.DataFrame, list[np.ndarray]]:
    """Unique items of all frames, and each frame's item ids (int64, shape (rows,))."""
    every = pd.concat(frames, ignore_index=True)
    ids = every.groupby(ITEM, sort=False, dropna=False).ngroup().to_numpy(dtype=np.int64)
    items = every.drop_duplicates(ITEM).reset_index(drop=True)
    items.insert(0, "item_id", np.arange(len(items), dtype=np.int64))
    ends = np.cumsum([len(frame) for frame in frames])
    return items, np.split(ids, ends[:-1])


def flatten(lists: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Lists one after another, and how many entries each has (int64)."""
    sizes = lists.map(len).to_numpy(dtype=np.int64)
    flat = np.concatenate([np.asarray(values, dtype=object) for values in lists])
    return flat, sizes


def pairs_frame(query_ids: np.ndarray, target_ids: np.ndarray) -> pd.DataFrame:
    """pair_id, query_id, target_id in row order."""
    rows = np.arange(len(query_ids), dtype=np.int64)
    return pd.DataFrame({"pair_id": rows, "query_id": query_ids, "target_id": target_ids})


def rows_frame(
    rows: np.ndarray,
    query_ids: np.ndarray,
    candidate_ids: np.ndarray,
    sizes: np.ndarray,
    extras: pd.DataFrame,
) -> pd.DataFrame:
    """row_id (rows: their numbers as published), query_id, candidate_ids (entry 0 the positive).

    extras: what the data set tells of its rows besides (``ids.EXTRAS``), as columns, (n_rows,).
    """
    lists = np.split(candidate_ids, np.cumsum(sizes)[:-1])
    frame = pd.DataFrame({"row_id": rows, "query_id": query_ids, "candidate_ids": lists})
    return pd.concat([frame, extras.reset_index(drop=True)], axis=1)


def of_kept(known: pd.DataFrame, rows: np.ndarray) -> pd.DataFrame:
    """Equivalences by content of the rows that were kept, with these rows' places as ``row``.

    rows: their numbers as published, ascending.
    """
    positions = pd.Series(np.arange(len(rows)), index=rows)
    known = known[known["row"].isin(rows)]
    return known.assign(row=positions.loc[known["row"]].to_numpy())


def equivalences_by_id(
    known: pd.DataFrame,
    query_ids: np.ndarray,
    targets: pd.DataFrame,
    role: str,
    source: str,
    capped: bool = False,
) -> pd.DataFrame:
    """Equivalences by content (row, text, image_path) as query_id, target_id, in their order.

    targets: the items of the target side. Raises InputError for a row that the data set has not,
    or a target that is no item; where the rows were capped, such equivalences are left out.
    """
    if capped:
        known = known[known["row"] < len(query_ids)]
    outside = np.flatnonzero((known["row"] < 0) | (known["row"] >= len(query_ids)))
    if len(outside):
        row = int(known["row"].iloc[outside[0]])
        raise InputError(f"{source}: names row {row} of {len(query_ids)}; build the data again")
    wanted = known.assign(role=role)[ITEM].astype("str")
    merged = wanted.merge(targets, on=ITEM, how="left")
    absent = merged["item_id"].isna().to_numpy()
    if capped:
        known, merged = known[~absent], merged[~absent]
    elif absent.any():
        raise InputError(
            f"{source}: entry {absent.argmax()} names a target that the data set has not; "
            "build the data again"
        )
    found = pd.DataFrame(
        {
            "query_id": query_ids[known["row"].to_numpy()],
            "target_id": merged["item_id"].to_numpy(dtype=np.int64),
        }
    )
    return found.drop_duplicates().reset_index(drop=True)
