"""Five rows, worked out on paper; vectors in the plane, so that each score is one line.

  queries            targets
0 (1.00, 0.00)       (1.00, 0.00)
1 (0.96, 0.28)       (0.96, 0.28)
2 (0.28, 0.96)       (0.80, 0.60)
3 (0.60, 0.80)       (0.60, 0.80)
4 (0.00, 1.00)       (0.00, 1.00)
row i is (query i, target i); k = 1, m = 2: pools of 4, at most 2 candidates in pass 1
"""

import numpy as np
import pytest

from gen2embed.mining.mine import mine_subset
from gen2embed.mining.saha import least_overlap, mine
from gen2embed.mining.statistics import describe
from gen2embed.mining.strategies import get_strategy
from gen2embed.mining.subset import Subset

QUERIES = np.float32([[1, 0], [0.96, 0.28], [0.28, 0.96], [0.6, 0.8], [0, 1]])
TARGETS = np.float32([[1, 0], [0.96, 0.28], [0.8, 0.6], [0.6, 0.8], [0, 1]])


def run(query_id, target_id, queries=QUERIES, targets=TARGETS, strategy="saha", **change):
    subset = Subset.of(
        np.array(query_id),
        np.array(target_id),
        np.ones(len(queries), bool),
        np.ones(len(targets), bool),
    )
    settings = {"k": 1, "m": 2, "labelled": False, "seed": 0, "block_rows": 8, "memory": 1e9}
    return mine_subset(subset, queries, targets, get_strategy(strategy), **settings | change)


def clusters(mined):
    table = mined.clusters
    return [
        (int(table.anchor_pair[i]), table.negative_pairs[a:b].tolist(), int(table.phase[i]))
        for i, (a, b) in enumerate(zip(table.starts[:-1], table.starts[1:], strict=True))
    ]


def test_saha():
    """Row 0: scores 1, .96, .80, .60, 0; pool t0 t1 t2 t3, t0 struck; owners q1, q2 (full: 2).
           overlap q0.q1 = .96, q0.q2 = .28: q2 is kept. Used: q0, q2.
    Row 1: scores .96, 1, .768+.168=.936, .576+.224=.80, .28; pool t1 t0 t2 t3, t1 struck;
           owners q0 (used), q2 (used), q3: q3 is kept, overlap .576+.224=.80. Used: q1, q3 too.
    Row 4: scores 0, .28, .60, .80, 1; pool t4 t3 t2 t1, t4 struck; all owners used: left.
    Pass 2, row 4: nobody is taken; 3 candidates (the pool alone limits): q3 .80, q2 .96, q1 .28:
           q1 is kept.
    """
    mined = run(range(5), range(5))
    assert clusters(mined) == [(0, [2], 1), (1, [3], 1), (4, [1], 2)]
    np.testing.assert_allclose(mined.clusters.hardness, [0.8, 0.8, 0.28], atol=1e-7)
    np.testing.assert_allclose(mined.clusters.overlap, [0.28, 0.8, 0.28], atol=1e-7)
    assert mined.dropped_queries == 0
    assert mined.tally == {
        "searches": 4,
        "searched_anchors": 3,
        "positive_in_top_1": 3,
        "positive_in_top_5": 3,
        "positive_in_top_10": 3,
        "passed_over": 0,
        "owner_taken": 2 + 3,  # row 1: q0, q2; row 4: q3, q2, q1
    }


def test_labelled_subsets_keep_the_hardest():
    """Row 0 keeps q1 (.96). Row 2: scores .28, .2688+.2688=.5376, .80, .168+.768=.936, .96;
    pool t4 t3 t2 t1, t2 struck: q4 is kept. Row 3 finds only used owners.
    Pass 2, row 3: t2 (.96) leads to q2."""
    assert clusters(run(range(5), range(5), labelled=True)) == [
        (0, [1], 1),
        (2, [4], 1),
        (3, [2], 2),
    ]


def test_two_targets_and_nobody_left():
    """HatefulMemes: two targets. Rows 0 and 1 ask for t0, row 2 for t1. Row 0 takes q2 through t1
    (its only other target). Row 1 finds q2 used, and takes it in pass 2."""
    assert clusters(run([0, 1, 2], [0, 0, 1])) == [(0, [2], 1), (1, [2], 2)]


def test_no_two_targets_at_all():
    mined = run([0, 1, 2], [0, 0, 0])
    assert clusters(mined) == []
    assert mined.dropped_queries == 3


def test_all_positives_of_a_repeated_query_are_struck():
    """q0 has rows 0 (t0) and 1 (t1). Without t0 and t1 its best target is t2, of q2."""
    assert clusters(run([0, 0, 2], [0, 1, 2])) == [(0, [2], 1)]


def test_the_negative_pair_is_the_owners_last_row():
    """q1 owns t1 (row 1) and t4 (row 2): found through t1, it is row 2, of hardness 0."""
    mined = run([0, 1, 1], [0, 1, 4])
    assert clusters(mined) == [(0, [2], 1)]
    np.testing.assert_allclose(mined.clusters.hardness, [0], atol=1e-7)


def test_a_pair_whose_target_is_a_known_positive_is_passed_over():
    """q1's last row has t0, the positive of q0: through t1 it is passed over, and q3 is next."""
    mined = run([0, 1, 1, 3], [0, 1, 0, 3])
    assert clusters(mined)[0] == (0, [3], 1)
    assert mined.tally["passed_over"] >= 1


def test_the_owner_most_like_the_anchor_is_taken():
    """t1 is owned by q2 (.28) and q1 (.96): q1."""
    assert clusters(run([0, 2, 1], [0, 1, 1]))[0] == (0, [2], 1)


def test_ties_go_to_the_lower_id():
    """Targets 1 and 2 are one point, so are queries 1 and 2: target 1 first, overlaps equal."""
    targets = np.float32([[1, 0], [0.6, 0.8], [0.6, 0.8]])
    queries = np.float32([[1, 0], [0, 1], [0, 1]])
    assert clusters(run([0, 2, 1], [0, 2, 1], queries, targets))[0] == (0, [2], 1)


def test_items_that_are_not_valid_take_no_part():
    queries = QUERIES.copy()
    queries[2] = 0
    valid = np.array([True, True, False, True, True])
    subset = Subset.of(np.arange(5), np.arange(5), valid, np.ones(5, bool))
    mined = mine_subset(
        subset,
        queries,
        TARGETS,
        get_strategy("saha"),
        k=1,
        m=2,
        labelled=False,
        seed=0,
        block_rows=8,
        memory=1e9,
    )
    assert clusters(mined)[0] == (0, [3], 1)  # q1 .96, q3 .60: pair ids stay those of the file
    assert 2 not in mined.clusters.negative_pairs


@pytest.mark.parametrize(
    ("k", "kept"), [(1, [1]), (2, [1, 3]), (4, [1, 3, 0, 2]), (9, [1, 3, 0, 2])]
)
def test_least_overlap(k, kept):
    """Ascending; the two .5 stay in the order of retrieval."""
    assert least_overlap(np.array([0.5, 0.1, 0.5, 0.2]), k).tolist() == kept


def test_the_rank_of_the_positive():
    """Every target lies closer to the query before it: each positive is second, none first."""
    n = 8
    queries = np.eye(n, dtype=np.float32)
    targets = 0.7 * np.eye(n) + 0.9 * np.roll(np.eye(n), 1, axis=1)
    targets = (targets / np.linalg.norm(targets, axis=1, keepdims=True)).astype(np.float32)
    ids = np.arange(n, dtype=np.int64)
    subset = Subset.of(ids, ids, np.ones(n, bool), np.ones(n, bool))
    mined = mine_subset(
        subset, queries, targets, get_strategy("hns"), k=1, m=1, labelled=False, seed=0,
        block_rows=4, memory=1e9,
    )  # fmt: skip
    rank = describe(mined.clusters, mined.tally)["positive_rank"]
    searched = rank["searched_anchors"]
    assert searched > 0
    assert (rank["top_1"], rank["top_5"], rank["top_10"]) == (0, searched, searched)


def test_an_anchor_without_a_kept_candidate_ends_nothing():
    """The first anchor keeps none, the second one: it still makes its cluster, in pass 1."""

    class Candidates:
        def __init__(self, anchor):
            self.anchor = self.row = anchor
            self.pairs = self.owners = np.array([2])
            self.overlap = np.array([0.5])

        def hardness(self, kept):
            return np.array([0.9])[kept]

    class Proposer:
        def propose(self, phase, *_):
            return map(Candidates, [0, 1]) if phase == 1 else ()

    clusters, used = mine(
        3, Proposer(), lambda candidates: np.arange(candidates.anchor, dtype=np.int64)
    )
    assert [(found.anchor_pair, found.phase) for found in clusters] == [(1, 1)]
    assert used.tolist() == [False, True, True]
