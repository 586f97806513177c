"""Tabulate a grid of k and m: hardness, overlap and true false negatives of each strategy."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

from gen2embed.files import read_json
from gen2embed.program import run_each
from gen2embed.reporting.mined import pooled, rates, shown_mined
from gen2embed.reporting.tables import write_table


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tabulate_grid", description=__doc__)
    add = parser.add_argument
    add("--clusters", required=True, help="folder with k<k>_m<m>/<strategy>/<subset>.json")
    add("--rates", required=True, help="folder with k<k>_m<m>.json, pooled over the subsets")
    add("--k", required=True, nargs="+", type=int, help="negatives per cluster, at most")
    add("--m", required=True, nargs="+", type=int, help="candidates per negative")
    add("--strategies", required=True, nargs="+", help="in the order of the table")
    add("--subsets", required=True, nargs="+", help="training subsets")
    add("--out", required=True, help="folder for grid.csv, .md, .tex, .html")
    return parser


def tabulate(job: argparse.Namespace) -> None:
    rows = []
    for k in job.k:
        for m in job.m:
            place = f"k{k}_m{m}"
            report = read_json(Path(job.rates) / f"{place}.json")["strategies"]
            for strategy in job.strategies:
                folder = Path(job.clusters) / place / strategy
                statistics = [read_json(folder / f"{name}.json") for name in job.subsets]
                found = {**pooled(statistics), **rates(report[strategy])}
                rows.append({"k": k, "m": m, "strategy": strategy, **found})
    frame = pd.DataFrame(rows).round(9)
    caption = (
        "Sensitivity of mining to k (negatives per cluster, at most) and m (candidates per "
        f"negative), from one set of zero-shot vectors, {len(job.subsets)} training subsets "
        "pooled: mean hardness and overlap, and true false-negative rates with 95 % bootstrap "
        "intervals over clusters. Equal hardness is among the strategies of one k and m."
    )
    shown = shown_mined(frame, ["k", "m", "strategy"])
    write_table(job.out, "grid", frame, shown, caption)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), tabulate, argv)


if __name__ == "__main__":
    sys.exit(main())
