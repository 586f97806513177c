"""Curves of training logs over seeds, by hand; the dynamics figure's readable axes."""

import json

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from gen2embed.errors import InputError
from gen2embed.reporting.figures.style import style
from gen2embed.reporting.figures.training_curves import (
    draw_curve,
    moving_mean,
    read_curves,
)
from gen2embed.reporting.runs import RunName
from plot_dynamics import draw_spread, spread_note


def write_log(folder, losses):
    folder.mkdir(parents=True)
    lines = [
        json.dumps({"step": step + 1, "loss": loss, "grad_norm": 10 * loss, "lr": 0})
        for step, loss in enumerate(losses)
    ]
    (folder / "training_log.jsonl").write_text("\n".join(lines) + "\n")


def test_a_curve_is_the_mean_of_its_seeds_between_least_and_greatest(tmp_path):
    write_log(tmp_path / "saha_seed0" / "plain", [4.0, 2.0])
    write_log(tmp_path / "saha_seed1" / "plain", [2.0, 1.0])
    found = read_curves(tmp_path, RunName("saha", "plain"), [0, 1])
    loss = found[found["aggregate"] == "loss"]
    assert loss["step"].tolist() == [1, 2] and loss["value"].tolist() == [3.0, 1.5]
    assert loss["ci_low"].tolist() == [2.0, 1.0] and loss["ci_high"].tolist() == [4.0, 2.0]
    norm = found[found["aggregate"] == "grad_norm"]
    assert norm["value"].tolist() == [30.0, 15.0] and set(found["run"]) == {"saha, plain"}


def test_logs_that_are_missing_or_of_other_steps_are_told(tmp_path):
    write_log(tmp_path / "saha_seed0" / "plain", [4.0, 2.0])
    with pytest.raises(InputError, match="no such file"):
        read_curves(tmp_path, RunName("saha", "plain"), [0, 1])
    write_log(tmp_path / "saha_seed1" / "plain", [4.0])
    with pytest.raises(InputError, match="has other steps than the log of seed 0"):
        read_curves(tmp_path, RunName("saha", "plain"), [0, 1])


def test_a_moving_mean_is_of_fewer_at_the_ends():
    assert moving_mean(np.array([1.0, 2.0, 6.0]), 3).tolist() == [1.5, 3.0, 4.0]
    assert moving_mean(np.array([1.0, 2.0]), 1).tolist() == [1.0, 2.0]


def test_a_logarithmic_axis_has_plain_numbers():
    frame = pd.DataFrame(
        {"run": "a", "step": range(1, 21), "value": np.geomspace(4, 0.3, 20), "ci_low": 0.2,
         "ci_high": 5.0, "seeds": 2}
    )  # fmt: skip
    with style():
        figure = Figure(figsize=(3, 2), layout="constrained")
        axes = figure.add_subplot()
        draw_curve(axes, frame, ["a"])
        figure.canvas.draw()
    labels = [label.get_text() for label in axes.get_yticklabels(which="both")]
    assert {"0.5", "1", "2"} <= set(labels) and not [text for text in labels if "$" in text]
    assert len(axes.collections) == 1  # the seeds' span


def test_the_spread_over_seeds_is_drawn_and_told():
    frame = pd.DataFrame({"run": "a", "step": [0, 5], "value": [0.4, 0.5], "spread": [None, 0.02]})
    frame["spread"] = frame["spread"].astype(float)
    axes = Figure().add_subplot()
    draw_spread(axes, frame, ["a"])
    (whisker,) = axes.collections[0].get_segments()
    assert whisker.tolist() == [pytest.approx([5, 48]), pytest.approx([5, 52])]
    assert spread_note(frame, 3).endswith("at most 2.0 points. ") and not spread_note(frame, 1)
