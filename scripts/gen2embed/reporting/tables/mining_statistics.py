"""What mining and the report on false negatives found, as rows of a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from gen2embed.artifacts.described import POOLED as POOLED_FACTS
from gen2embed.artifacts.described import RATES, read_described
from gen2embed.artifacts.origin import check_strategy, check_subset
from gen2embed.artifacts.rows_taken import dropped_of, rows_dropped
from gen2embed.errors import InputError
from gen2embed.reporting.false_negatives import shown_rates
from gen2embed.study.layout import facts_file

COUNTS = (
    "pairs", "queries", "targets", "searches", "clusters", "clusters_phase_1", "clusters_phase_2",
    "singles", "dropped_queries", "left_out_pairs", "negatives", "owner_taken", "passed_over",
)  # fmt: skip
SPREAD = ("mean", "q05", "q25", "q50", "q75", "q95")


POOLED = ("pairs", "clusters", "clusters_phase_2", "dropped_queries", "negatives")


def read_statistics(
    folder: str | Path,
    strategy: str,
    subsets: Sequence[str],
    wanted: Mapping[str, Any] = POOLED_FACTS,
) -> list[dict[str, Any]]:
    """Statistics files of a strategy's subsets, with all that is ``wanted`` (``described.py``).

    Raises InputError for what is none, or of another subset or strategy than its place says.
    """
    found = []
    for subset in subsets:
        path = facts_file(folder, subset)
        facts = read_described(path, wanted, "mine again")
        check_subset(path, facts, "its name", {"subset": subset})
        check_strategy(path, facts, strategy)
        found.append(facts)
    return found


def read_rates(path: str | Path, strategies: Sequence[str]) -> dict[str, Any]:
    """A report of measure_false_negatives.py that has these strategies."""
    report = read_described(path, RATES, "measure the rates again")
    pools = [report, *report["tasks"].values()]
    if report["tasks"] and not set(report["pooled"]) <= set(report["tasks"]):
        raise InputError(f"{path}: lacks a report of a subset it pools; measure the rates again")
    for strategy in strategies:
        if not all(strategy in pool["strategies"] for pool in pools):
            raise InputError(f"{path}: tells no rates of {strategy}; measure it, too")
    for difference in (difference for pool in pools for difference in pool["differences"]):
        if not {difference["first"], difference["second"]} <= set(report["strategies"]):
            raise InputError(f"{path}: compares what it does not tell of; measure the rates again")
    return report


def pooled(statistics: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Statistics of several subsets as one: counts added, means weighted by their negatives."""
    negatives = sum(statistic["negatives"] for statistic in statistics)
    found = {key: sum(statistic[key] for statistic in statistics) for key in POOLED}
    for key in ("hardness", "overlap"):
        total = sum(
            statistic[key]["mean"] * statistic["negatives"]
            for statistic in statistics
            if statistic[key]
        )
        found[key] = total / negatives if negatives else float("nan")
    return found


def dropped_before(statistics: Iterable[Mapping[str, Any]]) -> str:
    """What a caption says of bad rows that one strategy's subsets were mined without; "" of none.

    Begins with a space, to stand after a sentence.
    """
    return rows_dropped(sum(map(dropped_of, statistics)), " {} before mining.")


def statistics_row(statistics: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that a statistics file tells of one subset and strategy, as a flat row."""
    row = {key: statistics[key] for key in COUNTS}
    row["cluster_sizes"] = " ".join(
        f"{size}:{count}" for size, count in statistics["cluster_sizes"].items()
    )
    for name in ("hardness", "overlap"):
        for key in SPREAD:
            row[f"{name}_{key}"] = statistics[name][key] if statistics[name] else float("nan")
    ranks = statistics["positive_rank"]
    for rank in ("top_1", "top_5", "top_10"):
        searched = ranks["searched_anchors"]
        row[f"positive_in_{rank}"] = ranks[rank] / searched if searched else float("nan")
    return row


def shown_statistics(frame: pd.DataFrame) -> pd.DataFrame:
    """The same, as it is read: medians with the middle 90 %, ranks in percent."""

    def middle(name: str) -> list[str]:
        rows = zip(*(frame[f"{name}_{key}"] for key in ("q50", "q05", "q95")), strict=True)
        return [
            "-" if pd.isna(mid) else f"{mid:.2f} ({low:.2f}, {high:.2f})" for mid, low, high in rows
        ]

    def share(rank: str) -> list[str]:
        return [
            "-" if pd.isna(share) else f"{100 * share:.0f}"
            for share in frame[f"positive_in_{rank}"]
        ]

    return pd.DataFrame(
        {
            "subset": frame["subset"],
            "strategy": frame["strategy"],
            "searches": frame["searches"],
            "clusters (pass 1 + 2)": [
                f"{first} + {second}"
                for first, second in zip(
                    frame["clusters_phase_1"], frame["clusters_phase_2"], strict=True
                )
            ],
            "dropped": frame["dropped_queries"],
            "owner taken": frame["owner_taken"],
            "hardness": middle("hardness"),
            "overlap": middle("overlap"),
            "top 1 (%)": share("top_1"),
            "top 5 (%)": share("top_5"),
            "top 10 (%)": share("top_10"),
        }
    )


def shown_mined(frame: pd.DataFrame, first: Sequence[str]) -> pd.DataFrame:
    """The table as it is read; ``first``: the columns that say what was mined."""
    table = frame[[*first, "clusters", "negatives"]].copy()
    table["hardness"] = [f"{value:.3f}" for value in frame["hardness"]]
    table["overlap"] = [f"{value:.3f}" for value in frame["overlap"]]
    return table.assign(**shown_rates(frame))
