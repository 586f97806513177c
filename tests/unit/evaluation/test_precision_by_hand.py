"""Precision@1 on rows worked out by hand: ties, the index-0 rule, candidates left out."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gen2embed.evaluation.precision import predict, score_lists

# targets on the unit circle: 0 = (1, 0), 1 = (0, 1), 2 = (0.6, 0.8), 3 = same vector as 0
TARGETS = np.array([[1, 0], [0, 1], [0.6, 0.8], [1, 0]], dtype=np.float32)
QUERIES = np.array([[1, 0], [0, 1]], dtype=np.float32)


def run(rows, valid=None):
    queries, lists = zip(*rows, strict=True)
    sizes = np.array([len(one) for one in lists])
    return predict(QUERIES, TARGETS, np.array(queries), np.concatenate(lists), sizes, valid)


def test_a_hit_and_a_miss():
    """Query (1, 0): scores 1, 0, 0.6. Positive 0 wins by 0.4; positive 1 is last, 1 behind."""
    found = run([(0, [0, 1, 2]), (0, [1, 0, 2])])
    assert found.hits.tolist() == [True, False]
    assert found.rank_of_positive.tolist() == [1, 3]
    assert found.predicted_id.tolist() == [0, 0]
    np.testing.assert_allclose(found.margin, [0.4, -1.0], atol=1e-7)


def test_a_tie_with_a_different_candidate_is_a_miss_but_an_index0_hit():
    found = run([(0, [0, 3, 1])])
    assert (found.hits[0], found.index0_hits[0], found.ties[0]) == (False, True, True)
    assert found.rank_of_positive[0] == 2
    assert found.predicted_id[0] == 3


def test_candidates_with_the_id_of_entry_0_take_no_part():
    found = run([(0, [0, 0, 1, 0])])
    assert found.hits[0] and found.left_out[0] == 2 and found.candidates[0] == 2


def test_candidates_that_were_not_embedded_take_no_part():
    valid = np.array([True, True, True, False])
    found = run([(0, [0, 3, 1])], valid)
    assert found.hits[0] and found.candidates[0] == 2 and found.left_out[0] == 0


def test_only_the_positive_is_a_hit():
    found = run([(1, [2])])
    assert found.hits[0] and found.candidates[0] == 1 and found.margin[0] == np.inf


def test_constant_vectors_score_nothing():
    constant = np.ones((5, 1), dtype=np.float32)
    lists = np.tile(np.arange(5), 4)
    found = predict(constant, constant, np.arange(4), lists, np.full(4, 5))
    assert found.hits.sum() == 0 and found.index0_hits.sum() == 4 and found.ties.sum() == 4


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_agrees_with_a_slow_double_loop(seed):
    rng = np.random.default_rng(seed)
    n_targets, dim = int(rng.integers(2, 9)), int(rng.integers(1, 4))
    targets = np.round(rng.standard_normal((n_targets, dim)), 1).astype(np.float32)  # many ties
    queries = np.round(rng.standard_normal((3, dim)), 1).astype(np.float32)
    lists = [rng.integers(0, n_targets, rng.integers(1, 7)) for _ in range(5)]
    query_ids = rng.integers(0, 3, 5)
    sizes = np.array([len(one) for one in lists])
    found = predict(queries, targets, query_ids, np.concatenate(lists), sizes)
    for row, (query, one) in enumerate(zip(query_ids, lists, strict=True)):
        score = [
            round(
                sum(float(a) * float(b) for a, b in zip(queries[query], targets[i], strict=True)), 9
            )
            for i in one
        ]
        better_or_equal = [
            s for s, i in zip(score[1:], one[1:], strict=True) if i != one[0] and s >= score[0]
        ]
        assert found.rank_of_positive[row] == 1 + len(better_or_equal)
        assert found.hits[row] == (not better_or_equal)


def test_block_size_changes_nothing():
    rng = np.random.default_rng(0)
    targets = rng.standard_normal((50, 8)).astype(np.float32)
    arguments = (targets, targets, np.arange(3), rng.integers(0, 50, 120), np.array([40, 40, 40]))
    whole = list(score_lists(*arguments))
    small = list(score_lists(*arguments, block_bytes=1))
    assert all((a == b).all() for a, b in zip(whole, small, strict=True))
