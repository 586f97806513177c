"""Clusters stay whole, all are used, and the order is the seed's alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen2embed.errors import InputError
from gen2embed.training.batches import form_batches

SIZES = st.lists(st.integers(1, 6), min_size=1, max_size=20)


def clusters_of(sizes):
    """Pairs numbered through, so that a pair tells its cluster."""
    return np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:-1])


@given(sizes=SIZES, room=st.integers(6, 20), steps=st.integers(1, 12), seed=st.integers(0, 9))
def test_batches_hold_whole_clusters_in_whole_epochs(sizes, room, steps, seed):
    clusters = clusters_of(sizes)
    of_pair = np.repeat(np.arange(len(sizes)), sizes)
    batches = form_batches(clusters, room, steps, seed)
    assert len(batches) == steps
    order = []
    for batch in batches:
        assert 0 < len(batch) <= room
        place = 0
        while place < len(batch):
            cluster = of_pair[batch[place]]
            assert batch[place : place + sizes[cluster]].tolist() == clusters[cluster].tolist()
            order.append(int(cluster))
            place += sizes[cluster]
    n = len(sizes)
    for epoch in range(len(order) // n):
        assert sorted(order[epoch * n : (epoch + 1) * n]) == list(range(n))


@given(sizes=SIZES, seed=st.integers(0, 9))
def test_the_same_seed_gives_the_same_batches(sizes, seed):
    clusters = clusters_of(sizes)
    first, second = (form_batches(clusters, 8, 5, seed) for _ in range(2))
    assert all(map(np.array_equal, first, second))


def test_seeds_and_epochs_differ():
    clusters = clusters_of([1] * 30)
    by_seed = [form_batches(clusters, 30, 2, seed) for seed in (0, 1)]
    assert by_seed[0][0].tolist() != by_seed[1][0].tolist()
    assert by_seed[0][0].tolist() != by_seed[0][1].tolist()


def test_equal_clusters_fill_a_batch_with_a_fixed_number():
    """The paper's batches: clusters of 8 in batches of 32 pairs are 4 clusters each."""
    batches = form_batches(clusters_of([8] * 10), 32, 6, 0)
    assert [len(batch) for batch in batches] == [32] * 6


def test_faults_are_named():
    with pytest.raises(InputError, match="no clusters to train on"):
        form_batches([], 8, 1, 0)
    with pytest.raises(InputError, match="a cluster of 9 pairs does not fit into a batch of 8"):
        form_batches(clusters_of([9]), 8, 1, 0)
