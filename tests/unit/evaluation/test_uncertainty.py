"""Intervals, the test against chance, paired comparisons and means, worked out by hand."""

from math import comb

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gen2embed.evaluation.aggregates import mean_of_sets, members, weights
from gen2embed.evaluation.intervals import (
    above_chance,
    below_chance,
    bootstrap_means,
    interval,
    share_interval,
    wilson,
)
from gen2embed.evaluation.paired import compare_paired, equivalence, holm, least_difference


def test_interval_is_the_central_95_percent():
    assert interval(np.arange(1001) / 1000) == pytest.approx((0.025, 0.975))


def test_bootstrap_is_the_same_for_the_same_seed_and_has_no_width_without_variation():
    hits = np.array([True, False, True, True])
    assert (bootstrap_means(hits) == bootstrap_means(hits)).all()
    assert (bootstrap_means(hits, seed=1) != bootstrap_means(hits)).any()
    assert len(bootstrap_means(hits)) == 1000
    assert (bootstrap_means(np.ones(7, dtype=bool)) == 1).all()


def test_bootstrap_has_the_spread_of_a_mean():
    """Of n 0/1 values with share p: standard deviation sqrt(p (1 - p) / n)."""
    hits = np.arange(400) < 100
    assert bootstrap_means(hits).std() == pytest.approx((0.25 * 0.75 / 400) ** 0.5, rel=0.1)


def test_above_chance_is_the_upper_tail_of_a_binomial():
    by_hand = sum(comb(10, k) * 0.2**k * 0.8 ** (10 - k) for k in range(5, 11))
    assert above_chance(5, 10, 0.2) == pytest.approx(by_hand)
    assert above_chance(0, 10, 0.2) == 1.0


def test_far_below_chance_is_the_lower_tail():
    """0 of 20 by guessing at 1/3: (2/3)^20 = .0003; 4 of 20: .15."""
    assert below_chance(0, 20, 1 / 3) and not below_chance(4, 20, 1 / 3)
    assert not below_chance(0, 20, 0.005)


def test_wilson_by_hand():
    """At 0 of n: from 0 to z^2 / (n + z^2), z = 1.96; at n of n its mirror image."""
    top = 1.959964**2 / (50 + 1.959964**2)
    assert wilson(0, 50) == pytest.approx((0, top), abs=1e-6)
    assert wilson(50, 50) == pytest.approx((1 - top, 1), abs=1e-6)


@given(st.integers(2, 300), st.booleans(), st.integers(1, 20))
def test_an_interval_of_a_share_always_has_width(n, all_right, groups):
    """Also where all are right or none: narrower with more queries, wider where they are few."""
    hits = np.full(n, all_right)
    low, high = share_interval(hits)
    assert low < high and (low, high) == wilson(n * all_right, n)
    grouped = share_interval(hits, np.arange(n) % groups)
    assert grouped[1] - grouped[0] >= high - low - 1e-12


def test_queries_about_one_thing_are_resampled_together():
    """20 concepts of 10 queries that are all right or all wrong: as sure as 20 coins, not 200. The
    standard error of 20 coins, half of them right, is sqrt(.25/20) = .112; 1.96 times it .219."""
    concepts = np.repeat(np.arange(20), 10)
    hits = concepts % 2 == 0
    low, high = share_interval(hits, concepts)
    assert (high - low) / 2 == pytest.approx(0.219, abs=0.04)
    _, low, high = mean_of_sets([hits], concepts=[concepts])
    assert (high - low) / 2 == pytest.approx(0.219, abs=0.04)
    found = compare_paired([hits], [np.zeros(200, bool)], [concepts], draws=40_000)
    assert found.standard_error == pytest.approx(0.112, abs=0.01)
    assert found.p_value == pytest.approx(2 / 2**10, abs=0.001)  # 10 concepts, all one way


def test_a_concept_is_drawn_into_all_sets_at_once():
    """Two sets of the same concepts with the same hits are as sure as one, not as two."""
    concepts = np.arange(50)
    hits = concepts % 2 == 0
    one = compare_paired([hits], [~hits], [concepts])
    two = compare_paired([hits, hits], [~hits, ~hits], [concepts, concepts])
    assert two.standard_error == pytest.approx(one.standard_error, rel=0.05)
    apart = compare_paired([hits, hits], [~hits, ~hits])
    assert apart.standard_error == pytest.approx(one.standard_error / 2**0.5, rel=0.05)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000))
def test_queries_of_their_own_concepts_are_as_without_concepts(seed):
    rng = np.random.default_rng(seed)
    first, second = rng.random((2, 60)) < 0.5
    plain = compare_paired([first], [second])
    alone = compare_paired([first], [second], [np.arange(60)])
    assert alone.value == plain.value
    assert alone.standard_error == pytest.approx(plain.standard_error, rel=0.05, abs=1e-9)
    assert alone.p_value == pytest.approx(plain.p_value, abs=0.03)


def test_the_least_difference_by_hand():
    """One comparison: (1.960 + 0.842) standard errors; of 10 the level is .005: 2.807 + 0.842."""
    assert least_difference(0.01, 1) == pytest.approx(0.02802, abs=1e-4)
    assert least_difference(0.01, 10) == pytest.approx(0.03649, abs=1e-4)


def test_the_least_difference_is_seen_four_times_in_five():
    rng = np.random.default_rng(1)
    found = 0
    for _ in range(200):
        truth = least_difference(0.5 * (2 / 400) ** 0.5, 1)
        first, second = rng.random(400) < 0.5 + truth, rng.random(400) < 0.5
        found += compare_paired([first], [second], draws=500).p_value < 0.05
    assert 0.7 < found / 200 < 0.9


def test_equivalence_by_hand():
    """1 point off, error .5 points, margin 2: room of 2 errors, p = .0228; over it: above 1/2."""
    assert equivalence(0.01, 0.005, 0.02) == pytest.approx(0.02275, abs=1e-4)
    assert equivalence(-0.01, 0.005, 0.02) == pytest.approx(0.02275, abs=1e-4)
    assert equivalence(0.03, 0.005, 0.02) > 0.5
    assert equivalence(0.0, 0.0) == 0 and equivalence(0.05, 0.0) == 1


def test_equal_predictions_do_not_differ():
    hits = [np.array([True, False, True])]
    found = compare_paired(hits, hits)
    assert (found.value, found.ci_low, found.ci_high, found.p_value) == (0, 0, 0, 1)


def test_six_wins_of_six_have_the_exact_p_of_a_sign_test():
    """All of 6 discordant queries one way: p = 2 / 2^6 = 0.03125."""
    first = np.array([True] * 6 + [False] * 4)
    found = compare_paired([first], [np.zeros(10, dtype=bool)], draws=40_000)
    assert found.value == pytest.approx(0.6)
    assert found.p_value == pytest.approx(2 / 64, abs=0.004)
    assert found.ci_low < 0.6 < found.ci_high


def test_comparison_is_antisymmetric_and_weighs_data_sets_alike():
    """Sets of 4 and 2 queries: differences 1/4 and -1/2, mean -1/8."""
    first = [np.array([True, False, False, False]), np.array([False, False])]
    second = [np.zeros(4, dtype=bool), np.array([True, False])]
    assert compare_paired(first, second).value == pytest.approx(-0.125)
    assert compare_paired(second, first).value == pytest.approx(0.125)


def test_unpaired_arrays_are_refused():
    with pytest.raises(ValueError, match="not paired"):
        compare_paired([np.zeros(3, dtype=bool)], [np.zeros(4, dtype=bool)])


def test_holm_by_hand():
    """0.01 x 3, then 0.02 x 2 = 0.04, then max(0.04, 0.03) = 0.04."""
    assert holm([0.03, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


REGISTER = pd.DataFrame(
    {
        "part": ["train", "eval", "eval", "eval"],
        "name": ["A", "A", "B", "C"],
        "meta_task": ["vqa", "vqa", "retrieval", "vqa"],
        "split": ["ind", "ind", "ood", "ood"],
    }
)


def test_members_of_aggregates():
    assert members(REGISTER) == {
        "vqa": ["A", "C"],
        "retrieval": ["B"],
        "ind": ["A"],
        "ood": ["B", "C"],
        "all": ["A", "B", "C"],
    }


def test_a_mean_weighs_data_sets_alike():
    """1/4 and 1/1: 0.625, not 2/5."""
    value, low, high = mean_of_sets([np.array([True, False, False, False]), np.array([True])])
    assert value == 0.625 and low < value < high


def test_macro_is_the_mean_of_meta_tasks_and_another_number():
    """Five sets, four meta-tasks: vqa twice. All: mean of 5; macro-4: vqa's two count half."""
    register = pd.DataFrame(
        {
            "part": "eval",
            "name": list("ABCDE"),
            "meta_task": ["classification", "vqa", "vqa", "retrieval", "grounding"],
            "split": "ind",
        }
    )
    found = weights(register)
    assert found["all"] == dict.fromkeys("ABCDE", 0.2)
    assert found["macro_4"] == {"A": 0.25, "B": 0.125, "C": 0.125, "D": 0.25, "E": 0.25}
    hits = [np.array([one]) for one in (1.0, 0.0, 0.0, 1.0, 1.0)]
    assert mean_of_sets(hits, list(found["all"].values()))[0] == pytest.approx(0.6)
    assert mean_of_sets(hits, list(found["macro_4"].values()))[0] == pytest.approx(0.75)
    assert "macro_4" not in weights(REGISTER)  # no classification, no grounding
