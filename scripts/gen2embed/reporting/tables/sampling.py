"""Sampling strategies side by side: what each mined, what it cost, how its training scored."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from gen2embed.evaluation.aggregates import ALL
from gen2embed.reporting.false_negatives import shown_rates
from gen2embed.reporting.results import Run, aggregate
from gen2embed.reporting.tables.rendering import percent

NOT_TRAINED = "not trained"


def score_of(run: Run, register: pd.DataFrame) -> dict[str, float]:
    """Mean of all data sets with its interval, and its standard deviation over seeds."""
    means = aggregate([run], register)
    of_all = means[means["aggregate"] == ALL].iloc[0]
    return of_all[["value", "ci_low", "ci_high", "spread", "seeds"]].to_dict()


def shown_sampling(frame: pd.DataFrame) -> pd.DataFrame:
    """The table as it is read."""
    records = frame.to_dict("records")

    def number(name: str, form: str, nothing: str = "-") -> list[str]:
        return [
            nothing if pd.isna(row.get(name, np.nan)) else format(row[name], form)
            for row in records
        ]

    def score(row: dict[str, Any]) -> str:
        if pd.isna(row.get("value", np.nan)):
            return NOT_TRAINED
        text = percent(row["value"], row["ci_low"], row["ci_high"])
        return text if pd.isna(row["spread"]) else f"{text} sd {100 * row['spread']:.1f}"

    return pd.DataFrame(
        {
            "strategy": frame["strategy"],
            "clusters": frame["clusters"],
            "negatives": frame["negatives"],
            "hardness": number("hardness", ".3f"),
            "overlap": number("overlap", ".3f"),
            **shown_rates(frame),
            "pairs seen": number("pairs_seen", ".0f", NOT_TRAINED),
            "items encoded per query": number("items_per_query", ".2f", NOT_TRAINED),
            "score": [score(row) for row in records],
        }
    )
