"""Scores of queries with targets from elsewhere (a reranker, a judge): as filter and as soft label.

Any scale; higher is more relevant. Ids are those of the training items.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gen2embed.artifacts.ids import check_ids, read_id_rows
from gen2embed.errors import InputError

Ids = tuple[np.ndarray, np.ndarray]  # query and target ids, int64, both of shape (n,)


@dataclass(frozen=True)
class Judged:
    """query_id, target_id: int64; score: float64; all of shape (n,), ordered by the ids."""

    query_id: np.ndarray
    target_id: np.ndarray
    score: np.ndarray

    def of(self, query_ids: np.ndarray, target_ids: np.ndarray) -> np.ndarray:
        """Scores of every query with every target, NaN where there is none: (queries, targets)."""
        width = int(max(self.target_id.max(), target_ids.max(initial=0))) + 1
        keys = self.query_id * width + self.target_id
        wanted = query_ids[:, None] * width + target_ids[None, :]
        places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where(keys[places] == wanted, self.score[places], np.nan)


def read_judged(path: str | Path, n_queries: int, n_targets: int) -> Judged:
    """Raises InputError for ids that name no item, a pair given twice, a score that is none."""
    ids = ["query_id", "target_id"]
    frame, _ = read_id_rows(path, [*ids, "score"], ids, "scores")
    for name, n in zip(ids, (n_queries, n_targets), strict=True):
        check_ids(path, name, frame[name].to_numpy(), f"the {name[:-3]} items", n)
    if frame["score"].dtype.kind not in "fiu" or not np.isfinite(frame["score"]).all():
        raise InputError(f"{path}: score must hold finite numbers; leave out pairs without one")
    again = frame.duplicated(ids).to_numpy()
    if again.any():
        raise InputError(f"{path}: row {again.argmax()}: this pair stands there before; give one")
    frame = frame.sort_values(ids, kind="stable")
    return Judged(*(frame[name].to_numpy() for name in ids), frame["score"].to_numpy(np.float64))


def too_relevant(
    judged: Judged,
    query_id: np.ndarray,
    target_id: np.ndarray,
    greatest: float | None,
    margin: float | None,
) -> Ids:
    """Judged pairs that must be no negatives, by ids.

    query_id, target_id: the annotated pairs, shape (n_pairs,). Those above ``greatest``, and those
    above the least score of the query's annotated positives minus ``margin`` (where one of these is
    scored). Source of the margin: sentence-transformers, ``mine_hard_negatives(cross_encoder=)``.
    """
    width = int(max(judged.target_id.max(), target_id.max())) + 1
    keys = judged.query_id * width + judged.target_id
    annotated = np.isin(keys, query_id * width + target_id)
    out = np.zeros(len(keys), dtype=bool)
    if greatest is not None:
        out |= judged.score > greatest
    if margin is not None:
        least = np.full(int(judged.query_id.max()) + 1, np.inf)
        np.minimum.at(least, judged.query_id[annotated], judged.score[annotated])
        out |= judged.score > least[judged.query_id] - margin
    out &= ~annotated
    return judged.query_id[out], judged.target_id[out]


def check_judged(scores: object, greatest: float | None, margin: float | None) -> None:
    """Raises InputError for scores without a limit, and a limit without scores."""
    if bool(scores) == (greatest is None and margin is None):
        raise InputError(
            "--scores needs --greatest-judged or --judged-margin, and these need --scores: they "
            "say which judged pairs are no negatives"
        )
