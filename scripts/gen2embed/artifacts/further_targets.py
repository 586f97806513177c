"""Files of further targets, which are nobody's positive: a corpus larger than the pairs. Ours."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from gen2embed.artifacts.ids import check_ids, check_once, read_id_rows, whole_number
from gen2embed.artifacts.origin import check_same_items
from gen2embed.errors import InputError

NONE, BORROW, SCORE = OWNERLESS = ("none", "borrow", "score")
"""No such candidates; the owner of the nearest owned target; its own score to the anchor."""
FURTHER = "further"  # in a cluster file's metadata: how many targets its corpus has


def read_further(
    path: str | Path, pairs: str | Path, of_pairs: Mapping[str, str], holder: object, n: int
) -> np.ndarray:
    """Target ids of a corpus, int64, each once; ids name rows of ``holder``, which has ``n``.

    of_pairs: metadata of the file ``pairs``. Raises InputError for ids that cannot be, and for a
    corpus of other items than the pairs.
    """
    frame, metadata = read_id_rows(path, ["target_id"], ["target_id"], "targets")
    ids = frame["target_id"].to_numpy()
    check_once(path, "target_id", ids)
    check_ids(path, "target_id", ids, holder, n)
    check_same_items(path, metadata, pairs, of_pairs)
    return ids


def check_ownerless(ownerless: str, corpus: object) -> None:
    """Raises InputError where one is given without the other."""
    if (ownerless == NONE) == bool(corpus):
        given = "--corpus" if corpus else f"--ownerless {ownerless}"
        lacking = "--ownerless borrow or score" if corpus else "--corpus"
        raise InputError(f"{given} asks for {lacking}; give both, or neither")


def check_corpus(clusters: str | Path, mined_as: Mapping[str, str], corpus: object, n: int) -> None:
    """Raises InputError for clusters that were mined from another corpus, or from none."""
    stated = whole_number(clusters, mined_as, FURTHER, 0)
    if stated != n:
        given = f"{corpus} has {n}" if corpus else "no --corpus is given"
        raise InputError(
            f"{clusters}: was mined with a corpus of {stated} targets, and {given}; give that one"
        )


def with_further(
    query_id: np.ndarray, target_id: np.ndarray, further: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The items of the pairs, and of the further targets behind them, whose query is -1: none."""
    nobody = np.full(len(further), -1, dtype=np.int64)
    return np.concatenate([query_id, nobody]), np.concatenate([target_id, further])
