"""Plot the score of every data set by run, with intervals and chance."""

from __future__ import annotations

import argparse
import sys

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from gen2embed.files import read_csv
from gen2embed.program import run_each
from gen2embed.reporting.figures import style, write_figure

NUMBERS = ["value", "ci_low", "ci_high", "chance"]


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="plot_task_scores", description=__doc__)
    add = parser.add_argument
    add("--table", required=True, help="runs_datasets.csv of tabulate_runs.py")
    add("--out", required=True, help="folder for task_scores.pdf, .png, .csv, .md")
    return parser


def plot(job: argparse.Namespace) -> None:
    frame = read_csv(job.table, ["dataset", "split", "run", *NUMBERS])
    frame[NUMBERS] = frame[NUMBERS].apply(pd.to_numeric)
    datasets = frame.drop_duplicates("dataset").reset_index(drop=True)
    runs = frame["run"].drop_duplicates().tolist()
    caption = (
        f"Precision at 1 on each of the {len(datasets)} data sets before and after fine-tuning "
        "(whiskers: 95 % bootstrap interval over queries; dotted: chance). "
        f"{', '.join(datasets.loc[datasets['split'] == 'ind', 'dataset'])} are in distribution."
    )
    with style():
        figure = Figure(figsize=(7.2, 0.36 * len(datasets) + 1.2), layout="constrained")
        axes = figure.add_subplot()
        places = np.arange(len(datasets))[::-1]
        for number, run in enumerate(runs):
            rows = frame[frame["run"] == run].set_index("dataset").loc[datasets["dataset"]]
            value = 100 * rows["value"].to_numpy()
            whiskers = np.abs(100 * rows[["ci_low", "ci_high"]].to_numpy().T - value)
            offset = (number - (len(runs) - 1) / 2) * 0.8 / len(runs)
            axes.errorbar(
                value, places - offset, xerr=whiskers, fmt="os^Dv<>P"[number % 8], ms=3.5, lw=0.8,
                color=f"C{number}", label=run,
            )  # fmt: skip
        chance = 100 * datasets["chance"]
        axes.vlines(chance, places - 0.42, places + 0.42, colors="black", ls=":", label="chance")
        axes.hlines(places[:-1] - 0.5, 0, 100, colors="0.92", lw=0.6)
        labels = [f"{row.dataset} ({row.split.upper()})" for row in datasets.itertuples()]
        axes.set_yticks(places, labels)
        axes.grid(visible=False)
        axes.set_xlim(0, 100)
        axes.set_ylim(-0.6, len(datasets) - 0.4)
        axes.set_xlabel("Precision@1 (%)")
        figure.legend(loc="outside upper center", ncols=3)
        write_figure(job.out, "task_scores", figure, frame, caption)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), plot, argv)


if __name__ == "__main__":
    sys.exit(main())
