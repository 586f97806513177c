"""What mining and the report on false negatives found, as rows of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from gen2embed.reporting.tables import percent


def pooled(statistics: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Statistics of several subsets as one: counts added, means weighted by their negatives."""
    negatives = sum(one["negatives"] for one in statistics)
    found = {
        key: sum(one[key] for one in statistics)
        for key in ("pairs", "clusters", "clusters_phase_2", "dropped_queries", "negatives")
    }
    for key in ("hardness", "overlap"):
        total = sum(one[key]["mean"] * one["negatives"] for one in statistics if one[key])
        found[key] = total / negatives if negatives else float("nan")
    return found


def rates(row: Mapping[str, Any]) -> dict[str, float]:
    """False-negative rates of one strategy's report, overall and at equal hardness."""
    keys = ("overall", "equal_hardness")
    return {
        f"{key}{end}": row[f"{key}{end}"] for key in keys for end in ("", "_ci_low", "_ci_high")
    }


def shown_mined(frame: pd.DataFrame, first: Sequence[str]) -> pd.DataFrame:
    """The table as it is read; ``first``: the columns that say what was mined."""

    def interval(key: str) -> list[str]:
        rows = zip(frame[key], frame[f"{key}_ci_low"], frame[f"{key}_ci_high"], strict=True)
        return ["-" if pd.isna(row[0]) else percent(*row) for row in rows]

    table = frame[[*first, "clusters", "negatives"]].copy()
    table["hardness"] = [f"{value:.3f}" for value in frame["hardness"]]
    table["overlap"] = [f"{value:.3f}" for value in frame["overlap"]]
    table["false negatives (%)"] = interval("overall")
    table["at equal hardness (%)"] = interval("equal_hardness")
    return table
