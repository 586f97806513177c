"""Exact search from float32 proposals: ties, pieces, widening, laziness."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gen2embed.canonical import canonical, float32_error
from gen2embed.mining.backends import ExactBackend
from gen2embed.mining.search import Search
from gen2embed.mining.subset import Grouping, Subset
from gen2embed.mining.vectors import SideVectors


def unit(n, dim, seed, dtype=np.float32):
    rows = np.random.default_rng(seed).standard_normal((n, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(dtype)


def searched(queries, targets, count, block_rows=64, memory=2e9, used=None):
    """Pools of (query i, target i mod n_targets)."""
    n, n_targets = len(queries), len(targets)
    target_id = np.arange(max(n, n_targets)) % n_targets
    query_id = np.arange(len(target_id)) % n
    subset = Subset.of(query_id, target_id, np.ones(n, bool), np.ones(n_targets, bool))
    sides = [
        SideVectors(rows, ids, memory / 4)
        for rows, ids in ((queries, subset.query_ids), (targets, subset.target_ids))
    ]
    backend = ExactBackend(sides[1], memory)
    search = Search(subset, *sides, backend, count, block_rows, memory, group=2)
    used = np.zeros(n, bool) if used is None else used
    return search, search.pools(used)


def brute(query, targets, count):
    scores = np.round(targets.astype(np.float64) @ query.astype(np.float64), 9)
    return sorted(range(len(targets)), key=lambda t: (-scores[t], t))[:count]


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("memory", [2e9, 1.0], ids=["resident", "in_pieces"])
def test_many_targets_in_pieces(memory, dtype):
    """3000 targets, 1024 to a piece when nothing may stay in memory."""
    queries, targets = unit(5, 8, 0, dtype), unit(3000, 8, 1, dtype)
    _, pools = searched(queries, targets, 40, memory=memory)
    for pool, _ in zip(pools, range(5), strict=False):
        assert pool.targets.tolist() == brute(queries[pool.row], targets, 40)


def test_more_ties_than_neighbours_fetched_widen_the_search():
    """2000 copies of one vector: the lowest ids win, which the 14 fetched need not hold."""
    targets = np.concatenate([unit(1, 4, 0).repeat(2000, 0), unit(50, 4, 1)])
    search, pools = searched(unit(3, 4, 2), targets, 6)
    for pool, _ in zip(pools, range(3), strict=False):
        assert pool.targets.tolist() == brute(
            search.queries.float32(np.array([pool.row]))[0], targets, 6
        )
    _, pools = searched(targets[:1], targets, 6)
    assert next(pools).targets.tolist() == [0, 1, 2, 3, 4, 5]
    search, pools = searched(targets[:1], targets, 6)
    next(pools)
    assert search.backend.widened > 0


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([2, 64, 1536]), st.booleans())
def test_the_float32_error_is_bounded(seed, dim, half):
    rows = unit(40, dim, seed, np.float16 if half else np.float32).astype(np.float32)
    exact = canonical(rows[0].astype(np.float64), rows.astype(np.float64))
    assert np.abs(rows @ rows[0] - exact).max() <= float32_error(dim)


def test_only_unused_anchors_are_searched():
    queries = unit(400, 8, 0)
    used = np.zeros(400, bool)
    used[:100] = True
    search, pools = searched(queries, unit(400, 8, 1), 4, block_rows=64, used=used)
    seen = []
    for pool in pools:
        seen.append(pool.row)
        used[pool.row : pool.row + 50] = True  # one anchor uses up 49 others
    assert seen == list(range(100, 400, 50))
    assert search.prefetched <= 5 * 64


def test_canonical_scores_have_no_minus_zero_and_no_noise():
    vector = np.array([0.1, 0.2, 0.3])
    rows = np.array([[0.3, 0.2, 0.1], [-0.0, 0.0, -0.0], [1e-11, 0, 0]])
    scores = canonical(vector, rows)
    assert scores.tolist() == [0.1, 0.0, 0.0]
    assert not np.signbit(scores).any()


def test_grouping():
    groups = Grouping.of(np.array([2, 0, 2, 2]), np.array([5, 7, 3, 5]), 4)
    assert [groups[key].tolist() for key in range(4)] == [[7], [], [3, 5], []]
    values, places = groups.of_many(np.array([2, 1, 0]))
    assert values.tolist() == [3, 5, 7]
    assert places.tolist() == [0, 0, 2]
    values, places = groups.of_many(np.array([1, 3]))
    assert len(values) == len(places) == 0


def test_vectors_of_scattered_and_of_neighbouring_rows():
    stored = unit(10, 4, 0, np.float16)
    for ids in ([2, 3, 4], [1, 5, 9]):
        for resident in (1e6, 0):
            vectors = SideVectors(stored, np.array(ids), resident)
            expected = stored[ids].astype(np.float32)
            assert (vectors.float32(np.array([2, 0])) == expected[[2, 0]]).all()
            pieces = [piece for _, piece in vectors.chunks(2)]
            assert (np.concatenate(pieces) == expected).all()
    single = unit(10, 4, 0)
    assert np.shares_memory(SideVectors(single, np.array([2, 3]), 0).float32(slice(None)), single)
