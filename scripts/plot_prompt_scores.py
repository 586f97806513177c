"""Plot the zero-shot scores of all prompts by meta-task and split, with intervals."""

from __future__ import annotations

import argparse
import sys

import pandas as pd

from gen2embed.evaluation.aggregates import AGGREGATES
from gen2embed.files import read_csv
from gen2embed.program import run_each
from gen2embed.reporting.bars import grouped_bars
from gen2embed.reporting.captions import AGGREGATE_LABELS, best_and_worst
from gen2embed.reporting.figures import style, write_figure

NUMBERS = ["datasets", "value", "ci_low", "ci_high", "chance"]


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="plot_prompt_scores", description=__doc__)
    add = parser.add_argument
    add("--table", required=True, help="zero_shot.csv of tabulate_zero_shot.py")
    add("--out", required=True, help="folder for prompt_scores.pdf, .png, .csv, .md")
    return parser


def plot(job: argparse.Namespace) -> None:
    frame = read_csv(job.table, ["run", "aggregate", *NUMBERS])
    frame[NUMBERS] = frame[NUMBERS].apply(pd.to_numeric)
    counts = frame.drop_duplicates("aggregate").set_index("aggregate")["datasets"]
    order = [name for name in AGGREGATES if name in counts]
    labels = {name: f"{AGGREGATE_LABELS[name]}\n({counts[name]})" for name in order}
    caption = (
        "Zero-shot precision at 1 by prompt: mean over the data sets of each meta-task and split "
        "(their number in brackets), whiskers: 95 % bootstrap interval over queries, dotted: "
        f"chance. {best_and_worst(frame, 'ind')} {best_and_worst(frame, 'ood')}"
    )
    with style():
        figure = grouped_bars(frame, "aggregate", order, labels, width=7.0)
        write_figure(job.out, "prompt_scores", figure, frame, caption)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), plot, argv)


if __name__ == "__main__":
    sys.exit(main())
