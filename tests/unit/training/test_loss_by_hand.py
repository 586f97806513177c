"""InfoNCE worked out by hand."""

import math

import pytest
import torch

from gen2embed.training.loss import info_nce


def unit(*angles):
    turns = torch.tensor(angles, dtype=torch.float64) * math.pi / 180
    return torch.stack([turns.cos(), turns.sin()], dim=1)


def test_two_pairs():
    """Scores [[1, 0], [0, 1]] at temperature 1: each query's loss is log(1 + e^-1)."""
    vectors = unit(0, 90)
    assert info_nce(vectors, vectors, 1.0).item() == pytest.approx(math.log(1 + math.exp(-1)))


def test_temperature_divides_the_scores():
    """Scores [[1, .5], [.5, 1]] over 0.5 are [[2, 1], [1, 2]]: log(1 + e^-1) again."""
    vectors = unit(0, 60)
    assert info_nce(vectors, vectors, 0.5).item() == pytest.approx(math.log(1 + math.exp(-1)))


def test_query_to_target_only():
    """Both targets are query 0's direction: query 0 is torn (log 2), query 1 as well (both 0)."""
    loss = info_nce(unit(0, 90), unit(0, 0), 1.0)
    assert loss.item() == pytest.approx(math.log(2))


def test_a_target_equal_to_the_own_one_is_no_negative():
    """Pairs 0 and 1 share a target: masked, they face pair 2 alone."""
    queries, targets = unit(0, 0, 90), unit(0, 0, 90)
    ids = torch.tensor([7, 7, 8])
    others = math.log(1 + math.exp(-1))  # queries 0 and 1: scores 1 and 0
    third = math.log(1 + 2 * math.exp(-1))  # query 2: two negatives, both 0
    expected = (2 * others + third) / 3
    assert info_nce(queries, targets, 1.0, ids).item() == pytest.approx(expected)
    plain = info_nce(queries, targets, 1.0).item()
    assert plain == pytest.approx((2 * math.log(2 + math.exp(-1)) + third) / 3)


def test_distinct_ids_mask_nothing():
    queries, targets = unit(0, 30, 100), unit(10, 50, 90)
    ids = torch.tensor([1, 2, 3])
    assert info_nce(queries, targets, 0.1, ids) == info_nce(queries, targets, 0.1)


def test_all_targets_the_same_is_zero_loss():
    """Nothing is left to be told apart."""
    assert info_nce(unit(0, 40), unit(9, 9), 0.02, torch.tensor([5, 5])).item() == 0
