"""Tabulate what each strategy mined: counts, hardness, overlap, true false negatives."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

from gen2embed.files import read_json
from gen2embed.program import run_program
from gen2embed.reporting.captions import rate_sentence
from gen2embed.reporting.tables import percent, write_table


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tabulate_mining", description=__doc__)
    add = parser.add_argument
    add("--clusters", required=True, help="folder with <strategy>/<subset>.json")
    add("--rates", required=True, help="folder with the reports of measure_false_negatives.py")
    add("--strategies", required=True, nargs="+", help="strategies, in the order of the table")
    add("--subsets", required=True, nargs="+", help="training subsets")
    add("--out", required=True, help="folder for mining*.csv, .md, .tex")
    return parser


def pooled(statistics: list[dict]) -> dict[str, float]:
    """Counts added, means weighted by the number of negatives."""
    negatives = sum(one["negatives"] for one in statistics)
    found = {
        key: sum(one[key] for one in statistics)
        for key in ("pairs", "clusters", "clusters_phase_2", "dropped_queries", "negatives")
    }
    for key in ("hardness", "overlap"):
        total = sum(one[key]["mean"] * one["negatives"] for one in statistics if one[key])
        found[key] = total / negatives
    return found


def rates(row: dict) -> dict[str, float]:
    keys = ("overall", "equal_hardness")
    return {
        f"{key}{end}": row[f"{key}{end}"] for key in keys for end in ("", "_ci_low", "_ci_high")
    }


def shown(frame: pd.DataFrame, first: list[str]) -> pd.DataFrame:
    def interval(key: str) -> list[str]:
        rows = zip(frame[key], frame[f"{key}_ci_low"], frame[f"{key}_ci_high"], strict=True)
        return ["-" if pd.isna(row[0]) else percent(*row) for row in rows]

    table = frame[[*first, "clusters", "negatives"]].copy()
    table["hardness"] = [f"{value:.3f}" for value in frame["hardness"]]
    table["overlap"] = [f"{value:.3f}" for value in frame["overlap"]]
    table["false negatives (%)"] = interval("overall")
    table["at equal hardness (%)"] = interval("equal_hardness")
    return table


def tabulate(job: argparse.Namespace) -> None:
    clusters, reports = Path(job.clusters), Path(job.rates)
    by_subset = {name: read_json(reports / f"{name}.json") for name in [*job.subsets, "all"]}
    rows, each = [], []
    for strategy in job.strategies:
        statistics = [read_json(clusters / strategy / f"{name}.json") for name in job.subsets]
        of_all = by_subset["all"]["strategies"][strategy]
        rows.append({"strategy": strategy, **pooled(statistics), **rates(of_all)})
        for name, one in zip(job.subsets, statistics, strict=True):
            of_subset = by_subset[name]["strategies"][strategy]
            each.append({"subset": name, "strategy": strategy, **pooled([one]), **rates(of_subset)})
    frame = pd.DataFrame(rows).round(9)
    caption = (
        "Mined clusters by strategy, all training subsets pooled: mean hardness (cosine of anchor "
        "query and negative target), mean overlap (cosine of anchor query and owner query), and "
        "the true false-negative rate from known equivalences with 95 % bootstrap intervals over "
        f"clusters. {rate_sentence(by_subset['all'], job.strategies)}"
    )
    write_table(job.out, "mining", frame, shown(frame, ["strategy"]), caption)
    order = {name: place for place, name in enumerate(job.subsets)}
    frame = (
        pd.DataFrame(each).round(9).sort_values("subset", key=lambda s: s.map(order), kind="stable")
    )
    caption = (
        "Mined clusters by training subset and strategy (columns as in the table of all subsets). "
        "A subset without equivalences has no false negatives by construction; labelled subsets "
        "are not reordered by SaHa."
    )
    write_table(job.out, "mining_subsets", frame, shown(frame, ["subset", "strategy"]), caption)


def main(argv: list[str] | None = None) -> int:
    def work(jobs: list[argparse.Namespace]) -> None:
        for job in jobs:
            tabulate(job)

    return run_program(build_parser(), work, argv)


if __name__ == "__main__":
    sys.exit(main())
