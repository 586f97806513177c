"""Plot scores with intervals: zero-shot by prompt and meta-task, and every data set by run."""

from __future__ import annotations

import argparse
import sys

from gen2embed.command_line import run_each
from gen2embed.evaluation.aggregates import AGGREGATES, MACRO
from gen2embed.files import as_numbers, read_csv
from gen2embed.outputs import add_output
from gen2embed.reporting.captions import AGGREGATE_LABELS, best_and_worst, dropped_in_files
from gen2embed.reporting.figures.charts import dots_by_dataset, grouped_bars
from gen2embed.reporting.figures.style import style, write_figure

NUMBERS = ["value", "ci_low", "ci_high", "chance"]


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="plot_scores", description=__doc__)
    add = parser.add_argument
    add("--prompts", required=True, help="zero_shot.csv of tabulate_zero_shot.py")
    add("--datasets", help="runs_datasets.csv of tabulate_runs.py; none: no task_scores")
    add("--rows", nargs="*", default=[], help="rows files that were scored: dropped rows are told")
    add("--pairs", nargs="*", default=[], help="pairs files that were trained on: likewise")
    add_output(parser, "--out", help="folder for prompt_scores and task_scores .pdf, .png, ...")
    return parser


def plot_prompts(job: argparse.Namespace) -> None:
    frame = read_csv(job.prompts, ["run", "aggregate", "datasets", *NUMBERS])
    frame = as_numbers(job.prompts, frame, ["datasets", *NUMBERS])
    counts = frame.drop_duplicates("aggregate").set_index("aggregate")["datasets"]
    order = [name for name in AGGREGATES if name in counts and name != MACRO]
    labels = {name: f"{AGGREGATE_LABELS[name]}\n({counts[name]})" for name in order}
    caption = (
        "Zero-shot precision at 1 by prompt: mean over the data sets of each meta-task and split "
        "(their number in brackets), whiskers: 95 % bootstrap interval, dotted: "
        f"chance. {best_and_worst(frame, 'ind')} {best_and_worst(frame, 'ood')}"
        f"{dropped_in_files(job.rows)}"
    )
    with style():
        figure = grouped_bars(frame, "aggregate", order, labels, width=7.0)
        write_figure(job.out, "prompt_scores", figure, frame, caption)


def plot_datasets(job: argparse.Namespace) -> None:
    frame = read_csv(job.datasets, ["dataset", "split", "run", *NUMBERS])
    frame = as_numbers(job.datasets, frame, NUMBERS)
    datasets = frame.drop_duplicates("dataset").reset_index(drop=True)
    caption = (
        f"Precision at 1 on each of the {len(datasets)} data sets before and after fine-tuning "
        "(whiskers: 95 % bootstrap interval; dotted: chance). "
        f"{', '.join(datasets.loc[datasets['split'] == 'ind', 'dataset'])} are in distribution."
        f"{dropped_in_files(job.rows)}{dropped_in_files(job.pairs, 'of the training subsets')}"
    )
    with style():
        write_figure(job.out, "task_scores", dots_by_dataset(frame), frame, caption)


def plot(job: argparse.Namespace) -> None:
    plot_prompts(job)
    if job.datasets:
        plot_datasets(job)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), plot, argv)


if __name__ == "__main__":
    sys.exit(main())
