"""Plot when SaHa pays: score against the share of hidden positives, and the frontier of miners."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gen2embed.command_line import run_each
from gen2embed.errors import InputError
from gen2embed.files import as_numbers, read_csv
from gen2embed.outputs import add_output
from gen2embed.reporting.figures.charts import draw_lines
from gen2embed.reporting.figures.style import style, write_figure
from gen2embed.reporting.tables.when import (
    CROSSING,
    PRIMARY,
    SLOPE,
    ZERO_SHOT,
    answer_sentence,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKS = "os^Dv<>P"
COMPARED = ["first", "second", "measure"]
INTERVAL = ["ci_low", "ci_high"]
COLUMNS = {  # of each flag's file: texts, and numbers
    "scores": (["strategy"], ["hidden", "value", *INTERVAL]),
    "differences": ([*COMPARED, "seeds", "verdict", "said"], ["value", *INTERVAL]),
    "frontier": (["strategy"], ["hardness", "rate"]),
}


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="plot_when", description=__doc__)
    add = parser.add_argument
    add("--scores", required=True, help="when_scores.csv")
    add("--differences", required=True, help="when_differences.csv")
    add("--frontier", required=True, help="when_frontier.csv")
    add_output(parser, "--out", help="folder of the figure")
    return parser


def read_numbers(path: str, texts: list[str], numbers: list[str]) -> pd.DataFrame:
    """A table of tabulate_when.py: these columns and the others that it has."""
    frame = read_csv(path, [*texts, *numbers])
    if frame.empty:
        raise InputError(f"{path}: holds no row; tabulate again")
    return as_numbers(path, frame, [name for name in frame if name not in texts])


def draw_scores(axes: Axes, scores: pd.DataFrame, differences: pd.DataFrame) -> None:
    base = scores[scores["strategy"] == ZERO_SHOT].iloc[0]
    arms = scores[scores["strategy"] != ZERO_SHOT]
    draw_lines(axes, arms, "strategy", arms["strategy"].drop_duplicates().tolist(), "hidden")
    low, high = 100 * arms["ci_low"].min(), 100 * arms["ci_high"].max()
    margin = 0.05 * (high - low)
    axes.set_ylim(low - margin, high + margin)
    cross = differences[
        (differences["first"] == PRIMARY[0])
        & (differences["second"] == PRIMARY[1])
        & (differences["measure"] == CROSSING)
    ]
    if not cross.empty and 0 <= cross["value"].iloc[0] <= 1:
        row = cross.iloc[0]
        axes.axvline(row["value"], color="black", ls=":", lw=1)
        axes.axvspan(
            max(0.0, row["ci_low"]), min(1.0, row["ci_high"]), color="black", alpha=0.06, lw=0
        )
        axes.annotate(f"d* {row['said']}", (row["value"], high), fontsize=7, ha="center")
    axes.set_xlabel(f"share of positives hidden (zero-shot: {100 * base['value']:.1f})")
    axes.set_ylabel("Precision@1 (%)")


def draw_frontier(axes: Axes, frontier: pd.DataFrame, order: list[str]) -> None:
    """A point per strategy, k and m; the arms in the colours of the other panel."""
    others = [name for name in frontier["strategy"].drop_duplicates() if name not in order]
    for number, name in enumerate([*order, *others]):
        rows = frontier[frontier["strategy"] == name]
        axes.scatter(
            rows["hardness"], 100 * rows["rate"], s=14, marker=MARKS[number % 8], alpha=0.8,
            color=f"C{number}", label=name, lw=0, clip_on=False,
        )  # fmt: skip
    axes.set_xlabel("mean hardness (cosine)")
    axes.set_ylabel("true false negatives (%)")
    axes.set_ylim(0, None)


def plot(job: argparse.Namespace) -> None:
    from matplotlib.figure import Figure

    scores, differences, frontier = (
        read_numbers(getattr(job, name), *columns) for name, columns in COLUMNS.items()
    )
    measured = set(differences["measure"])
    if (SLOPE in measured) != (CROSSING in measured) or differences.duplicated(COMPARED).any():
        raise InputError(f"{job.differences}: rows are missing or there twice; tabulate again")
    if not (scores["strategy"] == ZERO_SHOT).any() or (scores["strategy"] == ZERO_SHOT).all():
        raise InputError(f"{job.scores}: holds no zero-shot row beside an arm; tabulate again")
    arms = [name for name in scores["strategy"].drop_duplicates() if name != ZERO_SHOT]
    with style():
        figure = Figure(figsize=(7.2, 3.3), layout="constrained")
        left, right = figure.subplots(1, 2)
        draw_scores(left, scores, differences)
        draw_frontier(right, frontier, arms)
        handles, labels = right.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=4, fontsize=7)
        drawn = pd.concat(
            [scores.assign(panel="score"), frontier.assign(panel="frontier")], ignore_index=True
        )
        caption = (
            "Left: Precision at 1 after training on each strategy's clusters, by the share of the "
            "known positives that stayed hidden (bands: 95 % bootstrap intervals over concepts; "
            "dotted: where saha and hns cross, with its interval, if the slope of their difference "
            "is decided). Right: mean hardness against true false-negative rate of mined "
            "negatives, a point for each k and m, all hidden. "
            f"{answer_sentence(differences).replace('Precision@1', 'Precision at 1')}"
        )
        write_figure(job.out, "when", figure, drawn.replace({np.nan: None}), caption)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), plot, argv)


if __name__ == "__main__":
    sys.exit(main())
