"""Tabulate what was mined, by strategy and by k and m: hardness, overlap, false negatives,
minimal pairs.

Paper: figure 5.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

from gen2embed.artifacts.described import STATISTICS
from gen2embed.command_line import run_each
from gen2embed.flag_types import whole
from gen2embed.outputs import add_output
from gen2embed.reporting.false_negatives import EQUAL_HARDNESS, rate_sentence, rates
from gen2embed.reporting.tables.minimal_pairs import (
    minimal_row,
    minimal_sentence,
    shown_minimal,
)
from gen2embed.reporting.tables.mining_statistics import (
    dropped_before,
    pooled,
    read_rates,
    read_statistics,
    shown_mined,
    shown_statistics,
    statistics_row,
)
from gen2embed.reporting.tables.paper_tables import write_paper_table
from gen2embed.study.layout import facts_file


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tabulate_mining", description=__doc__)
    add = parser.add_argument
    add("--clusters", required=True, help="folder with <strategy>/<subset>.json")
    add(
        "--rates", help="folder with the reports of measure_false_negatives.py, where there are any"
    )
    add("--strategies", required=True, nargs="+", help="strategies, in the order of the table")
    add("--subsets", required=True, nargs="+", help="training subsets")
    add("--grid-clusters", help="folder with k<k>_m<m>/<strategy>/<subset>.json; none: no grid")
    add("--grid-rates", help="folder with k<k>_m<m>.json, pooled over the subsets")
    add("--k", nargs="+", type=whole(), help="of the grid: negatives per cluster")
    add("--m", nargs="+", type=whole(), help="of the grid: candidates per negative")
    add("--grid-strategies", nargs="+", help="in the order of the table")
    add_output(parser, "--out", help="folder for mining*.csv, grid.csv, .md, .tex")
    return parser


def in_order(rows: list[dict], subsets: list[str]) -> pd.DataFrame:
    """By subset, and within a subset by strategy in the order of the table."""
    order = {name: rank for rank, name in enumerate(subsets)}
    frame = pd.DataFrame(rows).round(9)
    return frame.sort_values("subset", key=lambda names: names.map(order), kind="stable")


def read_report(folder: str | None, name: str, strategies: list[str]) -> dict | None:
    """The report ``<name>.json`` of false negatives; None where none was made."""
    return read_rates(facts_file(folder, name), strategies) if folder else None


def tabulate_strategies(job: argparse.Namespace) -> None:
    clusters = Path(job.clusters)
    by_subset = {
        name: read_report(job.rates, name, job.strategies) for name in [*job.subsets, "all"]
    }
    rows, by_subset_rows, details, missing = [], [], [], ""
    for strategy in job.strategies:
        statistics = read_statistics(clusters / strategy, strategy, job.subsets, STATISTICS)
        found = rates(by_subset["all"], strategy)
        rows.append({"strategy": strategy, **pooled(statistics), **found})
        missing = dropped_before(statistics)  # the same for every strategy
        for name, of_subset in zip(job.subsets, statistics, strict=True):
            found = rates(by_subset[name], strategy)
            by_subset_rows.append(
                {"subset": name, "strategy": strategy, **pooled([of_subset]), **found}
            )
            details.append({"subset": name, "strategy": strategy, **statistics_row(of_subset)})
    frame = pd.DataFrame(rows).round(9)
    caption = (
        "Mined clusters by strategy, all training subsets pooled: mean hardness (cosine of anchor "
        "query and negative target), mean overlap (cosine of anchor query and owner query), and "
        "the true false-negative rate from known equivalences with 95 % bootstrap intervals over "
        f"clusters.{missing} {rate_sentence(by_subset['all'], job.strategies)} {EQUAL_HARDNESS}"
    )
    write_paper_table(job.out, "mining", frame, shown_mined(frame, ["strategy"]), caption)
    frame = in_order(by_subset_rows, job.subsets)
    caption = (
        "Mined clusters by training subset and strategy (columns as in the table of all subsets)."
        f"{missing} {EQUAL_HARDNESS} Where a subset has no equivalences none can be false; "
        "labelled subsets are not reordered by SaHa."
    )
    shown = shown_mined(frame, ["subset", "strategy"])
    write_paper_table(job.out, "mining_subsets", frame, shown, caption)
    frame = in_order(details, job.subsets)
    caption = (
        "What mining did, by training subset and strategy: searches made, clusters of either pass, "
        "queries dropped for want of a candidate, candidates whose owner was taken, hardness and "
        "overlap of the negatives (median; 5 and 95 % quantiles), and how often the annotated "
        f"positive was in the top 1, 5, 10 of its search in pass 1.{missing}"
    )
    write_paper_table(job.out, "mining_statistics", frame, shown_statistics(frame), caption)


def tabulate_grid(job: argparse.Namespace) -> None:
    rows, missing = [], ""
    for k in job.k:
        for m in job.m:
            cell = f"k{k}_m{m}"
            report = read_report(job.grid_rates, cell, job.grid_strategies)
            for strategy in job.grid_strategies:
                folder = Path(job.grid_clusters) / cell / strategy
                statistics = read_statistics(folder, strategy, job.subsets)
                missing = dropped_before(statistics)
                found = {**pooled(statistics), **rates(report, strategy)}
                rows.append({"k": k, "m": m, "strategy": strategy, **found})
    frame = pd.DataFrame(rows).round(9)
    caption = (
        "Sensitivity of mining to k (negatives per cluster, at most) and m (candidates per "
        f"negative), from one set of zero-shot vectors, {len(job.subsets)} training subsets "
        "pooled: mean hardness and overlap, and true false-negative rates with 95 % bootstrap "
        f"intervals over clusters.{missing} {EQUAL_HARDNESS} Compared are the strategies of one k "
        "and m."
    )
    shown = shown_mined(frame, ["k", "m", "strategy"])
    write_paper_table(job.out, "grid", frame, shown, caption)


def tabulate_minimal_pairs(job: argparse.Namespace) -> None:
    rows = [
        {"subset": name, "strategy": strategy, **minimal_row(report, strategy)}
        for name in job.subsets
        for report in [read_report(job.rates, name, job.strategies)]
        for strategy in job.strategies
    ]
    frame = pd.DataFrame(rows).round(9)
    frame = frame[frame.groupby("subset")["minimal_pairs"].transform("max") > 0]
    caption = (
        "Minimal pairs among mined negatives: targets that show what the anchor query asks for and "
        "are wrong in the background alone. Share of the clusters that hold one (Wilson's 95 % "
        "interval) and of the negatives that are one (95 % bootstrap interval over clusters), and "
        "the mean overlap of minimal pairs, of false negatives and of all other negatives: what "
        "SaHa selects by. Subsets in which some strategy mined one. "
        f"{minimal_sentence(frame)}"
    )
    write_paper_table(job.out, "minimal_pairs", frame, shown_minimal(frame), caption)


def tabulate(job: argparse.Namespace) -> None:
    tabulate_strategies(job)
    if job.rates:
        tabulate_minimal_pairs(job)
    if job.grid_clusters:
        tabulate_grid(job)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), tabulate, argv)


if __name__ == "__main__":
    sys.exit(main())
