"""Clusters stay whole, all are used, and the order is the seed's alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen2embed.errors import InputError
from gen2embed.training.batches import asking, draw_batches, pairs_of, shares, take_clusters

SIZES = st.lists(st.integers(1, 6), min_size=1, max_size=20)


def clusters_of(sizes):
    """Pairs numbered through, so that a pair tells its cluster."""
    return np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:-1])


@given(sizes=SIZES, room=st.integers(6, 20), steps=st.integers(1, 12), seed=st.integers(0, 9))
def test_batches_hold_whole_clusters_in_whole_epochs(sizes, room, steps, seed):
    clusters = clusters_of(sizes)
    of_pair = np.repeat(np.arange(len(sizes)), sizes)
    batches = [pairs_of(one) for one in draw_batches(clusters, room, steps, seed)]
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
    first, second = (draw_batches(clusters, 8, 5, seed) for _ in range(2))
    assert all(np.array_equal(pairs_of(a), pairs_of(b)) for a, b in zip(first, second, strict=True))


def test_seeds_and_epochs_differ():
    clusters = clusters_of([1] * 30)
    zero, one = ([pairs_of(b).tolist() for b in draw_batches(clusters, 30, 2, s)] for s in (0, 1))
    assert zero[0] != one[0]
    assert zero[0] != zero[1]


def test_what_a_seed_means_stays():
    """Orders and samples by seed and epoch as they were: two versions train on the same batches."""
    clusters = clusters_of([1] * 9)
    drawn = [pairs_of(batch).tolist() for batch in draw_batches(clusters, 9, 3, 7)]
    assert drawn == [np.random.default_rng([7, 30, n]).permutation(9).tolist() for n in range(3)]
    taken = pairs_of(take_clusters(clusters, 0.4, 0, 7)).tolist()
    assert taken == sorted(np.random.default_rng([7, 31]).permutation(9)[:3].tolist())


def test_equal_clusters_fill_a_batch_with_a_fixed_number():
    """The paper's batches: clusters of 8 in batches of 32 pairs are 4 clusters each."""
    batches = draw_batches(clusters_of([8] * 10), 32, 6, 0)
    assert [len(batch) for batch in batches] == [4] * 6


def test_faults_are_named():
    with pytest.raises(InputError, match="no clusters to train on"):
        draw_batches([], 8, 1, 0)
    with pytest.raises(InputError, match="a cluster of 9 pairs does not fit into a batch of 8"):
        draw_batches(clusters_of([9]), 8, 1, 0)


@given(sizes=SIZES, processes=st.integers(1, 8))
def test_shares_are_the_batch_in_whole_clusters(sizes, processes):
    """One after another they are the batch; no share is off the even one by more than a cluster."""
    clusters = clusters_of(sizes)
    dealt = shares(clusters, processes)
    assert len(dealt) == processes
    assert [one.tolist() for share in dealt for one in share] == [one.tolist() for one in clusters]
    for share in dealt:
        assert abs(sum(map(len, share)) - sum(sizes) / processes) <= max(sizes)


def test_shares_by_hand():
    """6 pairs for 2 processes: 1 + 2 | 3. For 4: cuts near 1.5, 3 and 4.5; a tie is the first."""
    clusters = clusters_of([1, 2, 3])
    assert [[one.tolist() for one in share] for share in shares(clusters, 2)] == [
        [[0], [1, 2]],
        [[3, 4, 5]],
    ]
    assert [len(share) for share in shares(clusters, 4)] == [1, 1, 0, 1]
    assert [len(share) for share in shares(clusters_of([5]), 2)] == [0, 1]


@given(sizes=SIZES, seed=st.integers(0, 9), cap=st.integers(0, 30))
def test_a_smaller_sample_is_part_of_a_larger_one(sizes, seed, cap):
    clusters = clusters_of(sizes)
    before: set[int] = set()
    for fraction in (0.25, 0.5, 1.0):
        taken = take_clusters(clusters, fraction, cap, seed)
        pairs = pairs_of(taken).tolist()
        assert pairs == sorted(pairs) and before <= set(pairs) and taken
        limit = fraction * min(sum(sizes), cap or sum(sizes))
        assert len(pairs) <= limit or len(taken) == 1
        before = set(pairs)
    if not cap:
        assert len(taken) == len(clusters)


def test_who_asks():
    """Clusters: everyone. Classic: the anchors, which stand first."""
    clusters = clusters_of([3, 1, 2])
    assert asking(clusters, "clusters").tolist() == [0, 1, 2, 3, 4, 5]
    assert asking(clusters, "classic").tolist() == [0, 3, 4]
    queries = np.array([7, -1, 3, 5, -1, 2, 9])  # pairs 1 and 4 are targets of a corpus
    some = [np.array([0, 1, 2]), np.array([3, 4])]
    assert asking(some, "clusters", queries).tolist() == [0, 2, 3]
    assert asking(some, "classic", queries).tolist() == [0, 3]
