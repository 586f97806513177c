"""Tabulate what each strategy mined: counts, hardness, overlap, true false negatives."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

from gen2embed.files import read_json
from gen2embed.program import run_each
from gen2embed.reporting.captions import rate_sentence
from gen2embed.reporting.mined import (
    pooled,
    rates,
    shown_mined,
    shown_statistics,
    statistics_row,
)
from gen2embed.reporting.tables import write_table


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tabulate_mining", description=__doc__)
    add = parser.add_argument
    add("--clusters", required=True, help="folder with <strategy>/<subset>.json")
    add("--rates", required=True, help="folder with the reports of measure_false_negatives.py")
    add("--strategies", required=True, nargs="+", help="strategies, in the order of the table")
    add("--subsets", required=True, nargs="+", help="training subsets")
    add("--out", required=True, help="folder for mining*.csv, .md, .tex")
    return parser


def in_order(rows: list[dict], subsets: list[str]) -> pd.DataFrame:
    """By subset, and within a subset by strategy in the order of the table."""
    order = {name: place for place, name in enumerate(subsets)}
    frame = pd.DataFrame(rows).round(9)
    return frame.sort_values("subset", key=lambda names: names.map(order), kind="stable")


def tabulate(job: argparse.Namespace) -> None:
    clusters, reports = Path(job.clusters), Path(job.rates)
    by_subset = {name: read_json(reports / f"{name}.json") for name in [*job.subsets, "all"]}
    rows, each, told = [], [], []
    for strategy in job.strategies:
        statistics = [read_json(clusters / strategy / f"{name}.json") for name in job.subsets]
        of_all = by_subset["all"]["strategies"][strategy]
        rows.append({"strategy": strategy, **pooled(statistics), **rates(of_all)})
        for name, one in zip(job.subsets, statistics, strict=True):
            of_subset = by_subset[name]["strategies"][strategy]
            each.append({"subset": name, "strategy": strategy, **pooled([one]), **rates(of_subset)})
            told.append({"subset": name, "strategy": strategy, **statistics_row(one)})
    frame = pd.DataFrame(rows).round(9)
    caption = (
        "Mined clusters by strategy, all training subsets pooled: mean hardness (cosine of anchor "
        "query and negative target), mean overlap (cosine of anchor query and owner query), and "
        "the true false-negative rate from known equivalences with 95 % bootstrap intervals over "
        f"clusters. {rate_sentence(by_subset['all'], job.strategies)}"
    )
    write_table(job.out, "mining", frame, shown_mined(frame, ["strategy"]), caption)
    frame = in_order(each, job.subsets)
    caption = (
        "Mined clusters by training subset and strategy (columns as in the table of all subsets). "
        "A subset without equivalences has no false negatives by construction; labelled subsets "
        "are not reordered by SaHa."
    )
    shown = shown_mined(frame, ["subset", "strategy"])
    write_table(job.out, "mining_subsets", frame, shown, caption)
    frame = in_order(told, job.subsets)
    caption = (
        "What mining did, by training subset and strategy: searches made, clusters of either pass, "
        "queries dropped for want of a candidate, candidates whose owner was taken, hardness and "
        "overlap of the negatives (median; 5 and 95 % quantiles), and how often the annotated "
        "positive was in the top 1, 5, 10 of its search in pass 1."
    )
    write_table(job.out, "mining_statistics", frame, shown_statistics(frame), caption)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), tabulate, argv)


if __name__ == "__main__":
    sys.exit(main())
