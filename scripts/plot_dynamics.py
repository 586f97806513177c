"""Plot Precision@1 along the steps of fine-tuning.

Paper: figure 4.
"""

from __future__ import annotations

import argparse
import sys

import pandas as pd

from gen2embed.command_line import run_each
from gen2embed.outputs import add_output
from gen2embed.reporting.captions import (
    AGGREGATE_LABELS,
    conditional,
    dropped_in_evaluation,
    dropped_in_training,
    in_seeds,
)
from gen2embed.reporting.charts import draw_lines
from gen2embed.reporting.figures import style, write_figure
from gen2embed.reporting.results import aggregate, read_register
from gen2embed.reporting.runs import RunName, read_steps
from gen2embed.reporting.tables import percent

PANELS = ("ind", "ood")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="plot_dynamics", description=__doc__)
    add = parser.add_argument
    add("--register", required=True, help="datasets.csv of the benchmark")
    add("--scores", required=True, help="folder with a folder of scores per model and prompt")
    add("--runs", required=True, nargs="+", help="STRATEGY/PROMPT, in the order of the legend")
    add("--seeds", required=True, nargs="+", type=int, help="seeds of each run")
    add("--checkpoints", required=True, nargs="*", type=int, help="steps with a scored adapter")
    add("--steps", required=True, type=int, help="last step")
    add_output(parser, "--out", help="folder for training_dynamics.pdf, .png, .csv, .md")
    return parser


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
    last = drawn[drawn["step"] == job.steps]
    ends = "; ".join(
        f"{row.run} {AGGREGATE_LABELS[row.aggregate]} {percent(row.value, row.ci_low, row.ci_high)}"
        for row in last.itertuples()
    )
    caption = (
        "Training dynamics: precision at 1 (mean over data sets; bands: 95 % bootstrap interval) "
        f"along the steps of fine-tuning; step 0 is zero-shot. "
        f"{in_seeds(len(job.seeds)).capitalize()}. At step {job.steps}: {ends}. "
        f"{conditional(shown)}"
        f"{dropped_in_evaluation(shown)}{dropped_in_training(shown)}"
    )
    with style():
        figure = Figure(figsize=(7.0, 2.9), layout="constrained")
        axes = figure.subplots(1, len(PANELS), sharey=True)
        for panel, name in zip(axes, PANELS, strict=True):
            of_panel = drawn[drawn["aggregate"] == name]
            draw_lines(panel, of_panel, "run", [name.label for name in names], "step")
            panel.set_title(AGGREGATE_LABELS[name])
            panel.set_xlabel("step")
        axes[0].set_ylabel("Precision@1 (%)")
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=4)
        write_figure(job.out, "training_dynamics", figure, drawn, caption)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), plot, argv)


if __name__ == "__main__":
    sys.exit(main())
