"""What printed means alone can tell: errors, differences and ranks by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen2embed.evaluation.unpaired import (
    difference_of,
    greatest_error,
    mean_error,
    rank_ranges,
    told_apart,
)
from gen2embed.reporting.tables.ranks import distances, ranked


def test_error_of_a_mean_by_hand():
    # sqrt(.5 * .5 / 100) = .05; a second set at 1 adds nothing and halves the mean's share
    assert mean_error([0.5], 100) == pytest.approx(0.05)
    assert mean_error([0.5, 1.0], 100) == pytest.approx(0.025)


def test_difference_by_hand():
    found = difference_of(0.7, 0.6, 0.03, 0.04)
    assert found.standard_error == pytest.approx(0.05)
    assert (found.ci_low, found.ci_high) == pytest.approx((0.1 - 0.098, 0.1 + 0.098), abs=1e-4)
    assert found.p_value == pytest.approx(0.0455, abs=1e-4)  # z = 2
    assert difference_of(0.0, 0.0, 0.0, 0.0).p_value == 1
    assert difference_of(1.0, 0.0, 0.0, 0.0).p_value == 0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=36), st.integers(1, 5000))
def test_the_mean_alone_never_gives_too_small_an_error(shares, queries):
    bound = greatest_error(min(float(np.mean(shares)), 1.0), len(shares), queries)
    assert mean_error(shares, queries) <= bound + 1e-12


def test_the_error_is_that_of_drawn_queries():
    shares, queries = np.array([0.2, 0.5, 0.9]), 50
    drawn = np.random.default_rng(3).binomial(queries, shares, (40_000, 3)) / queries
    assert mean_error(shares, queries) == pytest.approx(drawn.mean(axis=1).std(), rel=0.02)


def test_ranks_by_hand():
    # a is far above b and c, which cannot be told apart; d is far below
    values, errors = [0.9, 0.61, 0.6, 0.2], [0.01] * 4
    apart = told_apart(values, errors)
    assert apart[0].tolist() == [False, True, True, True]
    assert not apart[1, 2] and apart[1, 3]
    assert rank_ranges(values, apart).tolist() == [[1, 1], [2, 3], [2, 3], [4, 4]]


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.001, 0.1)), min_size=1, max_size=12))
def test_a_rank_is_within_its_range(drawn):
    values, errors = zip(*drawn, strict=True)
    ranges = rank_ranges(values, told_apart(values, errors))
    for value, (low, high) in zip(values, ranges, strict=True):
        assert low <= 1 + sum(other > value for other in values) <= high


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_no_share(share):
    with pytest.raises(ValueError, match=r"within 0\.\.1"):
        mean_error([share], 10)


def test_the_papers_distance_to_the_present_leaders():
    frame = ranked("fine_tuned")
    assert frame["value"].is_monotonic_decreasing
    said = distances(frame, "SaHa", "Qwen2-VL-2B")
    assert "14.8 points below the best other of all, WeMM-Embedding-9B" in said  # 81.9 - 67.1
    assert "1.0 points below the best other on Qwen2-VL-2B, B3_Qwen2_2B" in said  # 68.1 - 67.1
    row = frame.set_index(["model", "backbone"]).loc[("SaHa", "Qwen2-VL-2B")]
    assert row["rank_low"] <= row["rank"] <= row["rank_high"]
    assert row["error"] == pytest.approx((0.671 * 0.329 / 36_000) ** 0.5)
