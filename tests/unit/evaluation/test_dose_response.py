"""Slopes and crossings by hand, and that arms share their draws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen2embed.evaluation.dose_response import Drawn, crossing, line, mean_of_sets


def drawn(value, *draws):
    return Drawn(value, np.array(draws or (value,), dtype=float))


def test_a_line_by_hand():
    """Differences -2, 1, 4 at doses 0, .5, 1: slope 6, at zero -2, crossing 1/3."""
    slope, at_zero = line([0, 0.5, 1], [drawn(-2), drawn(1), drawn(4)])
    assert (slope.value, at_zero.value) == pytest.approx((6, -2))
    found = crossing(slope, at_zero)
    assert found.value == pytest.approx(1 / 3)
    assert found.draws == pytest.approx([1 / 3])


def test_a_line_through_points_that_lie_on_none():
    """Doses 0, 1, 2 with 0, 0, 3: mean dose 1, slope (-1*0 + 0*0 + 1*3) / 2 = 1.5, mean 1."""
    slope, at_zero = line([0, 1, 2], [drawn(0), drawn(0), drawn(3)])
    assert (slope.value, at_zero.value) == pytest.approx((1.5, -0.5))


POINTS = st.lists(st.floats(-1, 1), min_size=3, max_size=3)


@given(values=POINTS, draws=st.lists(POINTS, min_size=1, max_size=5))
def test_every_draw_is_fitted_as_numpy_fits_it(values, draws):
    doses = [0.0, 0.25, 1.0]
    columns = np.array(draws).T
    of = [Drawn(value, column) for value, column in zip(values, columns, strict=True)]
    slope, at_zero = line(doses, of)
    fitted = np.polyfit(doses, columns, 1)
    np.testing.assert_allclose(slope.draws, fitted[0], atol=1e-9)
    np.testing.assert_allclose(at_zero.draws, fitted[1], atol=1e-9)
    np.testing.assert_allclose(
        [slope.value, at_zero.value], np.polyfit(doses, values, 1), atol=1e-9
    )


def test_no_crossing_where_the_slope_is_undecided():
    slope = drawn(1.0, *np.linspace(-1, 3, 100))
    assert crossing(slope, drawn(-0.5, *np.full(100, -0.5))) is None


def test_draws_of_the_other_sign_do_not_cross():
    """One of 100 draws has a negative slope: it is no number, the interval is of the others."""
    slope = drawn(2.0, -0.1, *np.full(99, 2.0))
    found = crossing(slope, drawn(-1.0, *np.full(100, -1.0)))
    assert np.isnan(found.draws[0]) and found.draws[1:] == pytest.approx(0.5)
    assert found.interval() == pytest.approx((0.5, 0.5))


def test_one_dose_has_no_slope():
    with pytest.raises(ValueError, match="two doses"):
        line([0.5, 0.5], [drawn(1), drawn(2)])


def test_arms_share_their_draws():
    """An arm that is right 3 points more often on every query is so in every draw."""
    rng = np.random.default_rng(0)
    concepts = [np.array(list("aabbccdd")), np.array(list("eeffaabb"))]
    hits = [rng.random(8) for _ in concepts]
    one = mean_of_sets(hits, concepts, draws=200)
    other = mean_of_sets([values + 0.03 for values in hits], concepts, draws=200)
    difference = other - one
    assert difference.value == pytest.approx(0.03)
    np.testing.assert_allclose(difference.draws, 0.03, atol=1e-12)
    assert difference.excludes_zero and one.draws.std() > 0
