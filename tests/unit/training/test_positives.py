"""Which pairs of a batch are no negatives of each other, by hand and against a slow version."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gen2embed.training.positives import annotated, other_positives


def test_by_hand():
    """Query 0 is right for targets 5 and 6, query 1 for 5, query 2 for 7.

    The batch: (0, 5), (1, 5), (0, 6), (2, 7). The first three are no negatives of each other where
    the target is annotated: query 1 does not know target 6.
    """
    positives = annotated(np.array([0, 0, 1, 2]), np.array([5, 6, 5, 7]))
    queries, targets = np.array([0, 1, 0, 2]), np.array([5, 5, 6, 7])
    found = other_positives(queries, targets, np.arange(4), positives)
    assert found.astype(int).tolist() == [
        [0, 1, 1, 0],
        [1, 0, 0, 0],
        [1, 1, 0, 0],
        [0, 0, 0, 0],
    ]
    alone = other_positives(queries[2:3], targets, np.array([2]), positives)
    assert alone.astype(int).tolist() == [[1, 1, 0, 0]]


PAIRS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=30)


@given(pairs=PAIRS, seed=st.integers(0, 99))
def test_against_a_slow_version(pairs, seed):
    query_id, target_id = np.array(pairs).T
    rng = np.random.default_rng(seed)
    batch = rng.permutation(len(pairs))[: rng.integers(1, len(pairs) + 1)]
    own = np.sort(rng.permutation(len(batch))[: rng.integers(1, len(batch) + 1)])
    queries, targets = query_id[batch][own], target_id[batch]
    found = other_positives(queries, targets, own, annotated(query_id, target_id))
    known = set(pairs)
    for i, query in enumerate(queries.tolist()):
        for j, target in enumerate(targets.tolist()):
            assert found[i, j] == ((query, target) in known and j != own[i])


def test_the_revealed_are_masked_by_hand():
    """Query 0 is annotated for target 5 and known to be right for 7; query 1 for 6 alone."""
    positives = annotated(
        np.array([0, 1]), np.array([5, 6]), revealed=(np.array([0, 3]), np.array([7, 6]))
    )
    queries, targets = np.array([0, 1]), np.array([5, 6, 7])
    found = other_positives(queries, targets, np.arange(2), positives)
    assert found.astype(int).tolist() == [[0, 0, 1], [0, 0, 0]]
