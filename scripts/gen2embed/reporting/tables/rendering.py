"""One frame, four renderings: CSV (long, all digits); Markdown, LaTeX, HTML (as it is read)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from gen2embed.files import write_csv, write_text
from gen2embed.reporting.pages.html import page, table

AT_CHANCE = " (chance!)"
BELOW_CHANCE = " (below chance)"
NOT_SCORED = "not scored"


def percent(value: float, low: float | None = None, high: float | None = None) -> str:
    """A fraction as "43.3", with an interval as "43.3 [41.2, 45.4]"."""
    text = f"{100 * value:.1f}"
    return text if low is None or high is None else f"{text} [{100 * low:.1f}, {100 * high:.1f}]"


def points(value: float, low: float, high: float) -> str:
    """A difference of fractions in signed points: "+4.8 [+2.1, +7.5]"."""
    return f"{100 * value:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"


def pivot(
    frame: pd.DataFrame, index: str, columns: str, order: Sequence[str], labels: Mapping[str, str]
) -> pd.DataFrame:
    """A long frame of value, ci_low, ci_high as a table of "43.3 [41.2, 45.4]".

    order: the columns' order; labels: their headings. Rows keep the order of first appearance.
    Where the frame says so, a cell is marked: not above chance, or a mean of sets not all scored.
    """
    cells = frame.assign(cell=[_cell(row) for row in frame.to_dict("records")])
    table = cells.pivot(index=index, columns=columns, values="cell").fillna(NOT_SCORED)
    table = table.loc[frame[index].drop_duplicates(), [name for name in order if name in table]]
    return table.rename(columns=dict(labels)).rename_axis(columns=None).reset_index()


def _cell(row: Mapping[str, Any]) -> str:
    """One score as it is read; row: value, ci_low, ci_high and what may be known beside them.

    datasets, of: sets scored and wanted; of a mean at_chance, below_chance: how many of its sets
    are; of a single score above_chance, below_chance: whether it is; spread: standard deviation
    over seeds (NaN: one seed).
    """
    if row.get("datasets", 0) < row.get("of", 0):
        return f"- ({row['datasets']} of {row['of']} sets)"
    text = percent(row["value"], row["ci_low"], row["ci_high"])
    if not pd.isna(row.get("spread", float("nan"))):
        text += f" sd {100 * row['spread']:.1f}"
    if "of" in row:
        notes = [f"{row['at_chance']} at chance!"] if row.get("at_chance") else []
        notes += [f"{row['below_chance']} below chance"] if row.get("below_chance") else []
        return f"{text} ({', '.join(notes)})" if notes else text
    return text + mark(row.get("above_chance", True), row.get("below_chance", False))


def mark(above_chance: bool, below_chance: bool) -> str:
    """What stands after a single score: nothing where it is above chance."""
    if above_chance:
        return ""
    return BELOW_CHANCE if below_chance else AT_CHANCE


def shown_datasets(sets: pd.DataFrame, runs: Sequence[str]) -> pd.DataFrame:
    """Scores by data set (rows) and run (columns), with meta-task, split and chance.

    A score that is not above chance is marked: it may be a model that was loaded wrongly. Chance is
    followed by informed chance where a data set knows it.
    """
    wide = pivot(sets, "dataset", "run", runs, {})
    chance = sets.drop_duplicates("dataset").set_index("dataset").loc[wide["dataset"]]
    wide.insert(1, "meta-task", chance["meta_task"].tolist())
    wide.insert(2, "split", chance["split"].str.upper().tolist())
    wide.insert(3, "chance", [percent(share) for share in chance["chance"]])
    if "informed_chance" in chance and chance["informed_chance"].notna().any():
        informed = [
            "-" if pd.isna(share) else percent(share) for share in chance["informed_chance"]
        ]
        wide.insert(4, "informed chance", informed)
    return wide


def write_table(
    folder: str | Path, name: str, numbers: pd.DataFrame, shown: pd.DataFrame, caption: str
) -> None:
    """Write ``<name>.csv`` (numbers), ``.md``, ``.tex`` and ``.html`` (shown, with the caption)."""
    folder = Path(folder)
    write_csv(folder / f"{name}.csv", numbers)
    body = shown.to_markdown(index=False, disable_numparse=True)
    write_text(folder / f"{name}.md", f"{caption}\n\n{body}\n")
    latex = shown.to_latex(
        index=False,
        escape=True,
        caption=_escape(caption),
        label=f"tab:{name}",
        column_format="l" + "r" * (shown.shape[1] - 1),
        position="t",
    )
    write_text(folder / f"{name}.tex", latex)
    write_text(folder / f"{name}.html", page(name, table(shown, caption)))


def _escape(text: str) -> str:
    for letter in "&%$#_{}":
        text = text.replace(letter, "\\" + letter)
    return text.replace("`", "")
