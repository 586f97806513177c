"""Sentences for captions, built from numbers that were read from result files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from gen2embed.artifacts.rows_taken import dropped_of, rows_dropped
from gen2embed.files import read_parquet
from gen2embed.reporting.results import Run
from gen2embed.reporting.tables.rendering import percent

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
        f"{facts['dtype']}{form_in_words(facts['input'])}."
    )


def form_in_words(form: Mapping[str, str] | None) -> str:
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
    """ "one seed", "3 seeds"."""
    return "one seed" if count == 1 else f"{count} seeds"


def conditional(runs: Iterable[Run]) -> str:
    """What the intervals of scores are over, and what they say nothing of."""
    known = all(run.concepts for run in runs)
    over = "concepts (queries about one thing are resampled together)" if known else "queries"
    return (
        f"Intervals are over {over}, given these data sets, this model and these trainings: of "
        "another generator, other photos or another seed they say nothing."
    )


def informed(sets: pd.DataFrame) -> str:
    """Scores of data sets with candidates that are alike, against guessing among these; "" of none.

    sets: ``per_dataset``. Begins with a space, to stand after a sentence.
    """
    known = sets[sets["informed_chance"].notna()]
    if known.empty:
        return ""
    sentences = []
    for name, rows in known.groupby("dataset", sort=False):
        chance = rows["informed_chance"].iloc[0]
        above, below = int((rows["ci_low"] > chance).sum()), int((rows["ci_high"] < chance).sum())
        counts = {"above it": above, "not told from it": len(rows) - above - below}
        counts |= {"below it": below}
        parts = ", ".join(f"{count} {where}" for where, count in counts.items() if count)
        sentences.append(f"{name} {percent(chance)}: {parts}")
    return (
        " Informed chance is that of guessing among the candidates that show what the query shows, "
        "the instruction not understood; scores by their intervals, in all columns: "
        f"{'; '.join(sentences)}."
    )


def best_and_worst(aggregates: pd.DataFrame, name: str) -> str:
    """The highest and the lowest mean of one aggregate, with intervals."""
    rows = aggregates[aggregates["aggregate"] == name].dropna(subset="value")
    if rows.empty:
        return f"{AGGREGATE_LABELS[name]}: not all data sets are scored."
    ordered = rows.sort_values("value", kind="stable")
    low, high = ordered.iloc[0], ordered.iloc[-1]

    def score_of(row: pd.Series) -> str:
        return f"`{row['run']}` {percent(row['value'], row['ci_low'], row['ci_high'])}"

    return f"{AGGREGATE_LABELS[name]}: highest {score_of(high)}, lowest {score_of(low)}."
