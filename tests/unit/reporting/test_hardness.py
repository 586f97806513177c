"""Figure 5: contours that hold the share they claim, summaries by hand, what is drawn where."""

import numpy as np
import pandas as pd
import pytest

from gen2embed.reporting.figures.density import FEWEST, density
from gen2embed.reporting.figures.hardness import draw_hardness, summarise, with_rates
from gen2embed.reporting.figures.style import style


@pytest.mark.parametrize(("share", "radius"), [(0.5, 1.177), (0.9, 2.146)])
def test_a_contour_holds_its_share_of_normal_points(share, radius):
    """Of a standard normal the region with share s is the disc of radius sqrt(-2 ln(1 - s));
    smoothing by n ** (-1/6) widens it by sqrt(1 + n ** (-1/3))."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 20_000))
    found = density(x, 3 * y)
    inside = found.grid >= found.level(share)
    assert found.grid[inside].sum() == pytest.approx(share, abs=0.01)
    area = inside.sum() * np.diff(found.xs)[0] * np.diff(found.ys)[0]
    wide = 1 + len(x) ** (-1 / 3)
    assert area == pytest.approx(3 * np.pi * radius**2 * wide, rel=0.05)
    low, high = found.corners(found.level(share))
    assert high - low == pytest.approx(np.array([2, 6]) * radius * wide**0.5, rel=0.1)


def test_few_points_and_points_in_a_line_have_no_density():
    ramp = np.arange(FEWEST, dtype=float)
    assert density(ramp[1:], ramp[1:]) is None
    assert density(ramp, np.zeros(FEWEST)) is None
    assert density(ramp, ramp) is not None


def negatives():
    rng = np.random.default_rng(1)
    parts = []
    for strategy, level in (("hns", 0.6), ("saha", 0.4)):
        for task, shift in (("vqa", 0.0), ("retrieval", 0.2)):
            values = {name: level + shift + 0.1 * rng.normal(size=40) for name in
                      ("hardness", "overlap")}  # fmt: skip
            facts = {"strategy": strategy, "meta_task": task, "cluster": np.arange(40) // 4}
            parts.append(pd.DataFrame(values).assign(**facts))
    return pd.concat(parts, ignore_index=True)


REPORT = {
    "strategies": {
        "hns": {"equal_hardness": 0.03, "equal_hardness_ci_low": 0.02,
                "equal_hardness_ci_high": 0.05},
        "saha": dict.fromkeys(("equal_hardness", "equal_hardness_ci_low",
                               "equal_hardness_ci_high")),
    }
}  # fmt: skip


def test_a_summary_by_hand():
    """Values 0, 1, 2, 3 of one strategy: mean 1.5, quartiles 0.75, 1.5, 2.25."""
    frame = pd.DataFrame(
        {"strategy": "s", "meta_task": "vqa", "cluster": range(4), "hardness": [0.0, 1, 2, 3],
         "overlap": [3.0, 2, 1, 0]}
    )  # fmt: skip
    found = summarise(frame)
    assert found["meta_task"].tolist() == ["all", "vqa"] and found["negatives"].tolist() == [4, 4]
    row = found.iloc[0]
    assert row[["hardness", "hardness_q25", "hardness_q50", "hardness_q75"]].tolist() == [
        1.5, 0.75, 1.5, 2.25,
    ]  # fmt: skip
    assert 0 <= row["overlap_low"] < 1.5 < row["overlap_high"] <= 3


def test_rates_stand_with_the_rows_over_all_alone():
    found = with_rates(summarise(negatives()), REPORT)
    known = found[found["equal_hardness"].notna()]
    assert known[["strategy", "meta_task"]].to_numpy().tolist() == [["hns", "all"]]
    assert with_rates(summarise(negatives()), None)["equal_hardness"].isna().all()


def test_every_part_of_the_figure_and_no_text_that_is_small_or_cut():
    frame = negatives()
    summary = with_rates(summarise(frame), REPORT)
    with style():
        figure = draw_hardness(frame, summary, ["hns", "saha"])
        figure.canvas.draw()
    titles = {axes.get_title() for axes in figure.axes}
    assert titles >= {"vqa", "retrieval"}
    main, rates = figure.axes[:2]
    means = {line.get_label(): (line.get_xdata()[0], line.get_ydata()[0]) for line in main.lines
             if not line.get_label().startswith("_")}  # fmt: skip
    for name, place in means.items():
        row = summary[(summary["strategy"] == name) & (summary["meta_task"] == "all")].iloc[0]
        assert place == (row["hardness"], row["overlap"])
    assert [text.get_text().strip() for text in rates.texts] == ["not comparable"]
    for text in figure.findobj(lambda artist: hasattr(artist, "get_fontsize")):
        box = text.get_window_extent()
        if text.get_text() and text.get_visible() and text.axes and text.axes.axison:
            assert text.get_fontsize() >= 7
            assert box.x1 <= figure.bbox.width + 1 and box.x0 >= -1, text.get_text()


def test_without_known_rates_there_is_no_panel_for_them():
    frame = negatives()
    with style():
        figure = draw_hardness(frame, with_rates(summarise(frame), None), ["hns", "saha"])
    assert not [axes for axes in figure.axes if "false" in axes.get_xlabel()]
