"""Data efficiency: scores against the pairs that a training saw; published beside."""

from __future__ import annotations

from typing import Any

import pandas as pd

from gen2embed.evaluation.aggregates import ALL, SPLITS
from gen2embed.evaluation.published import published_data
from gen2embed.reporting.captions import AGGREGATE_LABELS
from gen2embed.reporting.tables.published_scores import MARK, published_of
from gen2embed.reporting.tables.rendering import percent

SHOWN = (*SPLITS, ALL)
COLUMNS = [
    *("run", "origin", "step", "pairs_seen", "rows", "passes", "aggregate", "value"),
    *("ci_low", "ci_high", "seeds", "note"),
]


def published_efficiency() -> pd.DataFrame:
    """The published systems whose training data is known, with their printed means."""
    scores = pd.concat([published_of(stage) for stage in ("zero_shot", "fine_tuned")])
    rows = []
    for entry in published_data().itertuples():
        found = scores[(scores["model"] == entry.model) & (scores["backbone"] == entry.backbone)]
        printed = dict(zip(found["name"], found["score"], strict=True))
        for name in SHOWN:
            rows.append(
                {
                    "run": f"{entry.model}, {entry.backbone}",
                    "origin": "published",
                    "aggregate": name,
                    "value": printed.get(name, float("nan")),
                    "rows": entry.rows,
                    "pairs_seen": entry.pairs_seen,
                    "passes": entry.pairs_seen / entry.rows,
                    "note": entry.note,
                }
            )
    return pd.DataFrame(rows)


def shown_efficiency(frame: pd.DataFrame) -> pd.DataFrame:
    """The table as it is read: a row per run and step, published ones marked."""
    rows = []
    keys = ["run", "origin", "step"]
    for (run, origin, step), of_row in frame.groupby(keys, sort=False, dropna=False):
        mark = MARK if origin == "published" else ""
        first = of_row.iloc[0]
        cells = of_row.set_index("aggregate")
        row: dict[str, Any] = {
            "run": run + mark,
            "step": "-" if pd.isna(step) else f"{step:.0f}",
            "pairs seen": "-" if pd.isna(first["pairs_seen"]) else f"{first['pairs_seen']:.0f}",
            "training rows": f"{first['rows']:.0f}",
            "passes": "-" if pd.isna(first["passes"]) else f"{first['passes']:.2f}",
        }
        for name in SHOWN:
            cell = cells.loc[name]
            known = "-" if pd.isna(cell["value"]) else percent(cell["value"]) + mark
            if not mark and not pd.isna(cell["value"]):
                known = percent(cell["value"], cell["ci_low"], cell["ci_high"])
            row[AGGREGATE_LABELS[name]] = known
        rows.append(row)
    return pd.DataFrame(rows)
