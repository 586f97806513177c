"""A training subset as mining sees it: pairs, known positives, owners."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Grouping:
    """Which values belong to which key: the values of key i are ``values[starts[i]:starts[i+1]]``.

    Within a key they are ascending and without repetition.
    """

    starts: np.ndarray
    values: np.ndarray

    @classmethod
    def of(cls, keys: np.ndarray, values: np.ndarray, n_keys: int) -> Grouping:
        pairs = np.unique(np.stack([keys, values], axis=1), axis=0)
        starts = np.searchsorted(pairs[:, 0], np.arange(n_keys + 1))
        return cls(starts, np.ascontiguousarray(pairs[:, 1]))

    def __getitem__(self, key: int) -> np.ndarray:
        return self.values[self.starts[key] : self.starts[key + 1]]

    def of_many(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The values of several keys in a row, and for each value the place of its key."""
        starts = self.starts[keys]
        sizes = self.starts[keys + 1] - starts
        positions = np.repeat(np.arange(len(keys)), sizes)
        offsets = np.arange(len(positions)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return self.values[starts[positions] + offsets], positions


@dataclass(frozen=True)
class Subset:
    """The usable pairs of a training subset.

    Queries and targets are numbered 0.. in the order of their item ids, so that "lower id" is
    "lower number", and a target without owner, where there are any, has a query after all others.
    ``pair_ids``, ``query`` and ``target`` are int64 of shape (n_pairs,), in row
    order. A pair with an item that is not valid is left out, as if it were not in the data.
    """

    pair_ids: np.ndarray
    query: np.ndarray
    target: np.ndarray
    query_ids: np.ndarray  # item id of each query
    target_ids: np.ndarray  # item id of each target
    last_pair: np.ndarray  # of each query: its last row, which is its negative pair
    last_target: np.ndarray  # of each query: the target of that row
    positives: Grouping  # of each query: the targets of all its rows, and what is revealed of it
    owners: Grouping  # of each target: the queries whose positive it is
    further: np.ndarray  # targets without owner; each has a query of its own, numbered after these
    further_pairs: np.ndarray  # pair id that each has in clusters: behind those of the file

    @property
    def numbers(self) -> np.ndarray:
        """Pair ids of all rows, and of the targets without owner after them."""
        return np.concatenate([self.pair_ids, self.further_pairs])

    @classmethod
    def of(
        cls,
        query_id: np.ndarray,
        target_id: np.ndarray,
        query_valid: np.ndarray,
        target_valid: np.ndarray,
        revealed: tuple[np.ndarray, np.ndarray] | None = None,
        corpus: np.ndarray | None = None,
    ) -> Subset:
        """``query_id`` and ``target_id``: shape (n_rows,); the masks: bool, one per item;
        revealed: item ids of further positives (query, target), shape (n,) each, of which those
        that the pairs do not name are passed over; corpus: item ids of targets, each once, of which
        those that are nobody's positive and valid are candidates as well (``further.py``)."""
        pair_ids = np.flatnonzero(query_valid[query_id] & target_valid[target_id])
        query_ids, query = np.unique(query_id[pair_ids], return_inverse=True)
        rows = np.empty(0, dtype=np.int64)
        if corpus is not None:
            rows = np.flatnonzero(target_valid[corpus] & ~np.isin(corpus, target_id))
        own = target_id[pair_ids]
        more = corpus[rows] if len(rows) else rows
        target_ids = np.unique(np.concatenate([own, more]))
        target, further = np.searchsorted(target_ids, own), np.searchsorted(target_ids, more)
        last_pair = np.zeros(len(query_ids), dtype=np.int64)
        np.maximum.at(last_pair, query, np.arange(len(pair_ids)))
        n_queries = len(query_ids)
        owner = np.concatenate([query, n_queries + np.arange(len(more))])
        owned = np.concatenate([target, further])
        return cls(
            pair_ids=pair_ids,
            query=query,
            target=target,
            query_ids=query_ids,
            target_ids=target_ids,
            last_pair=np.concatenate([last_pair, len(pair_ids) + np.arange(len(more))]),
            last_target=np.concatenate([target[last_pair], further]),
            positives=Grouping.of(*_with(revealed, query, target, query_ids, target_ids)),
            owners=Grouping.of(owned, owner, len(target_ids)),
            further=further,
            further_pairs=len(query_id) + rows,
        )


def _with(
    revealed: tuple[np.ndarray, np.ndarray] | None,
    query: np.ndarray,
    target: np.ndarray,
    query_ids: np.ndarray,
    target_ids: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, int]:
    """The pairs' queries and targets and the revealed ones among them, by number; the queries."""
    if revealed is None:
        return query, target, len(query_ids)
    inside = np.isin(revealed[0], query_ids) & np.isin(revealed[1], target_ids)
    further = (
        np.searchsorted(ids, of_side[inside])
        for ids, of_side in zip((query_ids, target_ids), revealed, strict=True)
    )
    sides = [np.concatenate(pair) for pair in zip((query, target), further, strict=True)]
    return sides[0], sides[1], len(query_ids)
