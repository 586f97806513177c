"""Columns of the data dictionary (docs/data_dictionary.md) in its types, whoever wrote them.

Other writers use other types for the same values: narrower or unsigned integers, dictionaries,
views, large lists, integers as floats where a value is missing. Ours.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gen2embed.errors import InputError

ID = pa.int64()
IDS = pa.list_(pa.int64())
NUMBERS = pa.list_(pa.float32())
TEXT = pa.string()
TEXTS = pa.list_(TEXT)
TYPES = {
    "pair_id": ID,
    "query_id": ID,
    "target_id": ID,
    "item_id": ID,
    "row_id": ID,
    "cluster_id": ID,
    "anchor_pair": ID,
    "predicted_id": ID,
    "rank_of_positive": ID,
    "candidate_ids": IDS,
    "negative_pairs": IDS,
    "hardness": NUMBERS,
    "overlap": NUMBERS,
    "alike": ID,
    "text": TEXT,
    "concept": TEXT,
    "image_path": TEXT,
    "role": TEXT,
    "row": ID,
    **dict.fromkeys(("qry", "qry_image_path", "pos_text", "pos_image_path"), TEXT),
    **dict.fromkeys(("qry_text", "qry_img_path"), TEXT),
    **dict.fromkeys(("tgt_text", "tgt_img_path"), TEXTS),
    "emoji_id": ID,
    **dict.fromkeys(("split", "name", "concept", "group", "subgroup", "tone", "country"), TEXT),
    "background": TEXT,
    "true_ids": IDS,
    "image_id": ID,
    "false_id": ID,
    "right": pa.bool_(),
    "margin": pa.float64(),
}


def in_types_of_the_dictionary(table: pa.Table, path: str | Path) -> pa.Table:
    """The table with the columns of ``TYPES`` in these types; others only without dictionaries.

    A text that is missing is empty, in a list, too. Raises InputError, with the row, for ids that
    are missing or no integers, for one value where a list belongs, and for what else is of another
    type.
    """
    for number, field in enumerate(table.schema):
        column = plain(table.column(number))
        if field.name in TYPES:
            column = in_type(column, TYPES[field.name], f"{path}: {field.name}")
        table = table.set_column(number, pa.field(field.name, column.type), column)
    return table


def plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Without dictionary encoding."""
    kind = column.type
    return column.cast(kind.value_type) if pa.types.is_dictionary(kind) else column


def in_type(column: pa.ChunkedArray, wanted: pa.DataType, named: str) -> pa.ChunkedArray:
    """named: file and column, for the error."""
    if column.type == wanted and not column.null_count and not pa.types.is_list(wanted):
        return column
    if wanted == TEXT:
        if not (is_text(column.type) or pa.types.is_null(column.type)):
            raise InputError(f"{named} is {column.type}; it holds texts")
        return column.cast(TEXT).fill_null("")
    if pa.types.is_list(wanted) and not is_list(column.type):
        values = "texts" if wanted == TEXTS else "numbers"
        raise InputError(f"{named} is {column.type}; each row is a list of {values}")
    if wanted == TEXTS:
        return in_lists_of_texts(column, named)
    check_whole(column, named)
    if pa.types.is_boolean(wanted):
        raise InputError(f"{named} is {column.type}; it holds true or false")
    within = column.type.value_type if pa.types.is_list(wanted) else column.type
    if not is_number(within):
        sort = "ids are numbers" if is_id(wanted) else "it holds numbers"
        raise InputError(f"{named} is {column.type}; {sort}")
    try:
        return column.cast(wanted)
    except pa.ArrowInvalid as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{named} is {column.type}; ids are int64 ({reason})") from None


def in_lists_of_texts(column: pa.ChunkedArray, named: str) -> pa.ChunkedArray:
    if (row := first_true(pc.is_null(column))) is not None:
        raise InputError(f"{named}: row {row} is missing; every row has a list")
    column = column.combine_chunks()
    within = plain(pc.list_flatten(column))
    if not (is_text(within.type) or pa.types.is_null(within.type)):
        raise InputError(f"{named} is {column.type}; each row is a list of texts")
    sizes = pc.list_value_length(column).to_numpy(zero_copy_only=False)
    starts = pa.array(np.concatenate([[0], np.cumsum(sizes)]), pa.int32())
    return pa.chunked_array([pa.ListArray.from_arrays(starts, pc.fill_null(within.cast(TEXT), ""))])


def check_whole(column: pa.ChunkedArray, named: str) -> None:
    """Raise InputError for the first row that is missing, or whose list misses a value."""
    row = first_true(pc.is_null(column))
    if row is None and is_list(column.type):
        values = pc.list_flatten(column)
        if values.null_count:
            owners = pc.list_parent_indices(column)
            row = owners[first_true(pc.is_null(values))].as_py()
    if row is not None:
        raise InputError(f"{named}: row {row} is missing; every row has a value")


def first_true(mask: pa.ChunkedArray) -> int | None:
    found = np.flatnonzero(mask.to_numpy())
    return int(found[0]) if len(found) else None


def is_text(kind: pa.DataType) -> bool:
    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(test(kind) for test in tests)


def is_list(kind: pa.DataType) -> bool:
    tests = (
        pa.types.is_list,
        pa.types.is_large_list,
        pa.types.is_fixed_size_list,
        pa.types.is_list_view,
        pa.types.is_large_list_view,
    )
    return any(test(kind) for test in tests)


def is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)


def is_id(kind: pa.DataType) -> bool:
    return kind in (ID, IDS)
