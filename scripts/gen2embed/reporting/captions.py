"""Sentences for captions, built from numbers that were read from result files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from gen2embed.reporting.results import Run
from gen2embed.reporting.tables import percent

AGGREGATE_LABELS = {
    "classification": "Cla",
    "vqa": "VQA",
    "retrieval": "Ret",
    "grounding": "Gro",
    "ind": "IND",
    "ood": "OOD",
    "all": "all",
}


def conditions(run: Run, register: pd.DataFrame) -> str:
    """Which benchmark, how many queries, which images and token limit."""
    facts = run.facts()
    of_eval = register[register["part"] == "eval"]
    rows = pd.to_numeric(of_eval["rows"])
    resolution = (facts["resolution"] or {}).get("name", "unknown")
    return (
        f"{len(of_eval)} evaluation sets, {rows.sum()} queries; images: {resolution}; "
        f"at most {facts['max_tokens']} tokens; {facts['dtype']}."
    )


def best_and_worst(aggregates: pd.DataFrame, name: str) -> str:
    """The highest and the lowest mean of one aggregate, with intervals."""
    rows = aggregates[aggregates["aggregate"] == name]
    ordered = rows.sort_values("value", kind="stable")
    low, high = ordered.iloc[0], ordered.iloc[-1]

    def said(row: pd.Series) -> str:
        return f"`{row['run']}` {percent(row['value'], row['ci_low'], row['ci_high'])}"

    return f"{AGGREGATE_LABELS[name]}: highest {said(high)}, lowest {said(low)}."


def verdict(label: str, value: float, low: float, high: float, p_adjusted: float) -> str:
    """One paired comparison in words; a difference that is not there is said not to be there."""
    numbers = (
        f"{100 * value:+.1f} points [{100 * low:+.1f}, {100 * high:+.1f}], p = {p_adjusted:.2g}"
    )
    if p_adjusted >= 0.05:
        return f"{label}: no difference shown ({numbers})"
    return f"{label}: {numbers}"


def verdicts(tests: pd.DataFrame, aggregate: str) -> str:
    """Every comparison of one aggregate in a sentence (``tested``'s columns)."""
    rows = tests[tests["aggregate"] == aggregate]
    parts = [
        verdict(f"{row.first} - {row.second}", row.difference, row.ci_low, row.ci_high, row.p_holm)
        for row in rows.itertuples()
    ]
    return f"Paired differences on {AGGREGATE_LABELS[aggregate]}: " + "; ".join(parts) + "."


def rate_sentence(report: Mapping[str, Any], strategies: Sequence[str]) -> str:
    """Overall and equal-hardness false-negative rates of the named strategies, with intervals."""
    parts = []
    for name in strategies:
        row = report["strategies"][name]
        if row["overall"] is None:
            continue
        overall = percent(row["overall"], row["overall_ci_low"], row["overall_ci_high"])
        equal = "not comparable"
        if row["equal_hardness"] is not None:
            keys = ("equal_hardness", "equal_hardness_ci_low", "equal_hardness_ci_high")
            equal = percent(*(row[key] for key in keys))
        parts.append(f"{name} {overall} % overall, {equal} % at equal hardness")
    return "False negatives: " + "; ".join(parts) + "."
