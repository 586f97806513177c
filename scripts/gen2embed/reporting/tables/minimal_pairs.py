"""Minimal pairs among mined negatives, as rows of a table and as a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from gen2embed.reporting.false_negatives import ENDS, number
from gen2embed.reporting.tables.rendering import percent

COUNTS = ("clusters", "negatives")
SHARES = ("clusters_with_minimal", "minimal_pairs")
OVERLAPS = ("overlap_minimal", "overlap_false", "overlap_others")


def minimal_row(report: Mapping[str, Any], strategy: str) -> dict[str, float]:
    """One strategy's minimal pairs in one subset; NaN where there is nothing to divide by."""
    row = report["strategies"][strategy]
    keys = [*(f"{key}{end}" for key in SHARES for end in ENDS), *OVERLAPS]
    return {key: row[key] for key in COUNTS} | {key: number(row, key) for key in keys}


def shown_minimal(frame: pd.DataFrame) -> pd.DataFrame:
    """The table as it is read."""

    def share(key: str) -> list[str]:
        rows = zip(*(frame[f"{key}{end}"] for end in ENDS), strict=True)
        return ["-" if pd.isna(row[0]) else percent(*row) for row in rows]

    def overlap(key: str) -> list[str]:
        return ["-" if pd.isna(value) else f"{value:.3f}" for value in frame[key]]

    return pd.DataFrame(
        {
            "subset": frame["subset"],
            "strategy": frame["strategy"],
            "clusters with one (%)": share("clusters_with_minimal"),
            "of the negatives (%)": share("minimal_pairs"),
            "overlap: minimal pairs": overlap("overlap_minimal"),
            "false negatives": overlap("overlap_false"),
            "others": overlap("overlap_others"),
        }
    )


def minimal_sentence(frame: pd.DataFrame) -> str:
    """Where the strategies differ most: the subset, and every strategy's share of clusters."""
    if frame.empty:
        return "No strategy mined one."
    by_subset = frame.groupby("subset", sort=False)["clusters_with_minimal"]
    widest = (by_subset.max() - by_subset.min()).idxmax()
    rows = frame[frame["subset"] == widest].dropna(subset="clusters_with_minimal")
    shares = (
        f"{row['strategy']} {percent(*(row[f'clusters_with_minimal{end}'] for end in ENDS))} %"
        for row in rows.to_dict("records")
    )
    return f"The strategies differ most in {widest}: clusters with one {', '.join(shares)}."
