"""True false-negative rates, overall, over clusters and at equal hardness, worked out by hand."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gen2embed.evaluation.false_negatives import compare
from gen2embed.evaluation.intervals import wilson
from gen2embed.evaluation.negatives import Negatives, label_negatives
from gen2embed.mining.clusters import ClusterTable


def made(cluster, hardness, false, n_clusters=None, minimal=None):
    """Negatives of which overlap is the hardness, and each cluster asks nothing."""
    n = int(max(cluster, default=-1)) + 1 if n_clusters is None else n_clusters
    hardness = np.array(hardness, dtype=float)
    false = np.array(false, dtype=bool)
    minimal = np.zeros(len(false), bool) if minimal is None else np.array(minimal, bool)
    nothing = np.zeros(n, dtype=int)
    return Negatives(np.array(cluster, int), hardness, hardness, false, minimal, nothing, nothing)


def negatives(cells, n_clusters=None):
    """``cells``: (hardness, false) pairs; each a cluster of its own."""
    hardness, false = zip(*cells, strict=True)
    return made(range(len(cells)), hardness, false, n_clusters)


def table_of(clusters):
    """clusters: lists of pairs, the anchor first."""
    sizes = [len(one) - 1 for one in clusters]
    flat = [pair for one in clusters for pair in one[1:]]
    return ClusterTable(
        anchor_pair=np.array([one[0] for one in clusters]),
        phase=np.ones(len(clusters), dtype=np.int8),
        starts=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        negative_pairs=np.array(flat, dtype=np.int64),
        hardness=np.full(len(flat), 0.5, dtype=np.float32),
        overlap=np.full(len(flat), 0.1, dtype=np.float32),
    )


def ids(*pairs):
    return tuple(np.array(column, dtype=np.int64) for column in zip(*pairs, strict=True))


NO_IDS = (np.empty(0, np.int64), np.empty(0, np.int64))


def test_labels():
    """Anchor pair 0 asks query 7; negatives are pairs 1 (target 4, equivalent), 2 (target 5, not,
    but a minimal pair) and 3 (target 3, annotated for query 7 itself in row 0)."""
    found = label_negatives(
        table_of([[0, 1, 2, 3]]),
        annotated=ids((7, 3), (8, 4), (9, 5), (6, 3)),
        known=ids((7, 4), (9, 5)),
        minimal=ids((7, 5), (8, 5)),
    )
    assert found.false.tolist() == [True, False, True]
    assert found.minimal.tolist() == [False, True, False]
    assert found.cluster.tolist() == [0, 0, 0]


def test_every_query_of_a_cluster_asks():
    """Three pairs (0,0), (1,1), (2,0): six ordered pairs. Query 0 with the target of pair 2 and
    query 2 with that of pair 0 are annotated; of the other four (1, 0), known to be right, is
    there twice: as the target of pairs 0 and 2. Of the anchor's two negatives one is annotated."""
    found = label_negatives(
        table_of([[0, 1, 2], [3]]), ids((0, 0), (1, 1), (2, 0), (3, 3)), ids((1, 0))
    )
    assert found.asked.tolist() == [4, 0] and found.asked_false.tolist() == [2, 0]
    report = compare({"a": [found]}).reports["a"]
    assert report.in_clusters.value == 0.5 and report.overall.value == 0.5


@st.composite
def mined(draw):
    n = draw(st.integers(2, 9))
    pairs = [(draw(st.integers(0, 5)), draw(st.integers(0, 5))) for _ in range(n)]
    some = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=8)
    sizes = draw(st.lists(st.integers(1, min(4, n)), min_size=1, max_size=4))
    clusters = [draw(st.permutations(range(n)))[:size] for size in sizes]
    return pairs, draw(some), clusters


@settings(deadline=None)
@given(mined())
def test_labels_are_those_of_a_plain_loop(case):
    pairs, known, clusters = case
    of_known = ids(*known) if known else NO_IDS
    found = label_negatives(table_of(clusters), ids(*pairs), of_known, of_known)
    asked, false = [], []
    for members in clusters:
        keys = [(pairs[i][0], pairs[j][1]) for i, j in permutations(members, 2)]
        keys = [key for key in keys if key not in pairs]
        asked.append(len(keys))
        false.append(sum(key in known for key in keys))
    assert found.asked.tolist() == asked and found.asked_false.tolist() == false
    of_anchors = [(pairs[one[0]][0], pairs[j][1]) for one in clusters for j in one[1:]]
    assert found.false.tolist() == [key in pairs or key in known for key in of_anchors]
    assert found.minimal.tolist() == [key in known for key in of_anchors]


def test_rates_of_bins_and_their_digits():
    """Easy (.1): 1 of 3 false; hard (.9): both. A share of 1 has Wilson's interval, over the
    clusters that it stands on; numbers are kept to nine digits."""
    found = compare({"a": [negatives([(0.1, 1), (0.1, 0), (0.1, 0), (0.9, 1), (0.9, 1)])]}, bins=2)
    easy, hard = found.reports["a"].by_hardness
    assert (easy["negatives"], easy["false_negatives"], easy["rate"]) == (3, 1, 0.333333333)
    assert (hard["negatives"], hard["false_negatives"], hard["rate"]) == (2, 2, 1.0)
    assert 0 <= easy["ci_low"] < easy["rate"] < easy["ci_high"] <= 1
    assert [easy["low"], easy["high"], hard["high"]] == [0.1, 0.1, 0.9]  # quantiles
    low, high = wilson(2, 2)
    assert (hard["ci_low"], hard["ci_high"]) == (round(low, 9), round(high, 9))
    report = found.reports["a"]
    assert "by_hardness" not in report.flat() and report.flat()["overall"] == 0.6
    assert report.overall.value == 0.6 and report.overlap_false == round((0.1 + 0.9 + 0.9) / 3, 9)
    thirds = [made([0, 1, 2], [0.5, 0.5, 0.5], [0, 0, 1], minimal=[1, 0, 0])]
    minimal = compare({"a": thirds}).reports["a"].clusters_with_minimal
    low, high = wilson(1, 3)
    wanted = (0.333333333, round(low, 9), round(high, 9))
    assert (minimal.value, minimal.ci_low, minimal.ci_high) == wanted


def test_a_strategy_that_is_only_easier_is_not_safer():
    """Both have rate 0 among easy (.1) and 1/2 among hard (.9) negatives. A: 2 easy, 6 hard,
    overall 3/8. B: 6 easy, 2 hard, overall 1/8. At equal hardness: weights easy (1/4 + 3/4)/2 =
    1/2, hard 1/2, so 1/2 . 0 + 1/2 . 1/2 = 1/4 for both."""
    easy, hard_true, hard_false = (0.1, 0), (0.9, 0), (0.9, 1)
    a = negatives([easy] * 2 + [hard_true] * 3 + [hard_false] * 3)
    b = negatives([easy] * 6 + [hard_true, hard_false])
    found = compare({"a": [a], "b": [b]}, bins=2)
    one, two = found.reports["a"], found.reports["b"]
    assert one.overall.value == 0.375 and two.overall.value == 0.125
    assert one.equal_hardness.value == two.equal_hardness.value == 0.25
    assert [each["weight"] for each in found.standards[0].bins()] == pytest.approx([0.5, 0.5])
    assert one.coverage == two.coverage == 1
    assert one.false_negatives == 3


def test_subsets_of_other_scales_are_not_mixed():
    """Simpson's paradox: within either subset both strategies are the same (easy 0, hard 1/2), but
    subset Y's cosines lie above all of X's, and A has more of X, B more of Y. Pooled bins would set
    X's hard ones against Y's easy ones. By hand: each subset's rate is the mean of 0 and 1/2."""

    def subset(shift, times):
        cells = [(shift, 0), (shift, 0), (shift + 0.1, 0), (shift + 0.1, 1)]
        return negatives(cells * times)

    found = compare({"a": [subset(0.1, 3), subset(0.6, 1)], "b": [subset(0.1, 1), subset(0.6, 3)]},
                    bins=2)  # fmt: skip
    for name in "ab":
        assert found.reports[name].equal_hardness.value == 0.25
    assert [one.share for one in found.standards] == [0.5, 0.5]
    equal = [one for one in found.differences if one["measure"] == "equal_hardness"]
    assert equal[0]["value"] == 0 and equal[0]["ci_low"] < 0 < equal[0]["ci_high"]


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_a_subsets_own_scale_of_hardness_changes_no_rate(data):
    """Any rising map of one subset's cosines leaves every rate as it is."""
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    scale, shift = data.draw(st.floats(0.1, 3)), data.draw(st.floats(-1, 1))

    def subset(n):
        return negatives(list(zip(rng.random(n).round(3), rng.random(n) < 0.3, strict=True)))

    strategies = {name: [subset(30), subset(20)] for name in "ab"}
    moved = {
        name: [made(x.cluster, x.hardness * scale + shift, x.false), y]
        for name, (x, y) in strategies.items()
    }
    before, after = (compare(one, bins=4, draws=20) for one in (strategies, moved))
    for name in "ab":
        one, two = before.reports[name].equal_hardness, after.reports[name].equal_hardness
        assert one.value == pytest.approx(two.value, abs=1e-8)


def test_the_standards_strategies_alone_set_the_hardness():
    """C has nothing hard: it changes no number of A and B, and is not comparable itself."""
    a = negatives([(0.1, 0), (0.9, 1), (0.9, 0)])
    b = negatives([(0.1, 1), (0.1, 0), (0.9, 0)])
    c = negatives([(0.1, 0), (0.05, 0)])
    two = compare({"a": [a], "b": [b]}, bins=2).reports
    three = compare({"a": [a], "b": [b], "c": [c]}, ["a", "b"], bins=2).reports
    assert three["a"] == two["a"] and three["b"] == two["b"]
    assert three["c"].equal_hardness.value is None and three["c"].overall.value == 0.0


def test_bins_that_a_strategy_lacks_are_left_out():
    """B has nothing at .9, so only .1 is compared: A covers 1 of its 2 negatives there."""
    a = negatives([(0.1, 1), (0.9, 0)])
    b = negatives([(0.1, 0), (0.1, 0)])
    found = compare({"a": [a], "b": [b]}, bins=2)
    assert len(found.standards[0].bins()) == 1
    assert found.reports["a"].coverage == 0.5
    assert found.reports["a"].equal_hardness.value == 1.0
    assert found.reports["b"].equal_hardness.value == 0.0


def test_nothing_in_common():
    found = compare({"a": [negatives([(0.1, 0)])], "b": [negatives([(0.9, 1)])]}, bins=2)
    assert found.standards[0].bins() == []
    assert found.reports["b"].equal_hardness.value is None
    assert found.reports["b"].overall.value == 1.0


def test_a_strategy_without_negatives():
    nothing = made([], [], [], 4)
    some = negatives([(0.1, 0), (0.2, 1)])
    reports = compare({"in_batch": [nothing], "a": [some]}).reports
    assert reports["in_batch"].overall.value is None
    assert reports["in_batch"].clusters == 4
    assert reports["a"].equal_hardness.value == 0.5
    assert compare({"in_batch": [nothing]}).reports["in_batch"].coverage is None


def test_minimal_pairs_by_negative_and_by_cluster():
    """Three clusters of two; one holds two minimal pairs: 2 of 6 negatives, 1 of 3 clusters."""
    one = made([0, 0, 1, 1, 2, 2], [0.9, 0.7, 0.1, 0.1, 0.1, 0.3], [0, 0, 1, 0, 0, 0],
               minimal=[1, 1, 0, 0, 0, 0])  # fmt: skip
    report = compare({"a": [one]}).reports["a"]
    assert report.minimal_pairs.value == pytest.approx(1 / 3)
    assert report.clusters_with_minimal.value == pytest.approx(1 / 3)
    assert report.clusters_with_minimal.ci_high == pytest.approx(wilson(1, 3)[1])
    assert report.overlap_minimal == pytest.approx(0.8)
    assert report.overlap_false == pytest.approx(0.1)
    assert report.overlap_others == pytest.approx((0.1 + 0.1 + 0.3) / 3)


def test_none_of_few_clusters_is_not_surely_none():
    """0 of 8 clusters: Wilson's upper end is 3.84 / (8 + 3.84) = .324; a bootstrap's is 0."""
    rate = compare({"a": [negatives([(0.1, 0)] * 8)]}).reports["a"].overall
    assert (rate.value, rate.ci_low) == (0, 0) and rate.ci_high == pytest.approx(0.3244, abs=1e-3)


def test_intervals_resample_clusters_not_negatives():
    """40 clusters of 10 alike negatives, half of them false: the standard error is that of 40
    coins, sqrt(.25/40) = .079, not of 400, .025: about .35 to .65."""
    cluster = np.repeat(np.arange(40), 10)
    one = made(cluster, 0.5 + 0.1 * (cluster % 2), cluster % 2 == 0)
    report = compare({"a": [one]}, seed=1).reports["a"]
    assert report.overall.value == 0.5
    assert report.overall.ci_low == pytest.approx(0.345, abs=0.035)
    assert report.overall.ci_high == pytest.approx(0.655, abs=0.035)
    assert report.hardness_mean.ci_high - 0.55 == pytest.approx(0.1 * 0.155, abs=0.004)


def test_the_interval_covers_the_truth():
    """95 of 100, give or take 3 standard errors of sqrt(.95 . .05 . 100) = 2.2."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(100):
        one = negatives(list(zip(rng.random(300), rng.random(300) < 0.2, strict=True)))
        rate = compare({"a": [one]}, draws=200).reports["a"].equal_hardness
        covered += rate.ci_low <= 0.2 <= rate.ci_high
    assert covered >= 87


def test_a_difference_has_width_where_one_rate_is_zero():
    """0 of 8 and 2 of 8 clusters of one negative each: Newcombe's square-and-add of 0 [0, .324] and
    1/4 with its own interval."""
    a, b = negatives([(0.1, 0)] * 8), negatives([(0.1, 1)] * 2 + [(0.1, 0)] * 6)
    found = compare({"a": [a], "b": [b]})
    one, two = found.reports["a"].overall, found.reports["b"].overall
    overall = next(each for each in found.differences if each["measure"] == "overall")
    assert overall["value"] == -0.25
    assert overall["ci_low"] == pytest.approx(-0.25 - (two.ci_high - 0.25))
    above = (one.ci_high**2 + (0.25 - two.ci_low) ** 2) ** 0.5
    assert overall["ci_high"] == pytest.approx(-0.25 + above)
