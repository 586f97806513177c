"""InfoNCE worked out by hand."""

import math

import pytest
import torch

from gen2embed.training.loss import info_nce, similarities


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


def test_a_target_that_is_excluded_is_no_negative():
    """Pairs 0 and 1 share a target: masked, they face pair 2 alone."""
    queries, targets = unit(0, 0, 90), unit(0, 0, 90)
    excluded = torch.tensor([[0, 1, 0], [1, 0, 0], [0, 0, 0]], dtype=torch.bool)
    others = math.log(1 + math.exp(-1))  # queries 0 and 1: scores 1 and 0
    third = math.log(1 + 2 * math.exp(-1))  # query 2: two negatives, both 0
    expected = (2 * others + third) / 3
    found = info_nce(queries, targets, 1.0, excluded=excluded)
    assert found.item() == pytest.approx(expected)
    plain = info_nce(queries, targets, 1.0).item()
    assert plain == pytest.approx((2 * math.log(2 + math.exp(-1)) + third) / 3)


def test_everything_excluded_is_zero_loss():
    """Nothing is left to be told apart."""
    excluded = ~torch.eye(2, dtype=torch.bool)
    assert info_nce(unit(0, 40), unit(9, 9), 0.02, excluded=excluded).item() == 0


def test_own_targets_by_place():
    """Classic: one query, whose target is the second of three; scores 0, 1, -1."""
    loss = info_nce(unit(0), unit(90, 0, 180), 1.0, torch.tensor([1]))
    assert loss.item() == pytest.approx(math.log(1 + math.exp(-1) + math.exp(-2)))


def test_symmetric():
    """Both targets are query 0's direction: to target log 2 each; back, scores (1, 0) twice.

    Target 0 finds its query: log(1 + e^-1); target 1 its own at 0: log(1 + e).
    """
    loss = info_nce(unit(0, 90), unit(0, 0), 1.0, symmetric=True)
    back = (math.log(1 + math.exp(-1)) + math.log(1 + math.e)) / 2
    assert loss.item() == pytest.approx((math.log(2) + back) / 2)


def test_symmetric_is_blind_to_targets_nobody_owns():
    """Back from the one own target there is one query only: nothing to be told apart."""
    there = info_nce(unit(0), unit(90, 0), 1.0, torch.tensor([1]))
    both = info_nce(unit(0), unit(90, 0), 1.0, torch.tensor([1]), symmetric=True)
    assert both.item() == pytest.approx(there.item() / 2)


def test_similarities():
    """Query 0: own 1, negatives 0 and (excluded) .5. Query 1: own cos 30, negatives 0 and 1."""
    queries, targets = unit(0, 90), unit(0, 90, 60)
    own = torch.tensor([0, 2])
    excluded = torch.tensor([[0, 0, 1], [0, 0, 0]], dtype=torch.bool)
    found = similarities(queries, targets, own, excluded)
    assert found["positive_similarity"] == pytest.approx((1 + 0.75**0.5) / 2)
    assert found["negative_similarity"] == pytest.approx((0 + (0 + 1) / 2) / 2)
    assert found["hardest_negative_similarity"] == pytest.approx((0 + 1) / 2)


def test_a_query_without_negatives_has_no_negative_similarity():
    found = similarities(unit(0), unit(0), torch.tensor([0]), None)
    assert found["negative_similarity"] == found["hardest_negative_similarity"] == 0
