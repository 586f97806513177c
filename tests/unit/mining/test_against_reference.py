"""The library and the slow version agree: all strategies, every awkward shape of data."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gen2embed.mining.backends as backends_module
import gen2embed.mining.owners as owners_module
import gen2embed.mining.search as search_module
from gen2embed.canonical import canonical
from gen2embed.mining.clusters import ClusterTable
from gen2embed.mining.crowded import best_of_all
from gen2embed.mining.filters import DRAWS, RANKS_OF, Recipe
from gen2embed.mining.mine import mine_subset
from gen2embed.mining.strategies import STRATEGIES, get_strategy
from gen2embed.mining.subset import Subset
from gen2embed.mining.vectors import SideVectors
from unit.mining import reference

QUICK = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def unit(rows):
    return rows / np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)


@st.composite
def subsets(draw):
    """Few targets, repeated queries, ties: vectors from a small grid or random ones."""
    n_rows = draw(st.integers(1, 40))
    n_targets = draw(st.sampled_from([2, 3, max(2, n_rows // 2), n_rows + 2]))
    n_queries = draw(st.sampled_from([max(1, n_rows // 3), n_rows, n_rows + 3]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if draw(st.booleans()):
        query_id = np.sort(rng.choice(n_queries, n_rows)) if n_queries < n_rows else None
        query_id = np.arange(n_rows) if query_id is None else query_id
    else:
        query_id = rng.integers(0, n_queries, n_rows)
    target_id = rng.integers(0, n_targets, n_rows)
    dim = draw(st.sampled_from([2, 3, 16]))
    if draw(st.booleans()):  # exactly equal scores

        def vectors(n):
            grid = rng.integers(-1, 2, (n, dim))
            grid[~grid.any(axis=1), 0] = 1
            return unit(grid)
    else:

        def vectors(n):
            return unit(rng.standard_normal((n, dim)))

    dtype = draw(st.sampled_from([np.float32, np.float16]))
    return (
        query_id.astype(np.int64),
        target_id.astype(np.int64),
        vectors(n_queries + 3).astype(dtype),
        vectors(n_targets).astype(dtype),
    )


def library(data, strategy, k, m, labelled=False, seed=0, block_rows=1024, memory=2e9, recipe=None):
    query_id, target_id, queries, targets = data
    subset = Subset.of(
        query_id, target_id, np.ones(len(queries), bool), np.ones(len(targets), bool)
    )
    return mine_subset(
        subset,
        queries,
        targets,
        get_strategy(strategy),
        k=k,
        m=m,
        labelled=labelled,
        seed=seed,
        block_rows=block_rows,
        memory=memory,
        recipe=recipe,
    )


def slow(data, strategy, k, m, labelled=False, seed=0, recipe=None):
    query_id, target_id, queries, targets = data
    ids = np.unique(query_id)

    def draw(pair, n):
        return sorted(np.random.default_rng([seed, pair]).choice(n, k, replace=False).tolist())

    orders = {
        phase: ids[np.random.default_rng([seed, phase]).permutation(len(ids))].tolist()
        for phase in (1, 2)
    }
    rows = list(zip(query_id.tolist(), target_id.tolist(), strict=True))
    return reference.mine(
        rows, queries.tolist(), targets.tolist(), strategy, k, m, labelled, draw, orders, recipe
    )


def as_dicts(table: ClusterTable):
    return [
        {
            "anchor": int(table.anchor_pair[i]),
            "negatives": table.negative_pairs[table.starts[i] : table.starts[i + 1]].tolist(),
            "phase": int(table.phase[i]),
            "hardness": table.hardness[table.starts[i] : table.starts[i + 1]].tolist(),
            "overlap": table.overlap[table.starts[i] : table.starts[i + 1]].tolist(),
        }
        for i in range(len(table))
    ]


@pytest.mark.parametrize("strategy", [name for name in STRATEGIES if name != "filtered"])
@QUICK
@given(subsets(), st.sampled_from([1, 2, 5, 50]), st.integers(1, 3), st.booleans())
def test_agrees_with_the_slow_version(strategy, data, k, m, labelled):
    mined = library(data, strategy, k, m, labelled)
    clusters, dropped = slow(data, strategy, k, m, labelled)
    assert as_dicts(mined.clusters) == clusters
    assert mined.dropped_queries == len(dropped)


bound = st.sampled_from([None, 0.0, 0.1, 0.4])
recipes = st.builds(
    Recipe,
    absolute_margin=bound,
    relative_margin=bound,
    least_score=st.sampled_from([None, -0.3, 0.0]),
    greatest_score=st.sampled_from([None, 0.2, 0.5]),
    range_min=st.integers(0, 3),
    range_max=st.sampled_from([None, 4, 8, 60]),
    ranks_of=st.sampled_from(RANKS_OF),
    draw=st.sampled_from(DRAWS),
)
WORDS = {
    "absolute_margin": "margin", "relative_margin": "share", "least_score": "least",
    "greatest_score": "most", "range_min": "first", "range_max": "last",
}  # fmt: skip


@QUICK
@given(subsets(), st.sampled_from([1, 2, 5]), st.integers(1, 2), recipes)
def test_filters_agree_with_the_slow_version(data, k, m, recipe):
    plain = {word: getattr(recipe, key) for key, word in WORDS.items()}
    plain = {word: value for word, value in plain.items() if value is not None}
    plain |= {"as_found": recipe.ranks_of == "retrieved", "random": recipe.draw == "random"}
    mined = library(data, "filtered", k, m, recipe=recipe)
    clusters, dropped = slow(data, "filtered", k, m, recipe=plain)
    assert as_dicts(mined.clusters) == clusters
    assert mined.dropped_queries == len(dropped)


@QUICK
@given(
    subsets(),
    st.sampled_from([1, 2, 5]),
    st.sampled_from([1, 2, 3, 7, 41]),
    st.sampled_from([2e9, 1.0]),
)
def test_block_size_and_memory_do_not_matter(data, k, block_rows, memory):
    one = library(data, "saha", k, 2)
    other = library(data, "saha", k, 2, block_rows=block_rows, memory=memory)
    assert as_dicts(one.clusters) == as_dicts(other.clusters)
    assert one.tally == other.tally


@pytest.mark.parametrize("crowded", [0.01, 1e9], ids=["never_crowded", "always_crowded"])
@QUICK
@given(data=subsets(), k=st.sampled_from([1, 2, 5]))
def test_both_ways_to_rank_owners_agree(crowded, data, k):
    """One looks every owner up, the other first multiplies with all queries."""
    before = owners_module.CROWDED
    owners_module.CROWDED = crowded
    try:
        mined = library(data, "saha", k, 3)
    finally:
        owners_module.CROWDED = before
    assert as_dicts(mined.clusters) == slow(data, "saha", k, 3)[0]


@QUICK
@given(data=subsets(), k=st.sampled_from([1, 2]))
def test_small_blocks_that_are_widened_agree(data, k):
    """No spare neighbours and an error bound as big as the scores: every search is widened."""
    before = backends_module.float32_error
    backends_module.float32_error = lambda _: 0.3
    try:
        mined = library(data, "hns", k, 1, block_rows=3)
    finally:
        backends_module.float32_error = before
    assert as_dicts(mined.clusters) == slow(data, "hns", k, 1)[0]


@pytest.mark.parametrize("remembered", [0, 2, 4096])
@QUICK
@given(data=subsets(), k=st.sampled_from([1, 2]))
def test_crowds_agree(remembered, data, k):
    """Every widened search is decided in float64, and few or many pools are remembered."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backends_module, "float32_error", lambda _: 0.3)
        patch.setattr(backends_module, "CROWDED", 0)
        patch.setattr(search_module, "REMEMBERED", remembered)
        mined = library(data, "saha", k, 1, block_rows=3)
    assert as_dicts(mined.clusters) == slow(data, "saha", k, 1)[0]


@st.composite
def collapsed(draw):
    """Vectors around one, equal or apart by less than float32 tells, or than the grid does."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, dim = draw(st.integers(4, 40)), draw(st.sampled_from([3, 16, 257]))
    base = rng.standard_normal(dim)

    def vectors(kinds):
        noise = draw(st.sampled_from([0.0, 1e-9, 1e-7, 1e-5]))
        distinct = unit(base + noise * rng.standard_normal((kinds, dim)))
        return distinct[rng.integers(0, kinds, n)].astype(np.float32)

    ids = np.arange(n, dtype=np.int64)
    queries = vectors(draw(st.sampled_from([1, 2, 40])))
    return ids, rng.permutation(ids), queries, vectors(draw(st.sampled_from([1, 2, 40])))


@QUICK
@given(data=collapsed(), k=st.sampled_from([1, 3]), strategy=st.sampled_from(["saha", "margin"]))
def test_vectors_that_are_nearly_all_alike(data, k, strategy):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backends_module, "CROWDED", 1)
        mined = library(data, strategy, k, 2, block_rows=5)
    assert as_dicts(mined.clusters) == slow(data, strategy, k, 2)[0]


@QUICK
@given(seed=st.integers(0, 2**32 - 1), noise=st.sampled_from([0.0, 1e-10, 1e-9, 1e-7, 1e-3, 1.0]),
       count=st.integers(1, 30), chunk=st.sampled_from([1, 7, 1000]))  # fmt: skip
def test_the_best_of_a_crowd(seed, noise, count, chunk):
    """By canonical scores, lower rows first: as if each score had been computed on its own."""
    rng = np.random.default_rng(seed)
    rows = unit(rng.standard_normal(64) + noise * rng.standard_normal((50, 64))).astype(np.float32)
    vectors = unit(rows[:5] + 0.1 * rng.standard_normal((5, 64))).astype(np.float32)
    targets = SideVectors(rows, np.arange(50), 1e9)
    for vector, found in zip(vectors, best_of_all(vectors, targets, count, chunk), strict=True):
        scores = canonical(vector.astype(np.float64), rows.astype(np.float64))
        assert set(found.tolist()) == set(np.lexsort((np.arange(50), -scores))[:count].tolist())


def test_one_search_for_each_distinct_query():
    """Cost of a collapse: were each pair searched, this would be 3000 searches of 3000 targets."""
    n = 3000
    same = np.repeat(unit(np.ones((1, 8))).astype(np.float32), n, axis=0)
    ids = np.arange(n, dtype=np.int64)
    mined = library((ids, ids, same, same), "saha", 15, 3)
    assert mined.searched <= 2 and mined.crowded == mined.searched
