"""Intervals and tail probabilities are those of scipy.stats, which programs do without."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, norm

from gen2embed.evaluation.intervals import CONFIDENCE, above_chance, below_chance, wilson
from gen2embed.evaluation.paired import POWER, SIGNIFICANCE, equivalence, least_difference
from gen2embed.evaluation.unpaired import difference_of

COUNTS = st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@settings(max_examples=100, deadline=None)
@given(COUNTS, st.floats(0.001, 0.999))
def test_a_share_and_its_tails(counts, chance):
    hits, n = counts
    found = binomtest(hits, n).proportion_ci(CONFIDENCE, method="wilson")
    assert wilson(hits, n) == (found.low, found.high)
    assert above_chance(hits, n, chance) == pytest.approx(binom.sf(hits - 1, n, chance), rel=1e-12)
    rare = binom.cdf(hits, n, chance)
    assert below_chance(hits, n, chance) == (rare < 0.01) or rare == pytest.approx(0.01)


def test_tails_by_hand():
    """Of two coins: both heads 1/4, at least one 3/4, at least none 1, three never."""
    assert [above_chance(hits, 2, 0.5) for hits in (2, 1, 0, 3)] == pytest.approx(
        [0.25, 0.75, 1, 0]
    )


@settings(max_examples=50, deadline=None)
@given(st.floats(-0.5, 0.5), st.floats(1e-4, 0.2), st.integers(1, 50))
def test_the_normal_approximations(value, error, comparisons):
    wanted = (norm.isf(SIGNIFICANCE / comparisons / 2) + norm.ppf(POWER)) * error
    assert least_difference(error, comparisons) == pytest.approx(wanted, rel=1e-14)
    assert equivalence(value, error) == norm.sf((0.02 - abs(value)) / error)
    found = difference_of(0.5 + value, 0.5, error, 0.0)
    assert found.p_value == pytest.approx(2 * norm.sf(abs(value) / error), rel=1e-14)
    assert found.ci_high - found.value == pytest.approx(norm.isf(0.025) * error, rel=1e-9)
