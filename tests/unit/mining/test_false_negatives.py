"""True false-negative rates, overall and at equal hardness, worked out by hand."""

import numpy as np
import pytest

from gen2embed.evaluation.false_negatives import Negatives, compare, label_negatives
from gen2embed.mining.clusters import ClusterTable


def negatives(cells, n_clusters=None):
    """``cells``: (hardness, false) pairs; each a cluster of its own."""
    hardness, false = zip(*cells, strict=True)
    n = len(cells)
    return Negatives(np.arange(n), np.array(hardness), np.array(false, bool), n_clusters or n)


def test_labels():
    """Anchor pair 0 asks query 7; negatives are pairs 1 (target 4, equivalent), 2 (target 5, not)
    and 3 (target 3, annotated for query 7 itself in row 0)."""
    table = ClusterTable(
        anchor_pair=np.array([0]),
        phase=np.array([1]),
        starts=np.array([0, 3]),
        negative_pairs=np.array([1, 2, 3]),
        hardness=np.float32([0.5, 0.4, 0.3]),
        overlap=np.float32([0.1, 0.1, 0.1]),
    )
    found = label_negatives(
        table,
        query_id=np.array([7, 8, 9, 6]),
        target_id=np.array([3, 4, 5, 3]),
        known_query=np.array([7, 9]),
        known_target=np.array([4, 5]),
    )
    assert found.false.tolist() == [True, False, True]
    assert found.cluster.tolist() == [0, 0, 0]


def test_a_strategy_that_is_only_easier_is_not_safer():
    """Both have rate 0 among easy (.1) and 1/2 among hard (.9) negatives. A: 2 easy, 6 hard,
    overall 3/8. B: 6 easy, 2 hard, overall 1/8. At equal hardness: weights easy (1/4 + 3/4)/2 =
    1/2, hard 1/2, so 1/2 . 0 + 1/2 . 1/2 = 1/4 for both."""
    easy, hard_true, hard_false = (0.1, 0), (0.9, 0), (0.9, 1)
    a = negatives([easy] * 2 + [hard_true] * 3 + [hard_false] * 3)
    b = negatives([easy] * 6 + [hard_true, hard_false])
    reports, bins = compare({"a": a, "b": b}, bins=2)
    assert reports["a"].overall.value == 0.375
    assert reports["b"].overall.value == 0.125
    assert reports["a"].equal_hardness.value == reports["b"].equal_hardness.value == 0.25
    assert [one["weight"] for one in bins] == pytest.approx([0.5, 0.5])
    assert reports["a"].coverage == reports["b"].coverage == 1
    assert reports["a"].false_negatives == 3


def test_bins_that_a_strategy_lacks_are_left_out():
    """B has nothing at .9, so only .1 is compared: A covers 1 of its 2 negatives there."""
    a = negatives([(0.1, 1), (0.9, 0)])
    b = negatives([(0.1, 0), (0.1, 0)])
    reports, bins = compare({"a": a, "b": b}, bins=2)
    assert len(bins) == 1
    assert reports["a"].coverage == 0.5
    assert reports["a"].equal_hardness.value == 1.0
    assert reports["b"].equal_hardness.value == 0.0


def test_nothing_in_common():
    reports, bins = compare({"a": negatives([(0.1, 0)]), "b": negatives([(0.9, 1)])}, bins=2)
    assert bins == []
    assert reports["b"].equal_hardness.value is None
    assert reports["b"].overall.value == 1.0


def test_a_strategy_without_negatives():
    nothing = Negatives(np.empty(0, int), np.empty(0), np.empty(0, bool), 4)
    reports, _ = compare({"in_batch": nothing, "a": negatives([(0.1, 0), (0.2, 1)])})
    assert reports["in_batch"].overall.value is None
    assert reports["in_batch"].clusters == 4
    assert reports["a"].equal_hardness.value == 0.5
    assert compare({"in_batch": nothing})[0]["in_batch"].coverage is None


def test_intervals_resample_clusters_not_negatives():
    """40 clusters of 10 alike negatives, half of them false: the standard error is that of 40
    coins, sqrt(.25/40) = .079, not of 400, .025: about .35 to .65."""
    cluster = np.repeat(np.arange(40), 10)
    one = Negatives(cluster, np.full(400, 0.5), cluster % 2 == 0, 40)
    rate = compare({"a": one}, seed=1)[0]["a"].overall
    assert rate.value == 0.5
    assert rate.ci_low == pytest.approx(0.345, abs=0.035)
    assert rate.ci_high == pytest.approx(0.655, abs=0.035)
    assert compare({"a": one}, seed=1)[0]["a"].equal_hardness.ci_low == pytest.approx(
        0.345, abs=0.035
    )


def test_the_interval_covers_the_truth():
    """95 of 100, give or take 3 standard errors of sqrt(.95 . .05 . 100) = 2.2."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(100):
        one = negatives(list(zip(rng.random(300), rng.random(300) < 0.2, strict=True)))
        rate = compare({"a": one}, draws=200)[0]["a"].equal_hardness
        covered += rate.ci_low <= 0.2 <= rate.ci_high
    assert covered >= 87
