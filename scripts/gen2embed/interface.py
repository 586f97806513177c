"""Mining and scoring as two calls on arrays, as the programs do them (docs/interface.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gen2embed.errors import InputError
from gen2embed.evaluation.intervals import bootstrap_means, interval
from gen2embed.evaluation.precision import predict
from gen2embed.mining.mine import BLOCK_ROWS, GIGABYTE, mine_subset
from gen2embed.mining.strategies import get_strategy
from gen2embed.mining.subset import Subset
from gen2embed.settings import default

MEMORY_GB = default("mine", "memory_gb")
UNIT = 1e-3  # by which a vector's length may differ from 1


@dataclass(frozen=True)
class Score:
    """Precision@1 as a fraction, ties being misses, with its 95 % bootstrap interval.

    chance: mean of 1 / candidates; ranks: of each row's positive, 1 = first, shape (rows,).
    """

    value: float
    ci_low: float
    ci_high: float
    chance: float
    ties: int
    ranks: np.ndarray


def mine(
    query_vectors: np.ndarray,
    target_vectors: np.ndarray,
    pairs: Sequence[tuple[int, int]] | np.ndarray | None = None,
    *,
    strategy: str = "saha",
    k: int = 15,
    m: int = 3,
    labelled: bool = False,
    seed: int = 0,
    memory_gb: float = MEMORY_GB,
) -> pd.DataFrame:
    """Clusters of hard negatives (METHOD: SaHa and others), as ``mine_negatives.py`` writes them.

    query_vectors, target_vectors: unit vectors, shapes (queries, dim) and (targets, dim). pairs:
    (query, target) by row, shape (pairs, 2); None: query i goes with target i. Columns:
    anchor_pair, negative_pairs, phase, hardness, overlap; pairs are numbered by row.
    Raises InputError for vectors or pairs that cannot be, or an unknown strategy.

    >>> clusters = mine(queries, targets, k=7)  # doctest: +SKIP
    """
    queries, targets = _checked("query_vectors", query_vectors, "target_vectors", target_vectors)
    if pairs is None:
        if len(queries) != len(targets):
            raise InputError(f"{len(queries)} queries and {len(targets)} targets: give pairs")
        pairs = np.stack([np.arange(len(queries))] * 2, axis=1)
    rows = _array("pairs", pairs)
    if rows.ndim != 2 or rows.shape[1] != 2 or not np.issubdtype(rows.dtype, np.integer):
        raise InputError("pairs: give whole numbers of shape (pairs, 2): query, target")
    for column, (name, count) in enumerate((("query", len(queries)), ("target", len(targets)))):
        _in_range(f"pairs: {name}", rows[:, column], count)
    for name, value, least in (("k", k, 1), ("m", m, 1), ("seed", seed, 0)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise InputError(f"{name} is {value!r:.40}; give a whole number, at least {least}")
    if not (
        isinstance(memory_gb, int | float) and memory_gb is not True and 0 < memory_gb < np.inf
    ):
        raise InputError(f"memory_gb is {memory_gb!r:.40}; give a number above 0")
    every = (np.ones(len(queries), dtype=bool), np.ones(len(targets), dtype=bool))
    mined = mine_subset(
        Subset.of(rows[:, 0].astype(np.int64), rows[:, 1].astype(np.int64), *every),
        queries, targets, get_strategy(strategy), k=k, m=m, labelled=labelled, seed=seed,
        block_rows=BLOCK_ROWS, memory=memory_gb * GIGABYTE,
    ).clusters  # fmt: skip
    cuts = mined.starts[1:-1]
    lists = {
        name: np.split(getattr(mined, name), cuts) if len(mined) else []
        for name in ("negative_pairs", "hardness", "overlap")
    }
    return pd.DataFrame({"anchor_pair": mined.anchor_pair, "phase": mined.phase, **lists})


def score(
    query_vectors: np.ndarray,
    target_vectors: np.ndarray,
    candidates: Sequence[Sequence[int]],
    query_ids: Sequence[int] | None = None,
) -> Score:
    """Precision@1 over each row's own candidates, the positive first (as ``score_subset.py``).

    Vectors: as for ``mine``. candidates: targets by number, a list a row; query_ids: of the rows,
    None: row i asks with query i. Raises InputError for numbers or vectors that cannot be.
    """
    queries, targets = _checked("query_vectors", query_vectors, "target_vectors", target_vectors)
    lists = [_ids(f"candidates: row {row}", of_query) for row, of_query in enumerate(candidates)]
    asked = np.arange(len(lists)) if query_ids is None else _ids("query_ids", query_ids)
    if not lists or len(asked) != len(lists):
        raise InputError(f"{len(asked)} queries for {len(lists)} lists of candidates")
    sizes = np.array([len(of_query) for of_query in lists])
    if not sizes.all():
        raise InputError(f"candidates: row {int(sizes.argmin())} is empty; the positive is first")
    flat = np.concatenate(lists)
    _in_range("query_ids", asked, len(queries))
    _in_range("candidates", flat, len(targets))
    found = predict(queries, targets, asked, flat, sizes)
    low, high = interval(bootstrap_means(found.hits))
    chance = float((1 / found.candidates).mean())
    value, ties = float(found.hits.mean()), int(found.ties.sum())
    return Score(value, low, high, chance, ties, found.rank_of_positive)


def _checked(
    first: str, queries: np.ndarray, second: str, targets: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Both as float32 or float16; InputError where they are no unit vectors of one width."""
    made = []
    for name, given in ((first, queries), (second, targets)):
        vectors = _array(name, given)
        if vectors.dtype.kind not in "fiu":
            raise InputError(f"{name}: holds {vectors.dtype}; give real numbers")
        if vectors.ndim != 2 or not len(vectors):
            raise InputError(f"{name}: shape {vectors.shape}; give (n, dim)")
        if vectors.dtype not in (np.float32, np.float16):
            vectors = vectors.astype(np.float32)
        lengths = np.linalg.norm(vectors.astype(np.float32), axis=1)
        wrong = ~(np.abs(lengths - 1) <= UNIT)
        if wrong.any():
            row = int(wrong.argmax())
            raise InputError(f"{name}: row {row} has length {lengths[row]:.4f}; make it 1")
        made.append(vectors)
    if made[0].shape[1] != made[1].shape[1]:
        raise InputError(f"{first} has {made[0].shape[1]} numbers, {second} {made[1].shape[1]}")
    return made[0], made[1]


def _array(name: str, given: object) -> np.ndarray:
    try:
        return np.asarray(given)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: is no array of one shape ({error})") from None


def _ids(name: str, given: object) -> np.ndarray:
    """A list of whole numbers as int64, shape (n,)."""
    ids = _array(name, given)
    if ids.ndim != 1 or not (np.issubdtype(ids.dtype, np.integer) or not len(ids)):
        raise InputError(
            f"{name}: is {ids.dtype} of shape {ids.shape}; give a list of whole numbers"
        )
    return ids.astype(np.int64)


def _in_range(what: str, ids: np.ndarray, count: int) -> None:
    wrong = (ids < 0) | (ids >= count)
    if wrong.any():
        row = int(wrong.argmax())
        raise InputError(f"{what} {int(ids[row])} (place {row}) is not one of 0 to {count - 1}")
