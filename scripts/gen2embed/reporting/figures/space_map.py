"""Queries and targets in two dimensions, a panel for each model (paper: figure 3)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gen2embed.evaluation.aggregates import META_TASKS
from gen2embed.reporting.figures.embedding_space import flatten

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 3  # panels side by side
BEFORE = "base"


@dataclass(frozen=True)
class Panel:
    """One model's map. points: side, item_id, meta_task, x, y; the numbers are of the full space.

    precision: mean Precision@1 over all data sets, NaN where one is not scored.
    """

    model: str
    points: pd.DataFrame
    gap: float
    matching: float
    other: float
    precision: float


def label_of(model: str) -> str:
    """``base/plain`` -> "plain, before training"; ``saha_seed0/plain`` -> "plain, after saha"."""
    name, _, prompt = model.partition("/")
    when = "before training" if name == BEFORE else f"after {name.rsplit('_seed', 1)[0]}"
    return f"{prompt}, {when}"


def place(
    queries: np.ndarray, targets: np.ndarray, points: pd.DataFrame, seed: int
) -> pd.DataFrame:
    """UMAP of both sides together: side, item_id, meta_task, x, y; a row for each item.

    queries, targets: shape (n, dim), of the unique ``query_id`` and ``target_id`` of points in
    their order; an item has the meta-task of the first data set that it is drawn for.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a fixed seed means one thread: we know
        flat = flatten(np.concatenate([queries, targets]), seed)
    parts = []
    for side, rows in (("query", flat[: len(queries)]), ("target", flat[len(queries) :])):
        first = points.drop_duplicates(f"{side}_id")
        facts = {"item_id": first[f"{side}_id"], "meta_task": first["meta_task"]}
        parts.append(pd.DataFrame(facts).assign(side=side, x=rows[:, 0], y=rows[:, 1]))
    return pd.concat(parts, ignore_index=True)


def draw_space(panels: Sequence[Panel], pairs: pd.DataFrame) -> Figure:
    """pairs: query_id, target_id, meta_task; a line for each. Gap and score stand below a map."""
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure

    rows = -(-len(panels) // COLUMNS)
    columns = min(COLUMNS, len(panels))
    width = max(3.4, 7.1 * columns / COLUMNS)
    figure = Figure(figsize=(width, 2.55 * rows + 0.55), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, panel in zip(grid, panels, strict=False):
        of_side = {side: rows.set_index("item_id") for side, rows in panel.points.groupby("side")}
        ends = [
            of_side[side].loc[pairs[f"{side}_id"], ["x", "y"]].to_numpy()
            for side in ("query", "target")
        ]
        colours = [f"C{META_TASKS.index(task)}" for task in pairs["meta_task"]]
        lines = LineCollection(np.stack(ends, axis=1), colors=colours, linewidths=0.4, alpha=0.25)
        axes.add_collection(lines)
        for number, task in enumerate(META_TASKS):
            for side, marker in (("query", "o"), ("target", "^")):
                of_task = panel.points["meta_task"] == task
                shown = panel.points[of_task & (panel.points["side"] == side)]
                if len(shown):
                    axes.scatter(
                        shown["x"], shown["y"], s=9, marker=marker, lw=0.3, alpha=0.7,
                        color=f"C{number}", edgecolors="black" if side == "target" else "none",
                        label=f"{task}, {side}",
                    )  # fmt: skip
        axes.set_title(label_of(panel.model))
        scored = "" if np.isnan(panel.precision) else f", P@1 {100 * panel.precision:.1f}"
        axes.set_xlabel(f"gap {panel.gap:.2f}{scored}")
        axes.set(xticks=[], yticks=[])
        axes.grid(visible=False)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    handles, labels = grid[0].get_legend_handles_labels()
    ncols = min(len(handles) // 2, max(1, round(width / 1.75)))  # query above target of one task
    figure.legend(handles, labels, loc="outside lower center", ncols=ncols, markerscale=1.5)
    return figure
