"""Bootstrap, sign flips and tests of differences on a few values, each p-value counted by hand."""

import numpy as np
import pytest

from gen2embed.evaluation.intervals import (
    bootstrap_means,
    mean_interval,
    resampled,
    resampled_sets,
    share_interval,
    wilson,
)
from gen2embed.evaluation.paired import (
    DRAWS,
    compare_paired,
    equivalence,
    holm,
    least_difference,
)


def hits(wins, losses, equal):
    """Two arrays of hits: so many that only the first has, only the second, both."""
    first = np.array([True] * wins + [False] * losses + [True] * equal)
    second = np.array([False] * wins + [True] * losses + [True] * equal)
    return first, second


def test_every_unit_may_be_drawn_and_each_draw_is_as_large_as_the_sample():
    drawn = resampled(5, 400)
    assert drawn.shape == (400, 5) and (drawn.sum(axis=1) == 5).all()
    assert (drawn.sum(axis=0) / 400 == pytest.approx(1, abs=0.2)) and drawn.min() == 0


def test_the_seed_of_the_score_contract_is_zero():
    values = np.arange(20) % 3 == 0
    assert (bootstrap_means(values) == bootstrap_means(values, 1000, 0)).all()


def test_one_group_has_no_width_however_many_values_it_has():
    """Whole groups are drawn: of one group every draw is the sample itself, its mean .5."""
    assert mean_interval(np.array([0.25, 0.75]), np.array([7, 7])) == (0.5, 0.5)


def test_a_share_that_varies_is_no_case_for_wilson():
    """Also where its first value is 0, or 1; equal shares between them have no width."""
    for values in ([0.0, 1.0, 1.0, 0.0, 1.0], [1.0, 0.0, 0.0, 1.0, 0.0]):
        low, high = share_interval(np.array(values))
        assert (low, high) not in {wilson(0, 5), wilson(5, 5)} and low < np.mean(values) < high
    assert share_interval(np.full(10, 0.5)) == (0.5, 0.5)
    assert share_interval(np.array([True])) == wilson(1, 1)


def test_sets_of_one_concept_are_drawn_whole():
    """One concept with one query in the first set and two in the second: always drawn, both."""
    with np.errstate(all="raise"):
        drawn = resampled_sets([np.array([1.0]), np.array([1.0, 0.0])], [np.array([3]), [3, 3]], 50)
    assert drawn.shape == (50, 2) and (drawn == [1.0, 0.5]).all()


def test_a_set_without_a_drawn_concept_has_no_mean():
    """Two concepts, one in each set: a draw has both, or one of them twice."""
    with np.errstate(all="raise"):
        drawn = resampled_sets([np.array([1.0]), np.array([0.0])], [np.array([1]), [2]], 2000)
    missing = np.isnan(drawn)
    assert not missing.all(axis=1).any() and not missing.all(axis=0).any()
    assert missing.any(axis=1).mean() == pytest.approx(0.5, abs=0.05)
    assert set(drawn[~missing[:, 0], 0]) == {1.0} and set(drawn[~missing[:, 1], 1]) == {0.0}


@pytest.mark.parametrize(
    ("wins", "losses", "p"),
    [
        (6, 2, 2 * (1 + 8 + 28) / 256),  # 0, 1 or 2 of 8 coins, or as many tails
        (2, 6, 2 * (1 + 8 + 28) / 256),
        (5, 4, 1.0),  # of 9 coins always at least one more of a side
        (4, 0, 2 / 16),
    ],
)
def test_the_p_value_is_that_of_the_sign_test(wins, losses, p):
    found = compare_paired(*([one] for one in hits(wins, losses, 3)), draws=40_000)
    assert found.p_value == pytest.approx(p, abs=0.01)
    assert found.value == pytest.approx((wins - losses) / (wins + losses + 3))


def test_two_sets_are_flipped_together():
    """3 of 4 one way and 2 of 4: of 5 coins all alike, 2 / 2^5; the mean is 5/8."""
    first, second = zip(hits(3, 0, 1), hits(2, 0, 2), strict=True)
    found = compare_paired(first, second, draws=40_000)
    assert found.value == 0.625 and found.p_value == pytest.approx(2 / 32, abs=0.005)


def test_the_smallest_p_value_is_one_of_all_draws_and_one():
    found = compare_paired(*([one] for one in hits(60, 0, 0)))
    assert found.p_value == pytest.approx(1 / (DRAWS + 1), rel=1e-9) and DRAWS == 10_000


def test_the_seed_decides_the_draws():
    first, second = hits(9, 5, 6)
    assert compare_paired([first], [second]) == compare_paired([first], [second], seed=0)
    assert compare_paired([first], [second]) != compare_paired([first], [second], seed=1)


@pytest.mark.parametrize(
    ("second_set", "value", "p"),
    [
        # weights 1/2 for the one query, 1/4 for each of two; a concept each.
        # 1/2 + 1/4 + 0: only equal signs reach 3/4
        ([1.0, 0.0], 0.75, 0.5),
        # 1/2 + 1/4 - 1/4: sums 1, 1/2, 1/2, 0 in size, of which three reach 1/2
        ([1.0, -1.0], 0.5, 0.75),
    ],
)
def test_concepts_are_flipped_with_their_weight_in_the_headline(second_set, value, p):
    first = [np.array([1.0]), np.maximum(second_set, 0.0)]
    second = [np.array([0.0]), np.maximum(-np.array(second_set), 0.0)]
    found = compare_paired(first, second, [np.array([0]), np.array([1, 2])], draws=40_000)
    assert found.value == value and found.p_value == pytest.approx(p, abs=0.01)


def test_differences_are_told_apart_to_nine_places():
    """Shares of seeds are sums of floats: what differs by less than that is the same."""
    for off, value in ((4e-10, 0.0), (6e-9, 6e-9)):
        found = compare_paired([np.array([0.5 + off])], [np.array([0.5])])
        assert found.value == pytest.approx(value, abs=1e-12)


def test_the_longer_of_two_is_refused_either_way():
    for sizes in ((3, 4), (4, 3)):
        with pytest.raises(ValueError, match="not paired"):
            compare_paired(*([np.zeros(size, dtype=bool)] for size in sizes))


def test_edges_of_the_least_difference_of_sameness_and_of_holm():
    assert least_difference(0.01, 0) == least_difference(0.01, 1)
    assert equivalence(0.02, 0.0) == 1.0  # on the margin is not within it
    assert holm([]) == [] and holm([0.2]) == [0.2]
    assert holm([0.5, 0.5]) == [1.0, 1.0]
