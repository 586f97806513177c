"""Which files belong together: each tells in its metadata what it was made of, readers compare.

Ids mean rows of one items file; clusters mean rows of one pairs file; the vectors of two sides mean
one model and prompt. What a file does not tell (a user's own) fits anything. Ours.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gen2embed.errors import InputError
from gen2embed.files import digest_file

SIDES = ("query", "target")
PAIRS = "pairs_digest"
REMEDY = "give files that were made from one another"


def items_metadata(query_items: str | Path, target_items: str | Path) -> dict[str, str]:
    """For a file of ids: SHA-256 of the items files whose rows they name."""
    return {
        key_of(side): digest_file(path)
        for side, path in zip(SIDES, (query_items, target_items), strict=True)
    }


def key_of(side: str) -> str:
    return f"{side}_items"


def check_items(
    path: str | Path, metadata: Mapping[str, str], side: str, digest: str | None, holder: object
) -> None:
    """Raise InputError where the ids of ``path`` name the rows of other items.

    metadata: of ``path``; digest: SHA-256 of the items file that ``holder`` is, or was made from.
    """
    stated = metadata.get(key_of(side))
    if stated and digest and stated != digest:
        raise InputError(
            f"{path}: its {side}_id are rows of other items than {holder} is made of (another "
            f"part, run, or older data); {REMEDY}"
        )


def check_same_items(
    path: str | Path, metadata: Mapping[str, str], other: str | Path, of_other: Mapping[str, str]
) -> None:
    """Likewise of two files of ids."""
    for side in SIDES:
        check_items(path, metadata, side, of_other.get(key_of(side)), other)


def pairs_metadata(query_id: np.ndarray, target_id: np.ndarray) -> dict[str, str]:
    """For a cluster file: digest of the pairs that it names, 32 hexadecimal digits.

    query_id, target_id: int64, shape (n_pairs,), in row order.
    """
    found = hashlib.sha256()
    for ids in (query_id, target_id):
        found.update(np.ascontiguousarray(ids, dtype="<i8").tobytes())
    return {PAIRS: found.hexdigest()[:32]}


def check_mined_from(
    clusters: str | Path,
    mined_as: Mapping[str, str],
    pairs: str | Path,
    metadata: Mapping[str, str],
    query_id: np.ndarray,
    target_id: np.ndarray,
) -> None:
    """Raise InputError for clusters of another subset, or of other pairs of it."""
    check_subset(clusters, mined_as, pairs, metadata)
    if PAIRS in mined_as and mined_as[PAIRS] != pairs_metadata(query_id, target_id)[PAIRS]:
        raise InputError(
            f"{clusters}: was mined from other pairs than {pairs} holds (another run, other rows "
            f"or another order); {REMEDY}"
        )


def check_subset(
    path: str | Path, facts: Mapping[str, Any], other: str | Path, of_other: Mapping[str, Any]
) -> None:
    """Raise InputError where two files tell of different subsets."""
    names = facts.get("subset"), of_other.get("subset")
    if None not in names and names[0] != names[1]:
        raise InputError(
            f"{path}: is of the subset {names[0]!r}, and {other} of {names[1]!r}; {REMEDY}"
        )


def check_strategy(path: str | Path, facts: Mapping[str, Any], strategy: str) -> None:
    """Raise InputError where a file tells of another strategy than its folder's name does.

    strategy: a folder's name may say more behind a hyphen (``saha-k3-m3``).
    """
    stated = facts.get("strategy")
    if stated is not None and stated != strategy and not strategy.startswith(f"{stated}-"):
        raise InputError(
            f"{path}: was mined by {stated!r}, and stands where {strategy!r} is read; {REMEDY}"
        )


MADE_BY = ("model", "model_digest", "revision", "adapter_digest", "prompt", "round_vectors")


def check_one_run(
    first: Mapping[str, Any], second: Mapping[str, Any], which: str, keys: tuple[str, ...] = MADE_BY
) -> None:
    """Raise InputError where two manifests tell of another model, adapter or prompt.

    which: names both. A digest decides over the model's name, which may be a path.
    """
    digests = first.get("model_digest"), second.get("model_digest")
    for key in keys:
        if key in ("model", "revision") and digests != (None, None):
            continue
        value, other = first.get(key), second.get(key)
        if key in first and key in second and value != other:
            name = key.removesuffix("_digest")
            shown = first.get(name), second.get(name)
            named = shown if shown[0] != shown[1] else (value, other)
            raise InputError(
                f"{which}: were made with different {name.replace('_', ' ')}s ({named[0]} and "
                f"{named[1]}), and share no space; embed both with one model and prompt"
            )
