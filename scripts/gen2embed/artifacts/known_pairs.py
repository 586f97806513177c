"""Files of what a benchmark knows of its pairs: equivalences and minimal pairs, by id. Ours."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from gen2embed.artifacts.ids import MOST_ITEMS, check_ids
from gen2embed.artifacts.origin import check_same_items, check_subset
from gen2embed.files import read_parquet

Ids = tuple[np.ndarray, np.ndarray]  # query and target ids, int64, both of shape (n,)


def read_known(path: str | Path, pairs: str | Path, of_pairs: Mapping[str, str]) -> Ids:
    """query_id and target_id of what is known of the pairs, which may be none.

    of_pairs: the metadata of the file ``pairs``. Raises InputError for ids below 0 and for a file
    of another subset or other items.
    """
    frame, metadata = read_parquet(path, ["query_id", "target_id"])
    for column in frame:
        check_ids(path, column, frame[column].to_numpy(), "any items file", MOST_ITEMS)
    check_subset(path, metadata, pairs, of_pairs)
    check_same_items(path, metadata, pairs, of_pairs)
    query, target = (frame[column].to_numpy(dtype=np.int64) for column in frame)
    return query, target
