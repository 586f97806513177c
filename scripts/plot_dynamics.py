"""Plot Precision@1 along the steps of fine-tuning, loss and gradient norm beneath.

Paper: figure 4.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

import pandas as pd

from gen2embed.command_line import run_each
from gen2embed.flag_types import seed, whole
from gen2embed.outputs import add_output
from gen2embed.reporting.captions import (
    AGGREGATE_LABELS,
    conditional,
    dropped_in_evaluation,
    dropped_in_training,
    in_seeds,
)
from gen2embed.reporting.figures.charts import draw_lines
from gen2embed.reporting.figures.style import style, write_figure
from gen2embed.reporting.figures.training_curves import (
    CURVES,
    SMOOTHED,
    draw_curve,
    read_curves,
)
from gen2embed.reporting.results import aggregate, read_register
from gen2embed.reporting.runs import RunName, read_steps
from gen2embed.reporting.tables.rendering import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANELS = ("ind", "ood")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="plot_dynamics", description=__doc__)
    add = parser.add_argument
    add("--register", required=True, help="datasets.csv of the benchmark")
    add("--scores", required=True, help="folder with a folder of scores per model and prompt")
    add("--adapters", required=True, help="folder with an adapter per model and prompt: their logs")
    add("--runs", required=True, nargs="+", help="STRATEGY/PROMPT, in the order of the legend")
    add("--seeds", required=True, nargs="+", type=seed, help="seeds of each run")
    add(
        "--checkpoints", required=True, nargs="*", type=whole(0), help="steps with a scored adapter"
    )
    add("--steps", required=True, type=whole(), help="last step")
    add_output(parser, "--out", help="folder for training_dynamics.pdf, .png, .csv, .md")
    return parser


def spread_note(drawn: pd.DataFrame, seeds: int) -> str:
    """What whiskers are, and the largest: "" for one seed, which has none."""
    if seeds == 1:
        return ""
    most = 100 * drawn["spread"].max()
    return f"Whiskers: one standard deviation over seeds, at most {most:.1f} points. "


def draw_spread(axes: Axes, frame: pd.DataFrame, runs: list[str]) -> None:
    """One standard deviation over seeds around each mean, where there are several seeds."""
    for number, run in enumerate(runs):
        rows = frame[(frame["run"] == run) & frame["spread"].notna()]
        if len(rows):
            axes.errorbar(
                rows["step"], 100 * rows["value"], yerr=100 * rows["spread"], fmt="none", lw=0.9,
                capsize=2, color=f"C{number}",
            )  # fmt: skip


def plot(job: argparse.Namespace) -> None:
    from matplotlib.figure import Figure

    register = read_register(job.register)
    names = [RunName.parse(text) for text in job.runs]
    parts, shown = [], []
    for name in names:
        steps = read_steps(job.scores, name, job.seeds, job.checkpoints, job.steps, register)
        shown += steps.values()
        for step, run in steps.items():
            parts.append(aggregate([run], register).assign(step=step))
    frame = pd.concat(parts, ignore_index=True)
    drawn = frame[frame["aggregate"].isin(PANELS)].reset_index(drop=True)
    curves = pd.concat(
        [read_curves(job.adapters, name, job.seeds) for name in names], ignore_index=True
    )
    last = drawn[drawn["step"] == job.steps]
    ends = "; ".join(
        f"{row.run} {AGGREGATE_LABELS[row.aggregate]} {percent(row.value, row.ci_low, row.ci_high)}"
        for row in last.itertuples()
    )
    caption = (
        "Training dynamics: precision at 1 (mean over data sets; bands: 95 % bootstrap interval) "
        f"along the steps of fine-tuning; step 0 is zero-shot. "
        f"{in_seeds(len(job.seeds)).capitalize()}. At step {job.steps}: {ends}. "
        f"{spread_note(drawn, len(job.seeds))}Beneath: loss and gradient norm of every step (thin) "
        f"and their moving mean over {SMOOTHED:.0%} of the steps. {conditional(shown)}"
        f"{dropped_in_evaluation(shown)}{dropped_in_training(shown)}"
    )
    labels = [name.label for name in names]
    with style():
        figure = Figure(figsize=(7.1, 4.9), layout="constrained")
        grid = figure.subplots(2, len(PANELS), height_ratios=(3, 2))
        axes = grid[0]
        axes[1].sharey(axes[0])
        for panel, name in zip(axes, PANELS, strict=True):
            of_panel = drawn[drawn["aggregate"] == name]
            draw_lines(panel, of_panel, "run", labels, "step")
            draw_spread(panel, of_panel, labels)
            panel.set_title(AGGREGATE_LABELS[name])
        for panel, (curve, label) in zip(grid[1], CURVES.items(), strict=True):
            draw_curve(panel, curves[curves["aggregate"] == curve], labels)
            panel.set_ylabel(label)
            panel.set_xlabel("step")
        axes[0].set_ylabel("Precision@1 (%)")
        handles, _ = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=4)
        together = pd.concat([drawn, curves.round(6)], ignore_index=True)
        write_figure(job.out, "training_dynamics", figure, together, caption)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), plot, argv)


if __name__ == "__main__":
    sys.exit(main())
