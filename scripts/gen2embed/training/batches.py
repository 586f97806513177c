"""Clusters to batches: a batch holds whole clusters, so hard negatives meet their anchor.

A batch belongs to all processes together and knows nothing of how many there are; ``shares`` deals
its clusters out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from gen2embed.errors import InputError

STREAM_EPOCH, STREAM_SAMPLE = 30, 31

CLUSTERS, CLASSIC = MODES = ("clusters", "classic")
"""Which pairs of a cluster ask: all of them, or its anchor alone (the others are mere targets)."""

PairCluster = np.ndarray  # pair numbers, int64, anchor first


def take_clusters(
    clusters: Sequence[PairCluster], fraction: float, row_cap: int, seed: int
) -> list[PairCluster]:
    """A random sample of one subset's clusters, whole ones, in their order; at least one.

    As many as hold no more than ``fraction`` of the clusters' pairs, or of ``row_cap`` if that is
    less (0: no cap); a pair of two clusters counts in both. Samples of one seed are nested: a
    smaller one is part of a larger one.
    """
    pairs = sum(map(len, clusters))
    limit = fraction * (min(pairs, row_cap) if row_cap else pairs)
    order = np.random.default_rng([seed, STREAM_SAMPLE]).permutation(len(clusters))
    filled = np.cumsum([len(clusters[index]) for index in order])
    taken = order[: max(1, int((filled <= limit).sum()))]
    return [clusters[index] for index in np.sort(taken)]


def draw_batches(
    clusters: Sequence[PairCluster],
    pairs_per_batch: int,
    steps: int,
    seed: int,
    clusters_per_batch: int = 0,
) -> list[list[PairCluster]]:
    """``steps`` batches of whole clusters, each of at most ``pairs_per_batch`` pairs together.

    clusters_per_batch: how many at most, however few pairs they hold; 0: any. The authors' program
    takes 128, so that small clusters make small batches.

    Clusters are taken in a random order, new in every epoch (seed, epoch); a batch is closed by the
    first cluster that does not fit any more, so no cluster is left out. With equal clusters a bound
    of pairs is the paper's fixed number of clusters; single pairs fill a batch to as many pairs.
    Raises InputError when a cluster is larger than a batch, or there is none.
    """
    if not clusters:
        raise InputError("there are no clusters to train on; mine with another strategy")
    largest = max(map(len, clusters))
    if largest > pairs_per_batch:
        raise InputError(
            f"a cluster of {largest} pairs does not fit into a batch of {pairs_per_batch}; "
            "raise pairs_per_batch or lower k"
        )
    stream = _batches(clusters, pairs_per_batch, clusters_per_batch or pairs_per_batch, seed)
    return [next(stream) for _ in range(steps)]


def batches_of(
    clusters: Sequence[PairCluster], pairs_per_batch: int, clusters_per_batch: int = 0
) -> list[list[PairCluster]]:
    """All clusters once, in their order, in batches as ``draw_batches`` cuts them."""
    batches: list[list[PairCluster]] = []
    size = 0
    for cluster in clusters:
        full = batches and len(batches[-1]) == (clusters_per_batch or pairs_per_batch)
        if not batches or full or size + len(cluster) > pairs_per_batch:
            batches.append([])
            size = 0
        batches[-1].append(cluster)
        size += len(cluster)
    return batches


def shares(batch: Sequence[PairCluster], processes: int) -> list[list[PairCluster]]:
    """A batch cut into one run of whole clusters per process, as even in pairs as they allow.

    One after another they are the batch, so what is gathered in the order of the processes is in
    its order. Some are empty where clusters are fewer than processes.
    """
    filled = np.cumsum([0, *map(len, batch)])
    wanted = filled[-1] * np.arange(1, processes) / processes
    cuts = [0, *(int(np.abs(filled - cluster).argmin()) for cluster in wanted), len(batch)]
    return [list(batch[start:end]) for start, end in pairwise(cuts)]


def asking(
    clusters: Sequence[PairCluster], mode: str, query_id: np.ndarray | None = None
) -> np.ndarray:
    """Places, among the pairs of the clusters, of those whose queries enter the loss: int64.

    query_id: of each pair; a target of a corpus has none (-1). None: every pair has one.
    """
    starts = np.cumsum([0, *map(len, clusters)])
    if mode == CLASSIC:
        return starts[:-1]
    if query_id is None:
        return np.arange(starts[-1])
    return np.flatnonzero(query_id[pairs_of(clusters)] >= 0)


def pairs_of(clusters: Sequence[PairCluster]) -> np.ndarray:
    """Their pair numbers one after another, int64."""
    return np.concatenate([np.empty(0, dtype=np.int64), *clusters])


def _batches(
    clusters: Sequence[PairCluster], pairs_per_batch: int, clusters_per_batch: int, seed: int
) -> Iterator[list[PairCluster]]:
    batch: list[PairCluster] = []
    size = 0
    for cluster in _endless(clusters, seed):
        if size + len(cluster) > pairs_per_batch or len(batch) == clusters_per_batch:
            yield batch
            batch, size = [], 0
        batch.append(cluster)
        size += len(cluster)


def _endless(clusters: Sequence[PairCluster], seed: int) -> Iterator[PairCluster]:
    epoch = 0
    while True:
        order = np.random.default_rng([seed, STREAM_EPOCH, epoch]).permutation(len(clusters))
        yield from (clusters[index] for index in order)
        epoch += 1
