"""Whoever searches, the clusters are the same; an index says what it misses, or is refused."""

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gen2embed.errors import InputError
from gen2embed.mining.approximate import (
    ApproximateBackend,
    Approximation,
    Index,
    recall_at_pool,
)
from gen2embed.mining.backends import ExactBackend
from gen2embed.mining.gpu import TorchNeighbours
from gen2embed.mining.mine import mine_subset
from gen2embed.mining.strategies import get_strategy
from gen2embed.mining.subset import Subset
from gen2embed.mining.vectors import SideVectors


def clustered(n, dim, seed, n_centres=20):
    """Unit vectors around centres, as embeddings are."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n_centres, dim))[rng.integers(0, n_centres, n)]
    rows = rows + 0.5 * rng.normal(size=(n, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def mined(n=300, dim=16, k=3, **options):
    queries, targets = clustered(n, dim, 0), clustered(n, dim, 1)
    everything = np.ones(n, bool)
    subset = Subset.of(np.arange(n), np.arange(n), everything, everything)
    how = {"k": k, "m": 2, "labelled": False, "seed": 0, "block_rows": 64, "memory": 1e8}
    return mine_subset(subset, queries, targets, get_strategy("saha"), **how | options)


def same(one, other):
    names = ("anchor_pair", "phase", "starts", "negative_pairs", "hardness", "overlap")
    return all(
        np.array_equal(getattr(one.clusters, name), getattr(other.clusters, name)) for name in names
    )


@settings(deadline=None, max_examples=20)
@given(n=st.integers(2, 80), k=st.integers(1, 5), memory=st.sampled_from([1.0, 1e8]))
def test_torch_finds_what_faiss_finds(n, k, memory):
    """The GPU's code path, on torch's CPU device."""
    by_torch = mined(n, k=k, memory=memory, neighbours=TorchNeighbours("cpu"))
    assert same(by_torch, mined(n, k=k, memory=memory))


def test_an_index_that_searches_everything_is_exact():
    """IVF with as many probes as lists."""
    approximation = Approximation(Index("IVF8,Flat", "nprobe=8"), 0, 1.0)
    result = mined(approximation=approximation)
    assert same(result, mined())
    assert result.search == {
        "exact": False, "index": "IVF8,Flat", "index_parameters": "nprobe=8",
        "recall_at_pool": 1.0, "recall_sample": 256,
    }  # fmt: skip
    assert mined().search == {"exact": True}


@pytest.mark.parametrize("factory", ["IVF8,Flat", "HNSW16", "IVF4,PQ4"])
def test_an_index_is_the_same_each_time_and_for_any_number_of_threads(factory):
    approximation = Approximation(Index(factory), 0, 0.0)
    first = mined(approximation=approximation)
    limit = faiss.omp_get_max_threads()
    try:
        faiss.omp_set_num_threads(1)
        assert same(mined(approximation=approximation), first)
    finally:
        faiss.omp_set_num_threads(limit)
    assert 0 < first.search["recall_at_pool"] <= 1


def test_a_small_subset_is_searched_exactly():
    approximation = Approximation(Index("IVF8,Flat"), 301, 1.0)
    assert mined(approximation=approximation).search == {"exact": True}


def test_poor_recall_is_refused():
    approximation = Approximation(Index("IVF16,Flat", "nprobe=1"), 0, 0.999)
    with pytest.raises(InputError, match=r"recall@12 is 0\.\d+ on 256 queries, below"):
        mined(approximation=approximation)


@pytest.mark.parametrize(
    ("factory", "parameters"), [("IVFx,Fat", ""), ("Flat", "nonesuch=3"), ("IVF9999,Flat", "")]
)
def test_what_faiss_does_not_know_is_one_line(factory, parameters):
    with pytest.raises(InputError, match="FAISS refuses"):
        mined(approximation=Approximation(Index(factory, parameters), 0, 0.0))


def test_recall_by_hand():
    """Two of the true three are proposed for one query, all three for the other."""
    targets = SideVectors(np.eye(5, dtype=np.float32), np.arange(5), 1e6)
    vectors = np.array([[0.8, 0.5, 0.3, 0.1, 0.05], [0.1, 0.2, 0.9, 0.3, 0.2]], dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)

    class Told:
        error, widened = 0.0, 0

        def propose(self, vectors, count):  # noqa: ARG002
            first = abs(vectors[0, 0] - 0.8) < 0.1
            return [np.array([0, 1, 4]) if first else np.array([2, 3, 1])] * len(vectors)

    exact = ExactBackend(targets, 1e6)
    assert recall_at_pool(Told(), exact, targets, vectors, 3, at_once=1) == pytest.approx(5 / 6)


def test_an_index_finds_what_is_there():
    targets = SideVectors(clustered(400, 16, 3), np.arange(400), 1e7)
    backend = ApproximateBackend(targets, 1e7, Index("HNSW32"), 0)
    found = backend.propose(targets.float32(np.array([7, 300])), 5)
    assert [7 in found[0], 300 in found[1]] == [True, True]
