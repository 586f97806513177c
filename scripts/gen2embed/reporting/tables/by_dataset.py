"""Which data sets a difference between two fine-tuned runs comes from. Ours.

A mean of many data sets can be the work of two. So every difference is split: into data sets whose
own interval leaves 0 out, and the mean of the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from gen2embed.evaluation.aggregates import ALL, members
from gen2embed.evaluation.paired import Difference
from gen2embed.reporting.results import Run, compare
from gen2embed.reporting.runs import ZERO_SHOT, RunName, comparisons
from gen2embed.reporting.tables.rendering import points

EVERY, OTHERS = "mean of all", "mean of the others"
COLUMNS = ["first", "second", "dataset", "difference", "ci_low", "ci_high", "part", "told"]


def differences(runs: Mapping[RunName, Run], register: pd.DataFrame) -> pd.DataFrame:
    """Every two fine-tuned runs that are compared, data set by data set, and two means.

    Columns: first, second, dataset (or "mean of all", "mean of the others": of the data sets that
    are not told from 0, where there are any), difference (first minus second), ci_low, ci_high,
    part (what the row adds to the mean of all), told (the interval leaves 0 out; not adjusted for
    their number).
    """
    names = members(register)[ALL]
    rows = []
    for first, second in comparisons(list(runs)):
        if ZERO_SHOT not in (first.strategy, second.strategy):
            rows += _rows(runs[first], runs[second], names)
    return pd.DataFrame(rows, columns=COLUMNS).round(9)


def _rows(first: Run, second: Run, names: list[str]) -> Iterator[tuple]:
    def row(name: str, found: Difference, sets: int) -> tuple:
        clear = found.ci_low > 0 or found.ci_high < 0
        part = found.value * sets / len(names)
        numbers = (found.value, found.ci_low, found.ci_high, part, clear)
        return (first.name, second.name, name, *numbers)

    every = compare(first, second, names)
    if every is None:
        return
    rows = [row(name, compare(first, second, [name]), 1) for name in names]
    yield from rows
    yield row(EVERY, every, len(names))
    rest = [name for name, row_of_set in zip(names, rows, strict=True) if not row_of_set[-1]]
    if rest:
        yield row(OTHERS, compare(first, second, rest), len(rest))


def shown_differences(frame: pd.DataFrame) -> pd.DataFrame:
    """A row for each data set, a column for each comparison; what is told from 0 is starred."""
    cells = frame.assign(
        pair=frame["first"] + " - " + frame["second"],
        cell=[
            points(row.difference, row.ci_low, row.ci_high) + " *" * row.told
            for row in frame.itertuples()
        ],
    )
    wide = cells.pivot(index="dataset", columns="pair", values="cell").fillna("-")
    wide = wide.loc[cells["dataset"].drop_duplicates(), cells["pair"].drop_duplicates()]
    return wide.rename_axis(columns=None).reset_index()


def sentence_of_parts(frame: pd.DataFrame) -> str:
    """What each comparison comes from, in one sentence each."""
    sentences = []
    for (first, second), rows in frame.groupby(["first", "second"], sort=False):
        rows = rows.set_index("dataset")
        every = rows.loc[EVERY]
        sets = rows.drop(index=[EVERY, OTHERS], errors="ignore")
        clear = sets[sets["told"]].sort_values("part", key=abs, ascending=False, kind="stable")
        text = f"{first} - {second} {_points(every)} points"
        if len(clear):
            parts = ", ".join(f"{row.Index} {100 * row.part:+.1f}" for row in clear.itertuples())
            text += f", of which {parts}"
        if OTHERS in rows.index and len(clear):
            text += f"; the other {len(sets) - len(clear)} sets {_points(rows.loc[OTHERS])}"
        sentences.append(f"{text}.")
    return f"*: the interval leaves 0 out (not adjusted). {' '.join(sentences)}"


def _points(row: pd.Series) -> str:
    return points(row["difference"], row["ci_low"], row["ci_high"])
