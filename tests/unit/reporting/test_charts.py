"""Charts tested by what was drawn: heights, places, whiskers, chance, lines and bands."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from gen2embed.reporting.figures.charts import dots_by_dataset, draw_lines, grouped_bars

VALUES = {("a", "x"): 0.2, ("a", "y"): 0.5, ("b", "x"): 0.7, ("b", "y"): 0.1}  # (run, group)
CHANCE = {"x": 0.05, "y": 0.25}


def frame(group):
    rows = [
        {
            "run": run, group: name, "split": "ind", "value": value, "ci_low": value - 0.05,
            "ci_high": value + 0.1, "chance": CHANCE[name],
        }
        for (run, name), value in VALUES.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_bars_stand_in_their_groups_as_high_as_their_values():
    figure = grouped_bars(frame("task"), "task", ["y", "x"], {"x": "Task X"}, 4)
    (axes,) = figure.axes
    labels = {label.get_text(): place for place, label in
              zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)}  # fmt: skip
    assert labels == {"y": 0, "Task X": 1}
    places = {"y": 0, "x": 1}
    assert [container.get_label() for container in axes.containers[1::2]] == ["a", "b"]
    for container in axes.containers[1::2]:
        run = container.get_label()
        for bar, name in zip(container, ["y", "x"], strict=True):
            assert bar.get_height() == pytest.approx(100 * VALUES[run, name])
            assert abs(bar.get_x() + bar.get_width() / 2 - places[name]) < 0.45
        errors = container.errorbar.lines[2][0]
        for segment, name in zip(errors.get_segments(), ["y", "x"], strict=True):
            value = 100 * VALUES[run, name]
            assert segment[:, 1] == pytest.approx([value - 5, value + 10])
    chance = [lines for lines in axes.collections if lines.get_label() == "chance"]
    drawn = {round(segment[:, 0].mean()): segment[0, 1] for segment in chance[0].get_segments()}
    assert drawn == pytest.approx({0: 25.0, 1: 5.0})
    assert axes.get_ylim()[0] == 0


def test_dots_stand_in_their_rows_at_their_values():
    figure = dots_by_dataset(frame("dataset"))
    (axes,) = figure.axes
    rows = {label.get_text(): place for place, label in
            zip(axes.get_yticks(), axes.get_yticklabels(), strict=True)}  # fmt: skip
    assert rows == {"x (IND)": 1, "y (IND)": 0}
    for container in axes.containers:
        run = container.get_label()
        points, _, (bars,) = container.lines
        for (value, height), segment, name in zip(
            points.get_xydata(), bars.get_segments(), ["x", "y"], strict=True
        ):
            assert value == pytest.approx(100 * VALUES[run, name])
            assert abs(height - rows[f"{name} (IND)"]) < 0.45
            assert segment[:, 0] == pytest.approx([value - 5, value + 10])
    chance = [lines for lines in axes.collections if lines.get_label() == "chance"]
    drawn = {round(segment[:, 1].mean()): segment[0, 0] for segment in chance[0].get_segments()}
    assert drawn == pytest.approx({1: 5.0, 0: 25.0})


def test_lines_go_through_their_values_in_the_order_of_the_axis():
    values = pd.DataFrame(
        {
            "strategy": ["b", "a", "a", "b"], "step": [2, 4, 1, 3], "value": [0.1, 0.4, 0.2, 0.9],
            "ci_low": [0.0, 0.3, 0.1, 0.8], "ci_high": [0.2, 0.6, 0.3, 1.0],
        }
    )  # fmt: skip
    axes = Figure().add_subplot()
    draw_lines(axes, values, "strategy", ["a", "b"], "step")
    wanted = {"a": [(1, 20), (4, 40)], "b": [(2, 10), (3, 90)]}
    for number, line in enumerate(axes.lines):
        assert line.get_xydata().tolist() == [pytest.approx(p) for p in wanted[line.get_label()]]
        assert to_rgba(line.get_color()) == to_rgba(f"C{number}")
    assert [line.get_label() for line in axes.lines] == ["a", "b"]
    bands = [np.unique(band.get_paths()[0].vertices, axis=0) for band in axes.collections]
    assert {tuple(point) for point in bands[0].round(6)} >= {(1, 10), (1, 30), (4, 30), (4, 60)}
    assert {tuple(point) for point in bands[1].round(6)} >= {(2, 0), (2, 20), (3, 80), (3, 100)}
