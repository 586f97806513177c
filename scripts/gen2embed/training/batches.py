"""Clusters to batches: a batch holds whole clusters, so hard negatives meet their anchor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from gen2embed.errors import InputError

STREAM_EPOCH = 30


def form_batches(
    clusters: Sequence[np.ndarray], pairs_per_batch: int, steps: int, seed: int
) -> list[np.ndarray]:
    """``steps`` batches of pair numbers (int64), each of at most ``pairs_per_batch`` pairs.

    clusters: pair numbers, anchor first. They are taken in a random order, new in every epoch
    (seed, epoch); a batch is closed by the first cluster that does not fit any more, so clusters
    stay whole and no cluster is left out. With equal clusters this is the paper's fixed number of
    clusters per batch; single pairs fill a batch to the same number of pairs.
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
    stream = _batches(clusters, pairs_per_batch, seed)
    return [next(stream) for _ in range(steps)]


def _batches(
    clusters: Sequence[np.ndarray], pairs_per_batch: int, seed: int
) -> Iterator[np.ndarray]:
    batch: list[np.ndarray] = []
    size = 0
    for cluster in _endless(clusters, seed):
        if size + len(cluster) > pairs_per_batch:
            yield np.concatenate(batch)
            batch, size = [], 0
        batch.append(cluster)
        size += len(cluster)


def _endless(clusters: Sequence[np.ndarray], seed: int) -> Iterator[np.ndarray]:
    epoch = 0
    while True:
        order = np.random.default_rng([seed, STREAM_EPOCH, epoch]).permutation(len(clusters))
        yield from (clusters[place] for place in order)
        epoch += 1
