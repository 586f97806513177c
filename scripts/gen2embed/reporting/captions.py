"""Sentences for captions, built from numbers that were read from result files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from gen2embed.files import read_parquet
from gen2embed.reporting.results import Run
from gen2embed.reporting.tables import percent, points
from gen2embed.rows_taken import dropped_of, rows_dropped

AGGREGATE_LABELS = {
    "classification": "Cla",
    "vqa": "VQA",
    "retrieval": "Ret",
    "grounding": "Gro",
    "ind": "IND",
    "ood": "OOD",
    "all": "all",
    "macro_4": "macro-4",
}
MACRO_NOTE = "macro-4 is the mean of the four meta-tasks' means, not the headline."


def conditions(run: Run, register: pd.DataFrame) -> str:
    """Which data sets, split, cap of rows and dropped ones; model revision, images, token limit."""
    facts = run.facts()
    of_eval = register[register["part"] == "eval"]
    rows = pd.to_numeric(of_eval["rows"])
    resolution = (facts["resolution"] or {}).get("name", "unknown")
    cap = facts.get("row_cap")
    taken = f"at most {cap} rows each" if cap else "all rows"
    taken += rows_dropped(run.dropped(), ", {}")
    revision = f", revision {facts['revision']}" if facts["revision"] else ""
    return (
        f"{len(of_eval)} evaluation sets, {rows.sum()} queries, split "
        f"{facts.get('split') or 'unknown'}, {taken}; model {Path(str(facts['model'])).name}"
        f"{revision}; images: {resolution}; at most {facts['max_tokens']} tokens; "
        f"{facts['dtype']}{said_of_input(facts['input'])}."
    )


def said_of_input(form: Mapping[str, str] | None) -> str:
    """What a caption says of the form of input: nothing of the stock form."""
    return "; the authors' form of input" if (form or {}).get("form") == "authors" else ""


def dropped_in_evaluation(runs: Iterable[Run]) -> str:
    """Of captions without ``conditions``: bad rows in no score; "" of none.

    Begins with a space, to stand after a sentence.
    """
    count = max((run.dropped() for run in runs), default=0)
    return rows_dropped(count, " {} of the evaluation sets.")


def dropped_in_training(runs: Iterable[Run]) -> str:
    """Of captions that show trained runs: bad rows that were not trained on; likewise."""
    count = max((run.dropped_in_training() for run in runs), default=0)
    return rows_dropped(count, " {} of the training subsets.")


def dropped_in_files(paths: Iterable[str | Path], where: str = "of the evaluation sets") -> str:
    """Of captions that are not made from scores: bad rows that pairs or rows files lack; likewise.

    Raises InputError for a file that is missing.
    """
    count = sum(dropped_of(read_parquet(path, ())[1]) for path in paths)
    return rows_dropped(count, f" {{}} {where}.")


def in_seeds(count: int) -> str:
    """ "1 seed", "3 seeds"."""
    return f"{count} seed{'s' * (count > 1)}"


def best_and_worst(aggregates: pd.DataFrame, name: str) -> str:
    """The highest and the lowest mean of one aggregate, with intervals."""
    rows = aggregates[aggregates["aggregate"] == name].dropna(subset="value")
    if rows.empty:
        return f"{AGGREGATE_LABELS[name]}: not all data sets are scored."
    ordered = rows.sort_values("value", kind="stable")
    low, high = ordered.iloc[0], ordered.iloc[-1]

    def said(row: pd.Series) -> str:
        return f"`{row['run']}` {percent(row['value'], row['ci_low'], row['ci_high'])}"

    return f"{AGGREGATE_LABELS[name]}: highest {said(high)}, lowest {said(low)}."


def is_shown(tests: pd.DataFrame) -> pd.Series:
    """Which comparisons may be claimed: adjusted p below 0.05, and every seed has the sign."""
    shown = tests["p_holm"] < 0.05
    return shown & (tests["seeds_agreeing"] == tests["seeds"]) if "seeds" in tests else shown


def verdicts(tests: pd.DataFrame) -> str:
    """What the paired tests show, by aggregate, and how many of them show nothing.

    tests: aggregate, first, second, difference, ci_low, ci_high, p_holm; where runs were trained:
    seeds, seeds_agreeing. A difference that is not there is said not to be there.
    """
    shown = tests[is_shown(tests)]
    parts = []
    if tests.empty:
        return "Nothing is compared: not all data sets are scored."
    for aggregate in tests["aggregate"].unique():
        rows = shown[shown["aggregate"] == aggregate]
        differences = "; ".join(map(_numbers, rows.itertuples())) or "none"
        parts.append(f"{AGGREGATE_LABELS[aggregate]}: {differences}")
    of_seeds = ", the same sign in every seed" if "seeds" in tests else ""
    return (
        f"Paired differences that are shown (Holm-adjusted p < 0.05{of_seeds}): "
        f"{'. '.join(parts)}. The other {len(tests) - len(shown)} of {len(tests)} comparisons show "
        "no difference."
    )


def _numbers(row: Any) -> str:
    difference = points(row.difference, row.ci_low, row.ci_high)
    trained = getattr(row, "seeds", 1)
    seeds = f", {row.seeds_agreeing} of {trained} seeds" if trained > 1 else ""
    return f"{row.first} - {row.second} {difference} points (p = {row.p_holm:.2g}{seeds})"


def rate_sentence(report: Mapping[str, Any] | None, strategies: Sequence[str]) -> str:
    """Overall and equal-hardness false-negative rates of the named strategies, with intervals.

    report None: the benchmark has no known equivalences, and the sentence says so.
    """
    if report is None:
        return "True false negatives are not known: the benchmark annotates one target a query."
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
