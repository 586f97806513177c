"""Published scores beside ours: always marked, never averaged with ours, "not run" where they are.

What is published is MMEB at full size. A run counts as such only if it holds all 36 data sets with
all their queries; a smaller experiment never lends its numbers to this comparison.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from gen2embed.evaluation.aggregates import ALL, META_TASKS, SPLITS
from gen2embed.evaluation.published import (
    ROWS,
    counterparts,
    mmeb_datasets,
    published_scores,
)
from gen2embed.reporting.results import Run, rows_of
from gen2embed.reporting.tables.rendering import percent, points

MARK = "†"
DOUBT = "‡"
NOT_RUN = "not run"
PRINTED = (*META_TASKS, *SPLITS, ALL)
MARK_NOTE = (
    f"{MARK}: published (MMEB at full size), not measured here; sources in "
    "scripts/gen2embed/evaluation/published/."
)
DOUBT_NOTE = (
    f"{DOUBT}: does not follow from the numbers printed with it, or is the unweighted mean of four "
    "meta-tasks (table published_audit)."
)
MEASURED, PUBLISHED, DIFFERENCE = "measured", "published", "measured - published"
COLUMNS = ["run", "origin", "system", "aggregate", "value", "ci_low", "ci_high"]
STAGES = ("zero_shot", "fine_tuned")


def is_full_size(runs: Sequence[Run]) -> bool:
    """Whether every run holds MMEB's 36 data sets with all their queries."""
    wanted = set(mmeb_datasets()["name"])
    return all(
        set(run.scores) == wanted and all(rows_of(score) == ROWS for score in run.scores.values())
        for run in runs
    )


def published_of(stage: str) -> pd.DataFrame:
    """Published scores of a stage's systems (fractions); as ``published_scores``.

    What is not said to be zero-shot counts as fine-tuned.

    The mean computed by the collector from published data sets counts as published.
    """
    scores = published_scores()
    zero_shot = scores["setting"] == "zero-shot"
    return scores[zero_shot if stage == "zero_shot" else ~zero_shot].assign(
        score=lambda frame: (frame["score"] / 100).round(9)
    )


def beside(
    means: pd.DataFrame, names: Mapping[str, str], stage: str, backbone: str, full_size: bool
) -> pd.DataFrame:
    """Ours, published and the difference, for each run that has a published counterpart.

    means: run, aggregate, value, ci_low, ci_high; names: counterpart's key -> run's name in means.
    Columns: run, origin (measured, published, measured - published), system, aggregate, value,
    ci_low, ci_high. Without full size, measured and difference have no value (NaN).
    """
    scores = published_of(stage)
    rows = []
    for key, model in counterparts(stage).items():
        if key not in names:
            continue
        found = scores[(scores["model"] == model) & (scores["backbone"] == backbone)]
        printed = dict(zip(found["name"], found["score"], strict=True))
        of_run = means[means["run"] == names[key]].set_index("aggregate")
        for aggregate in (part for part in PRINTED if part in printed):
            ours = (float("nan"),) * 3
            if full_size and aggregate in of_run.index:
                row = of_run.loc[aggregate]
                ours = (row["value"], row["ci_low"], row["ci_high"])
            less = tuple(part - printed[aggregate] for part in ours)
            nothing = (float("nan"),) * 2
            for origin, numbers in (
                (MEASURED, ours),
                (PUBLISHED, (printed[aggregate], *nothing)),
                (DIFFERENCE, less),
            ):
                system = f"{model}, {backbone}" if origin == PUBLISHED else ""
                rows.append((names[key], origin, system, aggregate, *numbers))
    return pd.DataFrame(rows, columns=COLUMNS).round(9)


def shown_beside(
    compared: pd.DataFrame, first: str, order: Sequence[str], labels: Mapping[str, str]
) -> pd.DataFrame:
    """The comparison as rows under a table of measured scores: columns ``first``, scores, ...

    order, labels: the aggregates that are columns, and their headings.
    """
    rows = []
    for (run, origin), of_row in compared.groupby(["run", "origin"], sort=False):
        cells = {row.aggregate: marked_cell(row, origin) for row in of_row.itertuples()}
        label = f"MMEB, {origin}" + (MARK if origin == PUBLISHED else "")
        columns = {labels[name]: cells.get(name, "-") for name in order}
        rows.append({first: run, "scores": label, **columns})
    return pd.DataFrame(rows, columns=[first, "scores", *(labels[name] for name in order)])


def with_published(
    measured: pd.DataFrame, compared: pd.DataFrame, labels: Mapping[str, str]
) -> pd.DataFrame:
    """A shown table of means (run, then aggregates) with the comparison below it.

    A column says of every row whether it was measured here.
    """
    first, *headings = measured.columns
    order = [name for name in labels if labels[name] in headings]
    measured = measured.copy()
    measured.insert(1, "scores", "measured here")
    below = shown_beside(compared, first, order, labels)
    return pd.concat([measured, below], ignore_index=True)


def marked_cell(row: Any, origin: str) -> str:
    """One number as it is read; row: value, ci_low, ci_high (NaN: not run)."""
    if pd.isna(row.value):
        return NOT_RUN
    if origin == PUBLISHED:
        return percent(row.value) + MARK
    if origin == DIFFERENCE:
        return points(row.value, row.ci_low, row.ci_high)
    return percent(row.value, row.ci_low, row.ci_high)
