"""The space in numbers and the gallery's choice, worked out by hand."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image

import draw_gallery
from gen2embed.mining.clusters import ClusterTable
from gen2embed.reporting.figures.embedding_space import (
    alignment,
    centroid_distance,
    flatten,
)
from gen2embed.reporting.figures.gallery import Case, find_cases
from gen2embed.reporting.figures.style import style


def test_centroid_distance_of_opposite_and_of_equal_clouds():
    east = np.array([[1.0, 0.0], [1.0, 0.0]])
    assert centroid_distance(east, east) == 0
    assert centroid_distance(east, -east[:1]) == pytest.approx(2)
    assert centroid_distance(east, np.array([[0.0, 1.0]])) == pytest.approx(2**0.5)


def test_alignment_of_matching_and_of_other_pairs():
    """Scores [[1, 0], [0.6, 0.8]]: matching (1 + .8) / 2, others (0 + .6) / 2."""
    queries = np.array([[1.0, 0.0], [0.6, 0.8]])
    assert alignment(queries, np.eye(2)) == pytest.approx((0.9, 0.3))


def test_flatten_is_the_seeds_alone():
    vectors = np.random.default_rng(0).normal(size=(40, 8)).astype(np.float32)
    one, two = flatten(vectors, 0), flatten(vectors, 0)
    assert one.shape == (40, 2) and np.array_equal(one, two)


def table(rows):
    """rows: anchor -> [(pair, hardness, overlap)]."""
    flat = [one for of_anchor in rows.values() for one in of_anchor]
    return ClusterTable(
        anchor_pair=np.array(list(rows)),
        phase=np.ones(len(rows), dtype=np.int8),
        starts=np.concatenate([[0], np.cumsum([len(one) for one in rows.values()])]),
        negative_pairs=np.array([one[0] for one in flat]),
        hardness=np.array([one[1] for one in flat]),
        overlap=np.array([one[2] for one in flat]),
    )


def test_the_hardest_false_negative_beside_the_hardest_true_one():
    hns = table({5: [(1, 0.9, 0.8), (2, 0.7, 0.6)], 6: [(3, 0.5, 0.4)], 7: [(4, 0.95, 0.1)]})
    false = np.array([False, True, True, False])
    saha = table({5: [(1, 0.9, 0.8), (8, 0.4, 0.2)], 6: [(9, 0.3, 0.1)]})
    cases = find_cases(hns, false, saha, np.array([True, False, False]))
    assert cases == [
        Case(5, 2, 0.7, 0.6, 8, 0.4, 0.2),
        Case(6, 3, 0.5, 0.4, 9, 0.3, 0.1),
    ]  # anchor 7's negative is a true one


def test_no_case_where_the_other_strategy_has_no_true_negative():
    hns = table({5: [(1, 0.9, 0.8)]})
    saha = table({5: [(1, 0.9, 0.8)]})
    assert find_cases(hns, np.array([True]), saha, np.array([True])) == []


def test_an_image_without_a_text_is_drawn_with_its_note_alone(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "1.png")
    axes = Figure().add_subplot()
    item = pd.Series({"text": "", "image_path": "1.png"})
    draw_gallery.draw_item(axes, item, tmp_path, "note", "red")
    assert axes.get_xlabel() == "note" and len(axes.images) == 1


@settings(max_examples=5, deadline=None)
@example("it costs $5 and $10")
@example(r"$\unknowncommand$")
@example("$$ a\0b")
@given(st.text(alphabet=st.sampled_from("$\\\\{}^_%#&a 1\0\u200f中"), max_size=12))
def test_a_text_is_no_markup(text):
    with style():
        figure = Figure(figsize=(1, 1), dpi=30)
        draw_gallery.draw_item(figure.add_subplot(), pd.Series({"text": text, "image_path": ""}),
                               Path(), f"of {text}", "red")  # fmt: skip
        figure.savefig(io.BytesIO(), format="png")
