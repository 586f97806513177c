"""One anchor worked out again: by hand on five rows, and against what mining itself made."""

import numpy as np
import pytest

from gen2embed.mining.mine import mine_subset
from gen2embed.mining.strategies import get_strategy
from gen2embed.mining.subset import Subset
from gen2embed.mining.vectors import SideVectors
from gen2embed.mining.worked import DISCARDED, KEPT, NO_OWNER, POSITIVE, UNSEEN, Workings


def unit(rows):
    rows = np.asarray(rows, dtype=np.float64)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def worked_out(query, target, queries, targets, k, m):
    subset = Subset.of(
        np.asarray(query), np.asarray(target), np.ones(len(queries), bool),
        np.ones(len(targets), bool),
    )  # fmt: skip
    mined = mine_subset(
        subset, queries, targets, get_strategy("saha"), k=k, m=m, labelled=False, seed=0,
        block_rows=7, memory=1e8,
    )  # fmt: skip
    sides = (
        SideVectors(queries, subset.query_ids, 1e8),
        SideVectors(targets, subset.target_ids, 1e8),
    )
    return Workings(subset, *sides, mined.clusters, k, m)


def test_five_rows_by_hand():
    """Query 0 ranks targets 1, 0, 2, 3, 4. k = 1, m = 2: the pool is 1, 0, 2, 3 (2·k·m), of
    which 0 is its own; the first two others are candidates. Their owners 1 and 2 are like query 0
    with 0.9 and 0.1: 2 is kept, 1 discarded, 3 not looked at."""
    queries = unit([[1, 0, 0], [0.9, 0.1**0.5 * 0, 0.19**0.5], [0.1, 0.99**0.5, 0], [0, 0, 1],
                    [0, 1, 0]])  # fmt: skip
    targets = unit([[1, 0.5, 0], [1, 0, 0.1], [1, 1, 0], [0.5, 1, 0], [0, 1, 1]])
    workings = worked_out(range(5), range(5), queries, targets, k=1, m=2)
    first = next(workings.first_pass())
    assert first.targets.tolist() == [1, 0, 2, 3]
    assert first.states.tolist() == [DISCARDED, POSITIVE, KEPT, UNSEEN]
    assert first.owners.tolist() == [1, -1, 2, -1] and first.order.tolist() == [1, -1, 0, -1]
    assert first.overlap[[0, 2]] == pytest.approx([0.9, 0.1], abs=1e-6)
    assert np.isnan(first.overlap[1]) and first.kept.tolist() == [2]
    assert first.candidates.tolist() == [0, 2]


@pytest.mark.parametrize("seed", range(4))
def test_every_cluster_of_the_first_pass_is_the_mined_one(seed):
    """Also with targets that several queries own, queries of several rows, and owners used up."""
    rng = np.random.default_rng(seed)
    query, target = rng.integers(0, 60, 90), rng.integers(0, 45, 90)
    queries, targets = unit(rng.normal(size=(60, 6))), unit(rng.normal(size=(45, 6)))
    workings = worked_out(query, target, queries, targets, k=3, m=2)
    seen = 0
    states = set()
    for worked in workings.first_pass():
        assert worked.kept.tolist() == workings.mined(worked.cluster).tolist()
        assert len(worked.targets) <= 2 * 3 * 2 and (np.diff(worked.scores) <= 0).all()
        assert (worked.owners >= 0).tolist() == [s in (KEPT, DISCARDED) for s in worked.states]
        states |= set(worked.states)
        seen += 1
    assert seen == (workings.table.phase == 1).sum() > 5
    assert states == {KEPT, DISCARDED, POSITIVE, NO_OWNER, UNSEEN}
