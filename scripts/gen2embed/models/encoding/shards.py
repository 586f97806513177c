"""Slices of an items file that are embedded by processes of their own, and their joining."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gen2embed.errors import InputError

SUMMED = ("truncated_items", "skipped_items")
OF_THE_SHARD = ("shard", "vectors_sha256", "valid_sha256")
FIRST_KNOWN = ("rendered_example", "rendered_example_text_only")  # of the first shard that has one


def shard_rows(items: int, window: int, shard: int, shards: int) -> range:
    """The rows of one shard (1 to ``shards``): whole windows, contiguous, as even as may be.

    With fewer windows than shards some shards are empty.
    Raises InputError for a shard that is not among them.
    """
    if not 1 <= shard <= shards:
        raise InputError(f"shard {shard}/{shards}: give 1/{shards} to {shards}/{shards}")
    windows = -(-items // window)
    bounds = [min(items, windows * number // shards * window) for number in (shard - 1, shard)]
    return range(*bounds)


def join_manifests(manifests: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The manifest of all rows from those of the shards, in the order of their rows.

    Raises InputError when the shards do not follow one another from the first row to the last, or
    were not made alike.
    """
    row = 0
    for manifest in manifests:
        if "shard" not in manifest:
            raise InputError("one of the files is no shard: its manifest names no rows")
        if manifest["shard"]["first_row"] != row:
            raise InputError(
                f"rows {row} to {manifest['shard']['first_row']} are in no shard, or in two"
            )
        row = manifest["shard"]["end_row"]
    if row != manifests[0].get("items"):
        raise InputError(f"the shards end at row {row} of {manifests[0].get('items')}")
    joined = {key: value for key, value in manifests[0].items() if key not in OF_THE_SHARD}
    strange = {key for manifest in manifests for key in manifest} - set(manifests[0])
    if strange - set(OF_THE_SHARD):
        raise InputError(f"the shards differ in {min(strange - set(OF_THE_SHARD))!r}")
    for key, value in joined.items():
        values = [manifest.get(key) for manifest in manifests]
        if key in SUMMED:
            joined[key] = sum(value for value in values if isinstance(value, int))
        elif key in FIRST_KNOWN:
            joined[key] = next((manifest for manifest in values if manifest is not None), None)
        elif any(manifest != value for manifest in values):
            raise InputError(f"the shards differ in {key!r}: {value!r}, {values[-1]!r}")
    return joined
