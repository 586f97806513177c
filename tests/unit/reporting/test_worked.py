"""The worked anchor as it is drawn: which rows, what is said, and that nothing leaves the page."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import draw_saha
from gen2embed.files import write_parquet
from gen2embed.reporting.figures.inches import sheet, write_fitted
from gen2embed.reporting.figures.style import style
from gen2embed.reporting.figures.worked import (
    MOST_SHOWN,
    candidates_shown,
    caption,
    with_texts,
)

FACTS = {
    "strategy": "saha", "subset": "T2I", "cluster": "4", "k": "1", "m": "2", "anchor_pair": "0",
    "query_id": "0", "target_id": "0", "known": "yes", "anchors": "9",
    "false_discarded_of_all": "5", "false_kept_of_all": "2",
}  # fmt: skip


def pool():
    """Ranks 1 and 3 are candidates; the owner of rank 3 is less like the anchor: kept."""
    return pd.DataFrame(
        {
            "rank": [1, 2, 3, 4],
            "target_id": [1, 0, 2, 3],
            "target_cosine": [0.9, 0.8, 0.7, 0.6],
            "state": ["discarded", "positive", "kept", "not looked at"],
            "owner_query_id": [1, -1, 2, -1],
            "owner_cosine": [0.95, np.nan, 0.15, np.nan],
            "order": [2, 0, 1, 0],
            "pair_id": [1, -1, 2, -1],
            "false_negative": [True, False, False, False],
        }
    )


def test_the_caption_counts_what_is_drawn():
    said = caption(pool(), FACTS)
    assert "Subset T2I, cluster 4, k = 1, m = 2. Its pool holds the 4 targets" in said
    assert "its own positives among them: 1; without a free owner: 0" in said
    assert (
        "make the cluster (overlap 0.15 to 0.15), the others are discarded (0.95 to 0.95)" in said
    )
    assert "Mean hardness of the kept 0.70, of the discarded 0.90." in said
    assert "(triangles): 1 of the discarded, 0 of the kept; over all 9 such anchors 5" in said
    assert "is not known" in caption(pool(), FACTS | {"known": "no"})
    assert "No anchor of a subset" in caption(pool().iloc[:0], {})


def test_of_many_candidates_some_are_drawn_evenly_over_the_overlap():
    many = pd.DataFrame({"order": np.arange(46)[::-1], "state": "kept"})
    shown = candidates_shown(many)
    assert len(shown) == MOST_SHOWN and shown["order"].iloc[[0, -1]].tolist() == [1, 45]
    assert (shown["order"].diff().dropna() > 0).all()
    assert candidates_shown(pool())["rank"].tolist() == [3, 1]


def test_texts_stand_beside_their_ids():
    items = {
        "query": pd.DataFrame({"text": ["a", "b", "c"], "image_path": ["", "", ""]}),
        "target": pd.DataFrame({"text": list("wxyz"), "image_path": ["", "1.png", "", ""]}),
    }
    drawn = with_texts(pool(), items)
    assert drawn["target_text"].tolist() == ["x", "w", "y", "z"]
    assert drawn["target_image_path"].tolist() == ["1.png", "", "", ""]
    assert drawn["owner_text"].tolist() == ["b", "", "c", ""]


@pytest.mark.parametrize("lines", [1, 2])
def test_a_text_is_cut_to_its_width(lines):
    with style():
        figure, axes = sheet(3, 1)
        write_fitted(axes, 0.1, 0.5, "wide words " * 30, 1.2, lines, fontsize=7)
    (text,) = axes.texts
    assert text.get_window_extent().width <= 1.2 * figure.dpi
    assert text.get_text().endswith("…") and text.get_text().count("\n") == lines - 1


def drawn(tmp_path, frame, monkeypatch):
    """The figure itself, of two items with images and texts that are too long."""
    Image.new("RGB", (8, 8), "red").save(tmp_path / "1.png")
    for name in ("query", "target"):
        items = pd.DataFrame(
            {
                "item_id": range(4),
                "text": [f"{name} {number} " + "long " * 60 for number in range(4)],
                "image_path": ["", "1.png", "", ""],
            }
        )
        write_parquet(tmp_path / f"{name}.parquet", items)
    write_parquet(tmp_path / "worked.parquet", frame, FACTS)
    kept = []
    monkeypatch.setattr(draw_saha, "write_figure", lambda *what: kept.append(what))
    arguments = ["--worked", str(tmp_path / "worked.parquet"), "--image-root", str(tmp_path)]
    arguments += ["--query-items", str(tmp_path / "query.parquet"), "--out", str(tmp_path / "out")]
    arguments += ["--target-items", str(tmp_path / "target.parquet")]
    assert draw_saha.main(arguments) == 0
    (_, name, figure, _, _) = kept[0]
    assert name == "saha_worked"
    return figure


def test_lines_join_a_targets_rank_with_its_owners_place(tmp_path, monkeypatch):
    figure = drawn(tmp_path, pool(), monkeypatch)
    (axes,) = figure.axes
    lines = [line for line in axes.lines if len(line.get_xdata()) == 2 and line.get_lw() < 2]
    falls = {line.get_color(): np.diff(line.get_ydata())[0] for line in lines}
    assert falls == pytest.approx({"C0": -draw_saha.ROW, "C5": draw_saha.ROW})
    figure.savefig(io.BytesIO(), format="pdf")
    for text in axes.texts:
        box = text.get_window_extent()
        assert text.get_fontsize() >= 7
        assert box.x0 >= 0 and box.x1 <= figure.bbox.width, text.get_text()
        assert box.y0 >= 0 and box.y1 <= figure.bbox.height, text.get_text()


def test_no_anchor_is_said_so(tmp_path, monkeypatch):
    figure = drawn(tmp_path, pool().iloc[:0], monkeypatch)
    assert [text.get_text() for text in figure.axes[0].texts] == ["no such anchor was mined"]
