"""SugarCrepe's and SugarCrepe++'s rules on vectors whose scores are read off: captions by angle."""

import numpy as np
import pytest

from gen2embed.evaluation.compositionality import image_to_text, text_only


def at(*degrees):
    """Unit vectors in the plane: the score of two is the cosine of their angle."""
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


IMAGE = at(0)
CAPTIONS = at(10, 30, 50, 50)  # ids 0, 1, 2, and 3, which is 2 again


def outcome(true, false):
    ids = [np.array(true)]
    return image_to_text(CAPTIONS, IMAGE, np.array([0]), ids, np.array([false]))


def cosine(degrees):
    return np.cos(np.radians(degrees))


@pytest.mark.parametrize(
    ("true", "false", "right", "tie"),
    [
        ([0], 1, True, False),  # 10 degrees beat 30
        ([1], 0, False, False),
        ([2], 3, False, True),  # a tie is a miss ...
        ([0, 1], 2, True, False),  # both beat 50
        ([0, 2], 1, False, False),  # one of the two does not
        ([1, 2], 0, False, False),
        ([0, 2], 3, False, True),  # the worse of the two ties
    ],
)
def test_image_to_text(true, false, right, tie):
    found = outcome(true, false)
    assert (found.right[0], found.ties[0]) == (right, tie)
    assert found.index0_right[0] == (right or tie)  # ... which goes to the true caption here
    assert found.chances[0] == 1 / (1 + len(true))


def test_the_margin_is_the_worst_true_score_minus_the_false_one():
    assert outcome([0, 1], 2).margin[0] == pytest.approx(cosine(30) - cosine(50), abs=1e-9)


@pytest.mark.parametrize(
    ("angles", "right", "tie"),
    [
        ((0, 10, 30), True, False),  # apart by 10; 30 and 20 from the false one
        ((0, 10, 15), False, False),  # the second true caption is 5 from the false one
        ((10, 0, 15), False, False),  # so is the first
        ((0, 10, 20), False, True),  # 10 and 10
        ((10, 0, 20), False, True),
        ((0, 0, 0), False, True),
    ],
)
def test_text_only(angles, right, tie):
    found = text_only(at(*angles), [np.array([0, 1])], np.array([2]))
    assert (found.right[0], found.ties[0]) == (right, tie)
    assert found.index0_right[0] == (right or tie)
    assert found.chances[0] == 1 / 3


def test_text_only_needs_two_true_captions():
    with pytest.raises(ValueError, match="row 0 has 1 true"):
        text_only(CAPTIONS, [np.array([0])], np.array([1]))


@pytest.mark.parametrize("true", [1, 2])
def test_random_vectors_are_right_by_chance_and_constant_ones_never(true):
    rng = np.random.default_rng(0)
    n = 6000
    captions = rng.standard_normal((n * 3, 16))
    captions = (captions / np.linalg.norm(captions, axis=1, keepdims=True)).astype(np.float32)
    images = captions[rng.permutation(n * 3)[:n]]
    ids = np.arange(n * 3).reshape(n, 3)
    lists = list(ids[:, :true])
    found = image_to_text(captions, images, np.arange(n), lists, ids[:, 2])
    assert found.right.mean() == pytest.approx(1 / (1 + true), abs=0.02)
    same = np.tile(captions[:1], (n * 3, 1))
    found = image_to_text(same, same, np.arange(n), lists, ids[:, 2])
    assert found.right.mean() == 0 and found.index0_right.mean() == 1 and found.ties.all()
    if true == 2:
        found = text_only(captions, lists, ids[:, 2])
        assert found.right.mean() == pytest.approx(1 / 3, abs=0.02)
        found = text_only(same, lists, ids[:, 2])
        assert found.right.mean() == 0 and found.index0_right.mean() == 1


def test_permuted_rows_and_ids_give_the_same_margins():
    rng = np.random.default_rng(1)
    vectors = rng.standard_normal((40, 8))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    true, false = [np.array([i, i + 10]) for i in range(10)], np.arange(20, 30)
    images = np.arange(10)
    found = image_to_text(vectors, vectors[30:], images, true, false)
    order = rng.permutation(40)
    place = np.argsort(order)  # old id -> new id
    true, false = [place[one] for one in true[::-1]], place[false[::-1]]
    moved = image_to_text(vectors[order], vectors[30:], images[::-1], true, false)
    assert moved.margin.tolist() == found.margin[::-1].tolist()
