"""Mined negatives with what a benchmark knows of them: which are truly right, which minimal pairs.

A negative is *false* if its target is as right for the anchor query as the annotated one. It is a
*minimal pair* if its target shows what the query asks for and is wrong in one thing alone (in the
mini benchmark the background). Mining sees neither. Ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gen2embed.mining.clusters import ClusterTable

Ids = tuple[np.ndarray, np.ndarray]  # query and target ids, int64, both of shape (n,)


@dataclass(frozen=True)
class Negatives:
    """The mined negatives of one strategy in one subset, flat (shapes (n_negatives,)), and its
    clusters (shapes (n_clusters,))."""

    cluster: np.ndarray  # int64: which cluster each negative belongs to, 0..n_clusters-1
    hardness: np.ndarray  # float64: cosine of anchor query and negative target
    overlap: np.ndarray  # float64: cosine of anchor query and owner query
    false: np.ndarray  # bool: the target is a true positive of the anchor query
    minimal: np.ndarray  # bool: the target and the query are a minimal pair
    asked: np.ndarray  # int64: ordered pairs of the cluster that are negatives of the loss
    asked_false: np.ndarray  # int64: of these, how many are truly right

    @property
    def n_clusters(self) -> int:
        return len(self.asked)


def label_negatives(
    table: ClusterTable,
    annotated: Ids,
    known: Ids,
    minimal: Ids | None = None,
    revealed: Ids | None = None,
) -> Negatives:
    """What is known of one subset's negatives.

    annotated: ids of the pairs, in the order of ``pair_id``; known: true positives beyond the
    annotated ones; minimal: minimal pairs (None: not known, none is marked). Annotated pairs count
    as positives as well: mining strikes them, but other people's clusters may not. revealed: those
    of the known ones that mining and loss were told (None: none): the loss masks them, too.
    """
    query_id, target_id = annotated
    cluster = np.repeat(np.arange(len(table)), table.negatives)
    anchor = query_id[table.anchor_pair][cluster]
    target = target_id[table.negative_pairs]
    found = (annotated, known) if minimal is None else (annotated, known, minimal)
    width = 1 + max(int(ids[1].max(initial=0)) for ids in found)
    of_annotated, of_known, *rest = (query * width + target for query, target in found)
    keys = anchor * width + target
    masked = of_annotated
    if revealed is not None:
        masked = np.concatenate([of_annotated, revealed[0] * width + revealed[1]])
    asked, asked_false = _asked(table, query_id, target_id, width, masked, of_known)
    return Negatives(
        cluster=cluster,
        hardness=np.asarray(table.hardness, dtype=np.float64),
        overlap=np.asarray(table.overlap, dtype=np.float64),
        false=np.isin(keys, np.concatenate([of_annotated, of_known])),
        minimal=np.isin(keys, rest[0]) if rest else np.zeros(len(keys), dtype=bool),
        asked=asked,
        asked_false=asked_false,
    )


def _asked(
    table: ClusterTable,
    query_id: np.ndarray,
    target_id: np.ndarray,
    width: int,
    masked: np.ndarray,
    known: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Per cluster: ordered pairs (query of one pair, target of another) and the false ones.

    In the loss every pair of a cluster asks, not the anchor alone. Pairs that the loss masks are
    left out: those whose target is annotated for the query (``mask_duplicates``), or revealed.
    Clusters of one size are taken together.
    """
    asked = np.zeros(len(table), dtype=np.int64)
    false = np.zeros(len(table), dtype=np.int64)
    for count in np.unique(table.negatives[table.negatives > 0]):
        rows = np.flatnonzero(table.negatives == count)
        places = table.starts[rows][:, None] + np.arange(count)
        pairs = np.column_stack([table.anchor_pair[rows], table.negative_pairs[places]])
        keys = query_id[pairs][:, :, None] * width + target_id[pairs][:, None, :]
        counts = ~np.isin(keys, masked)  # a pair's own target is annotated, too
        asked[rows] = counts.sum(axis=(1, 2))
        false[rows] = (counts & np.isin(keys, known)).sum(axis=(1, 2))
    return asked, false
