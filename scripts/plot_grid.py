"""Plot how sensitive mining is to k and m: hardness and true false negatives as heat maps."""

from __future__ import annotations

import argparse
import sys

import pandas as pd

from gen2embed.command_line import run_each
from gen2embed.files import as_numbers, read_csv
from gen2embed.outputs import add_output
from gen2embed.reporting.figures.heat import MEASURES, draw_heat
from gen2embed.reporting.figures.style import style, write_figure
from gen2embed.settings import add_settings


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="plot_grid", description=__doc__)
    parser.add_argument("--grid", required=True, help="grid.csv of tabulate_mining.py")
    add_settings(parser, "mine", ["k", "m"])
    add_output(parser, "--out", help="folder for grid_map.pdf, .png, .csv, .md")
    return parser


def range_of(frame: pd.DataFrame, strategy: str) -> str:
    """ "saha 0.1 to 2.0" of the false negatives in percent."""
    rates = 100 * frame.loc[frame["strategy"] == strategy, "overall"].dropna()
    return f"{strategy} {rates.min():.1f} to {rates.max():.1f}" if len(rates) else strategy


def plot(job: argparse.Namespace) -> None:
    numbers = ["k", "m", *MEASURES]
    frame = as_numbers(job.grid, read_csv(job.grid, ["strategy", *numbers]), numbers)
    frame = frame[["strategy", *numbers]].astype({"k": int, "m": int})
    ranges = "; ".join(
        range_of(frame, strategy) for strategy in frame["strategy"].drop_duplicates()
    )
    caption = (
        "Sensitivity of mining to k (negatives of a cluster, at most) and m (candidates for each): "
        "mean hardness of the mined negatives, share that is truly right for its anchor query, and "
        "the same at equal hardness (a dash: not comparable). One scale of colours for each "
        f"measure; framed: this study's k = {job.k}, m = {job.m}. False negatives over the grid, "
        f"in percent: {ranges}. Intervals: table grid."
    )
    with style():
        figure = draw_heat(frame, {"k": job.k, "m": job.m})
        write_figure(job.out, "grid_map", figure, frame, caption)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), plot, argv)


if __name__ == "__main__":
    sys.exit(main())
