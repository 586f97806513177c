"""Precision@1 on rows worked out by hand: ties, the index-0 rule, candidates left out."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gen2embed.canonical import float32_error
from gen2embed.evaluation.precision import Lists, predict

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
    assert found.hits.tolist() == found.index0_hits.tolist() == [True, False]
    assert found.ties.tolist() == [False, False]
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


# unit vectors, some of them equal in float32 and some a float32 rounding apart
CIRCLE = np.array([[np.cos(a), np.sin(a)] for a in (0, 0, 1e-4, 1e-8, 1.0, 1.0, 2.0, 4.0)])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_agrees_with_a_slow_double_loop(seed):
    rng = np.random.default_rng(seed)
    targets = CIRCLE[rng.integers(0, len(CIRCLE), rng.integers(2, 9))].astype(np.float32)
    queries = CIRCLE[rng.integers(0, len(CIRCLE), 3)].astype(np.float32)
    lists = [rng.integers(0, len(targets), rng.integers(1, 7)) for _ in range(5)]
    query_ids = rng.integers(0, 3, 5)
    sizes = np.array([len(one) for one in lists])
    blocks = int(rng.integers(1, 4))
    found = predict(queries, targets, query_ids, np.concatenate(lists), sizes, block_rows=blocks)
    for row, (query, one) in enumerate(zip(query_ids, lists, strict=True)):
        score = [
            round(
                sum(float(a) * float(b) for a, b in zip(queries[query], targets[i], strict=True)), 9
            )
            for i in one
        ]
        others = [s for s, i in zip(score[1:], one[1:], strict=True) if i != one[0]]
        better_or_equal = [s for s in others if s >= score[0]]
        assert found.rank_of_positive[row] == 1 + len(better_or_equal)
        assert found.hits[row] == (not better_or_equal)
        assert found.margin[row] == (score[0] - max(others) if others else np.inf)
        assert score[list(one).index(found.predicted_id[row])] == max([score[0], *others])


def test_what_float32_cannot_tell_apart_float64_does():
    """Two candidates 1e-8 apart (a tie in float32) are told apart; 1e-10 apart they are a tie."""
    query = np.array([[0.6, 0.8]], dtype=np.float32)
    apart = np.array([[1, 0], [1, 1e-8], [1, 1e-10]], dtype=np.float32)
    found = predict(query, apart, np.zeros(2, int), np.array([0, 1, 0, 2]), np.array([2, 2]))
    assert found.ties.tolist() == [False, True]
    assert found.predicted_id.tolist() == [1, 2]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_float32_may_err_by_its_whole_bound(seed):
    """Proposals wrong by up to the bound, each in any direction: what is predicted stays."""
    rng = np.random.default_rng(seed)
    error = float32_error(2)
    angles = 1.0 + error * rng.integers(-3, 4, 8) / 0.8415 * rng.choice([0.5, 0.9, 1.0])
    angles[rng.integers(0, 8, 2)] = [0.3, 2.5]  # far ones, either side
    targets = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    query = np.array([[1.0, 0.0]])

    class Worst(Lists):
        def _proposed(self, query, ids):
            true = self.targets[ids] @ query
            return true + error * rng.choice([-1, -0.99, 0.99, 1], len(ids))

    lists = np.tile(np.arange(8), 8).reshape(8, 8)
    for positive, ids in enumerate(lists):
        ids = np.concatenate([[positive], np.delete(ids, positive)])
        takes_part = ids != positive
        scores = Worst(query, targets).scores(0, ids, takes_part)
        exact = np.round(targets[ids] @ query[0], 9)
        others = scores[takes_part]
        assert scores[0] == exact[0]
        assert (others >= scores[0]).tolist() == (exact[takes_part] >= exact[0]).tolist()
        assert others.max() == exact[takes_part].max()
        assert exact[takes_part][others.argmax()] == exact[takes_part].max()


def test_neither_neighbours_nor_blocks_change_a_prediction():
    """Permuted candidates and rows, in blocks of any size: the same ranks and margins."""
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((50, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    lists = np.stack([rng.permutation(50)[:40] for _ in range(10)])
    sizes = np.full(10, 40)
    whole = predict(vectors, vectors, np.arange(10), lists.ravel(), sizes)
    order = rng.permutation(10)
    shuffled = lists[order].copy()
    rng.permuted(shuffled[:, 1:], axis=1, out=shuffled[:, 1:])
    other = predict(vectors, vectors, order, shuffled.ravel(), sizes, block_rows=7)
    for name in ("rank_of_positive", "margin", "predicted_id"):
        assert (getattr(whole, name)[order] == getattr(other, name)).all(), name
