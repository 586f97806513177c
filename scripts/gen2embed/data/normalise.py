"""MMEB's published rows in one schema: same columns, no nulls, image paths below ``images/``.

Published training files have ``neg_text`` and ``neg_image_path`` in some subsets only, nulls for
missing values, and paths that begin with ``images/`` (training) or not (evaluation).
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from gen2embed.errors import InputError

COLUMNS = {
    "train": ("qry", "qry_image_path", "pos_text", "pos_image_path"),
    "eval": ("qry_text", "qry_img_path", "tgt_text", "tgt_img_path"),
}
PREFIXED = (r"(?s)^(?:images/)?(.+)$", r"images/\1")  # pattern, replacement


def normalised(table: pa.Table, part: str, source: str) -> pa.Table:
    """The part's four columns (docs/data_dictionary.md) of a published table.

    source: its name in messages. Raises InputError for a missing column or one of another type.
    """
    columns = {}
    for name in COLUMNS[part]:
        if name not in table.column_names:
            raise InputError(
                f"{source}: column {name!r} is missing (it has: {', '.join(table.column_names)})"
            )
        column = table[name].combine_chunks()
        clean = _image_paths if name.endswith("_path") else _texts
        if name.startswith("tgt_"):
            columns[name] = _lists(column, clean, f"{source}: column {name!r}")
        else:
            columns[name] = clean(column, f"{source}: column {name!r}")
    return pa.table(columns)


def _texts(column: pa.Array, source: str) -> pa.Array:
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        if not pa.types.is_null(column.type):
            raise InputError(f"{source} holds {column.type}, not text")
        column = column.cast(pa.string())
    return pc.fill_null(column.cast(pa.large_string()), "")


def _image_paths(column: pa.Array, source: str) -> pa.Array:
    """``images/`` in front, once; "" stays ""."""
    return pc.replace_substring_regex(_texts(column, source), *PREFIXED)


def _lists(column: pa.Array, clean, source: str) -> pa.Array:
    if not (pa.types.is_list(column.type) or pa.types.is_large_list(column.type)):
        raise InputError(f"{source} holds {column.type}, not lists of text")
    if column.null_count:
        row = pc.index(pc.is_null(column), True).as_py()
        raise InputError(f"{source}: row {row} has no list of candidates")
    values = clean(column.flatten(), source)
    sizes = pc.list_value_length(column).cast(pa.int64())
    ends = pc.cumulative_sum(sizes)
    offsets = pa.concat_arrays([pa.array([0], pa.int64()), ends.cast(pa.int64())])
    return pa.LargeListArray.from_arrays(offsets, values)
