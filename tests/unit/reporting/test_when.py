"""Tables and figure of the doses, from runs and reports made by hand."""

import numpy as np
import pandas as pd
import pytest

import plot_when
from gen2embed.reporting.results import Run, over_seeds
from gen2embed.reporting.tables.when import (
    NOT_DETERMINED,
    answer_sentence,
    difference_rows,
    frontier_rows,
    gate_sentence,
    mediator_rows,
    score_rows,
    shown_differences,
    shown_mediators,
    shown_scores,
)

CONCEPTS = np.array([f"c{n}" for n in range(40)], dtype=object)


def run(rights, name="run"):
    """A seed's run on one data set of 40 queries, each of a concept of its own; right the first."""
    hits = np.arange(40) < rights
    score = {"value": hits.mean(), "n": 40, "chance": 0.1, "above_chance": True, "ties": 0}
    score |= {"value_index0": hits.mean(), "ci_low": 0.0, "ci_high": 1.0}
    return Run(
        name,
        {"Change": score},
        {"Change": hits},
        {"Change": np.arange(40)},
        (),
        {"Change": CONCEPTS},
    )


def seeds(*rights):
    return over_seeds("run", [run(one) for one in rights])


ARMS = {
    ("hns", 0.0): seeds(20, 24),
    ("hns", 1.0): seeds(10, 14),
    ("saha", 0.0): seeds(20, 20),
    ("saha", 1.0): seeds(22, 22),
}


def test_scores_and_the_gate_by_hand():
    """hns at 0: 20 and 24 of 40, mean .55, spread .1/sqrt(2) = .0707; zero-shot 16 of 40 = .40."""
    frame = score_rows(ARMS, run(16))
    base, first = frame.iloc[0], frame.iloc[1]
    assert (base["strategy"], base["value"]) == ("zero-shot", 0.4)
    assert (first["value"], first["gain"]) == pytest.approx((0.55, 0.15))
    assert first["spread"] == pytest.approx(0.1 / np.sqrt(2), abs=1e-6)
    assert "beats zero-shot by +15.0" in gate_sentence(frame)
    assert "passes the gate of 5 points" in gate_sentence(frame)
    assert "does not pass" in gate_sentence(score_rows({("hns", 0.0): run(17)}, run(16)))
    assert gate_sentence(frame[frame["strategy"] != "hns"]) == ""
    assert shown_scores(frame)["hidden"].tolist() == ["-", "0", "1", "0", "1"]


def test_differences_by_hand():
    """saha - hns: -2 of 40 = -5 points at 0, +10 of 40 = +25 points at 1;
    slope 30; crossing 1/6."""
    frame = difference_rows(ARMS).set_index("measure")
    assert frame.index.tolist() == ["d=0", "d=1", "slope", "crossing"]
    assert frame["value"].tolist() == pytest.approx([-0.05, 0.25, 0.3, 1 / 6])
    assert frame.loc["d=0", "seeds"] == "+0.0 -10.0"
    assert frame.loc["slope", "seeds"] == "+30.0 +30.0"
    assert frame.loc["slope", "verdict"] == "above 0"
    assert frame.loc["crossing", "verdict"] == "between the doses"
    said = answer_sentence(frame.reset_index())
    assert "SaHa gains on HNS as positives are hidden" in said and "0.17" in said
    assert len(shown_differences(frame.reset_index())) == 4


def test_what_is_undecided_is_called_so(tmp_path):
    """One more right answer at dose 1 alone."""
    arms = {("hns", 0.0): run(20), ("hns", 1.0): run(20)}
    arms |= {("saha", 0.0): run(20), ("saha", 1.0): run(21)}
    frame = difference_rows(arms).set_index("measure")
    assert frame.loc["slope", "verdict"].startswith("undecided (95 %: ")
    assert frame.loc["crossing", "said"] == NOT_DETERMINED
    said = answer_sentence(frame.reset_index())
    assert "is undecided" in said and said.endswith(f"{NOT_DETERMINED}.")
    frame.reset_index().to_csv(tmp_path / "differences.csv", index=False)
    assert answer_sentence(pd.read_csv(tmp_path / "differences.csv")) == said


def test_one_dose_has_neither_slope_nor_crossing():
    arms = {("hns", 1.0): run(20), ("saha", 1.0): run(21)}
    frame = difference_rows(arms)
    assert frame["measure"].tolist() == ["d=1"] and answer_sentence(frame) == ""


def report(rate):
    row = {"negatives": 10}
    for name in ("overall", "in_clusters", "hardness_mean", "minimal_pairs", "equal_hardness"):
        row |= {name: rate, f"{name}_ci_low": rate, f"{name}_ci_high": None}
    return {"strategies": {"hns": row, "none": row | {"negatives": 0}}}


def test_mediators_and_frontier():
    frame = mediator_rows({0.0: report(0.25), 1.0: report(0.5)}, ["saha", "hns"])
    assert frame["hidden"].tolist() == [0, 1] and frame["overall"].tolist() == [0.25, 0.5]
    assert frame["overall_ci_high"].isna().all()
    assert shown_mediators(frame)["strategy"].tolist() == ["hns", "hns"]
    frame = frontier_rows({(3, 1): report(0.25), (7, 2): report(0.5)})
    assert frame[["strategy", "k", "m", "rate"]].to_numpy().tolist() == [
        ["hns", 3, 1, 0.25],
        ["hns", 7, 2, 0.5],
    ]


def test_the_figure_and_its_caption(tmp_path):
    scores, differences = score_rows(ARMS, run(16)), difference_rows(ARMS)
    frontier = frontier_rows({(3, 1): report(0.25), (7, 2): report(0.5)})
    words = []
    for name, frame in {"scores": scores, "differences": differences, "frontier": frontier}.items():
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
        words += [f"--{name}", str(tmp_path / f"{name}.csv")]
    assert plot_when.main([*words, "--out", str(tmp_path / "out")]) == 0
    caption = (tmp_path / "out" / "when.md").read_text()
    assert "SaHa gains on HNS" in caption and "@" not in caption
    drawn = pd.read_csv(tmp_path / "out" / "when.csv")
    assert (drawn["panel"] == "score").sum() == 5 and (drawn["panel"] == "frontier").sum() == 2
    assert (tmp_path / "out" / "when.png").stat().st_size > 10_000
