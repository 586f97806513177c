"""Intervals, the test against chance, paired comparisons and means, worked out by hand."""

from math import comb

import numpy as np
import pandas as pd
import pytest

from gen2embed.evaluation.aggregates import mean_of_sets, members, weights
from gen2embed.evaluation.intervals import above_chance, bootstrap_means, interval
from gen2embed.evaluation.paired import compare_paired, holm


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
