"""Plot zero-shot scores by prompt of two generators side by side."""

from __future__ import annotations

import argparse
import sys

import pandas as pd

from gen2embed.command_line import run_each
from gen2embed.errors import InputError
from gen2embed.evaluation.aggregates import ALL
from gen2embed.files import as_numbers, read_csv
from gen2embed.outputs import add_output
from gen2embed.reporting.figures.charts import grouped_bars
from gen2embed.reporting.figures.style import style, write_figure
from gen2embed.reporting.tables.rendering import percent

NUMBERS = ["value", "ci_low", "ci_high", "chance"]


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="plot_generators", description=__doc__)
    add = parser.add_argument
    add("--zero-shot", required=True, nargs="+", help="zero_shot.csv of tabulate_zero_shot.py")
    add("--names", required=True, nargs="+", help="of their generators, in the same order")
    add_output(parser, "--out", help="folder for both_generators.pdf, .png, .csv, .md")
    return parser


def read_scores(path: str, name: str) -> pd.DataFrame:
    frame = read_csv(path, ["run", "aggregate", "datasets", *NUMBERS])
    frame = as_numbers(path, frame[frame["aggregate"] == ALL], ["datasets", *NUMBERS])
    return frame.assign(generator=name)[["generator", "run", "datasets", *NUMBERS]]


def plot(job: argparse.Namespace) -> None:
    if len(job.zero_shot) != len(job.names):
        raise InputError(f"--names has {len(job.names)} names for {len(job.zero_shot)} files")
    parts = [read_scores(*given) for given in zip(job.zero_shot, job.names, strict=True)]
    shared = [run for run in parts[0]["run"] if all(run in set(part["run"]) for part in parts)]
    if not shared:
        raise InputError(f"{job.zero_shot[0]}: shares no prompt with the others; score them alike")
    frame = pd.concat(parts, ignore_index=True)
    frame = frame[frame["run"].isin(shared)].reset_index(drop=True)
    sentences = []
    for name, rows in frame.groupby("generator", sort=False):
        values = [
            f"`{row.run}` {percent(row.value, row.ci_low, row.ci_high)}"
            for row in rows.itertuples()
        ]
        sentences.append(f"{name}: {', '.join(values)}")
    caption = (
        "Zero-shot precision at 1 by prompt, mean over all data sets of each generator's own "
        "benchmark (whiskers: 95 % bootstrap interval; dotted: chance). The benchmarks differ, so "
        f"prompts are compared within a generator, never generators. {'; '.join(sentences)}."
    )
    labels = {
        name: f"{name}\n({int(rows['datasets'].iloc[0])} data sets)"
        for name, rows in frame.groupby("generator", sort=False)
    }
    with style():
        figure = grouped_bars(frame, "generator", job.names, labels, width=7.0)
        write_figure(job.out, "both_generators", figure, frame, caption)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), plot, argv)


if __name__ == "__main__":
    sys.exit(main())
