"""Figure 3: a line from each query to its target, numbers beneath, panels in a grid."""

import numpy as np
import pandas as pd

from gen2embed.reporting.figures import space_map
from gen2embed.reporting.figures.space_map import Panel, draw_space, label_of, place
from gen2embed.reporting.figures.style import style

PAIRS = pd.DataFrame(
    {"query_id": [7, 7, 9], "target_id": [1, 2, 1], "meta_task": ["vqa", "retrieval", "vqa"]}
)
POINTS = pd.DataFrame(
    {
        "item_id": [7, 9, 1, 2],
        "side": ["query", "query", "target", "target"],
        "meta_task": ["vqa", "vqa", "vqa", "retrieval"],
        "x": [0.0, 1.0, 2.0, 3.0],
        "y": [0.0, 10.0, 20.0, 30.0],
    }
)


def panel(model, precision=0.5):
    return Panel(model, POINTS, gap=0.25, matching=0.8, other=0.1, precision=precision)


def test_each_item_is_placed_once_with_its_first_task(monkeypatch):
    monkeypatch.setattr(space_map, "flatten", lambda vectors, seed: vectors[:, :2] + seed)
    found = place(np.eye(2), np.eye(2) * 3, PAIRS, 1)
    assert found["item_id"].tolist() == [7, 9, 1, 2]
    assert found["side"].tolist() == ["query", "query", "target", "target"]
    assert found["meta_task"].tolist() == ["vqa", "vqa", "vqa", "retrieval"]
    assert found["x"].tolist() == [2, 1, 4, 1] and found["y"].tolist() == [1, 2, 1, 4]


def test_lines_go_from_queries_to_their_targets_and_numbers_stand_beneath():
    models = ["base/plain", "base/hierarchical", "saha_seed0/plain", "hns_seed0/plain"]
    with style():
        figure = draw_space([panel(one) for one in models[:3]] + [panel(models[3], np.nan)], PAIRS)
        figure.canvas.draw()
    assert len(figure.axes) == 6  # two rows of three, the last two empty
    lines = figure.axes[0].collections[0].get_segments()
    assert [line.tolist() for line in lines] == [
        [[0, 0], [2, 20]], [[0, 0], [3, 30]], [[1, 10], [2, 20]],
    ]  # fmt: skip
    assert figure.axes[0].get_xlabel() == "gap 0.25, P@1 50.0"
    assert figure.axes[3].get_xlabel() == "gap 0.25"
    for text in figure.legends[0].get_texts():
        assert text.get_fontsize() >= 7 and text.get_window_extent().x1 <= figure.bbox.width


def test_names_of_panels():
    assert label_of("base/plain") == "plain, before training"
    assert label_of("saha_seed0/eol") == "eol, after saha"
