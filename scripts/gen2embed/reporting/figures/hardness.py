"""Hardness against overlap of mined negatives: what is drawn, and how (paper: figure 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gen2embed.evaluation.intervals import mean_interval
from gen2embed.reporting.false_negatives import ENDS, number
from gen2embed.reporting.figures.density import density

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ALL = "all"
QUANTILES = (0.25, 0.5, 0.75)
SHARES = (0.9, 0.5)  # of a strategy's negatives that a contour holds
FEW = 4  # strategies, up to which the outer contours are drawn, too
COLUMNS = 4  # of small panels
EDGE = 0.06  # of the span, around what is drawn
NAMES = ("hardness", "overlap")


def summarise(frame: pd.DataFrame) -> pd.DataFrame:
    """Means of hardness and overlap with 95 % bootstrap intervals over clusters (the negatives of
    one anchor are not independent), and quartiles: by strategy, over all and by meta-task.

    frame: strategy, meta_task, cluster, hardness, overlap; a row for each negative.
    """
    rows = []
    parts = [(ALL, frame), *frame.groupby("meta_task", sort=False)]
    for task, of_task in parts:
        for strategy, rows_of in of_task.groupby("strategy", sort=False):
            row = {"strategy": strategy, "meta_task": task, "negatives": len(rows_of)}
            for name in NAMES:
                values = rows_of[name].to_numpy(dtype=np.float64)
                low, high = mean_interval(values, rows_of["cluster"])
                row |= {name: values.mean(), f"{name}_low": low, f"{name}_high": high}
                quantiles = np.quantile(values, QUANTILES)
                row |= {
                    f"{name}_q{round(100 * share)}": value
                    for share, value in zip(QUANTILES, quantiles, strict=True)
                }
            rows.append(row)
    return pd.DataFrame(rows).round(6)


def with_rates(summary: pd.DataFrame, report: Mapping[str, Any] | None) -> pd.DataFrame:
    """Columns ``equal_hardness`` with its interval, of rows over all; NaN where not known."""
    found = summary.copy()
    rows = report["strategies"] if report else {}
    for end in ENDS:
        found[f"equal_hardness{end}"] = [
            number(rows.get(row.strategy), f"equal_hardness{end}")
            if row.meta_task == ALL
            else float("nan")
            for row in found.itertuples()
        ]
    return found


def draw_clouds(
    axes: Axes, frame: pd.DataFrame, summary: pd.DataFrame, strategies: Sequence[str], ms: float
) -> None:
    """Contours of each strategy's negatives; the mean as a cross, quartiles as whiskers."""
    shares = SHARES if len(strategies) <= FEW else SHARES[-1:]
    quartiles = summary[[f"{name}_q{edge}" for edge in (25, 75) for name in NAMES]].to_numpy()
    reached = [*quartiles.reshape(-1, 2), *summary[list(NAMES)].to_numpy()]
    for colour, strategy in enumerate(strategies):
        rows = frame[frame["strategy"] == strategy]
        found = density(rows["hardness"].to_numpy(), rows["overlap"].to_numpy())
        if found is not None:
            levels = [found.level(share) for share in shares]
            if len(set(levels)) == len(levels):
                axes.contour(
                    found.xs, found.ys, found.grid, levels=levels, colors=f"C{colour}",
                    linewidths=[0.7, 1.4][-len(levels) :],
                )  # fmt: skip
                reached += list(found.corners(min(levels)))
    for colour, strategy in enumerate(strategies):
        for row in summary[summary["strategy"] == strategy].itertuples():
            axes.plot(
                [row.hardness_q25, row.hardness_q75], [row.overlap_q50] * 2, lw=2,
                color=f"C{colour}", alpha=0.6,
            )  # fmt: skip
            axes.plot(
                [row.hardness_q50] * 2, [row.overlap_q25, row.overlap_q75], lw=2,
                color=f"C{colour}", alpha=0.6,
            )  # fmt: skip
            axes.plot(
                row.hardness, row.overlap, "XosD^vP<"[colour % 8], ms=ms, mec="black", mew=0.7,
                color=f"C{colour}", label=strategy,
            )  # fmt: skip
    low, high = np.min(reached, axis=0), np.max(reached, axis=0)
    low, high = low - EDGE * (high - low), high + EDGE * (high - low)
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))


def draw_rates(axes: Axes, summary: pd.DataFrame, strategies: Sequence[str]) -> None:
    """True false-negative rate at equal hardness, a row for each strategy, in percent."""
    rows = summary[summary["meta_task"] == ALL].set_index("strategy")
    for place, strategy in enumerate(strategies):
        value, low, high = (100 * rows.loc[strategy, f"equal_hardness{end}"] for end in ENDS)
        if np.isfinite(value):
            axes.errorbar(
                value, -place, xerr=[[value - low], [high - value]], fmt="XosD^vP<"[place % 8],
                color=f"C{place}", mec="black", mew=0.7, ms=7, capsize=2,
            )  # fmt: skip
        else:
            axes.annotate(" not comparable", (0, -place), va="center", fontsize=7)
    axes.set_yticks([-place for place in range(len(strategies))], strategies)
    axes.set_ylim(-len(strategies) + 0.4, 0.6)
    axes.set_xlim(0, None)
    axes.grid(axis="x")
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("true false negatives\nat equal hardness (%)")


def draw_hardness(frame: pd.DataFrame, summary: pd.DataFrame, strategies: Sequence[str]) -> Figure:
    """All negatives, the false-negative rates beside them where known, meta-tasks below.

    frame, summary: as ``summarise`` and ``with_rates`` have them.
    """
    from matplotlib.figure import Figure

    tasks = [task for task in summary["meta_task"].drop_duplicates() if task != ALL]
    tasks = tasks if len(tasks) > 1 else []
    below = -(-len(tasks) // COLUMNS)
    figure = Figure(figsize=(7.1, 3.2 + 1.75 * below), layout="constrained")
    rated = summary["equal_hardness"].notna().any()
    parts = figure.subfigures(2, 1, height_ratios=(3.2, 1.75 * below)) if below else [figure]
    panels = parts[0].subplots(1, 1 + rated, width_ratios=(2, 1)[: 1 + rated], squeeze=False)[0]
    draw_clouds(panels[0], frame, summary[summary["meta_task"] == ALL], strategies, 9)
    panels[0].set_xlabel("hardness")
    panels[0].set_ylabel("overlap")
    if rated:
        draw_rates(panels[1], summary, strategies)
    if below:
        small = parts[1].subplots(below, COLUMNS, squeeze=False).ravel()
        for axes, task in zip(small, tasks, strict=False):
            of_task = frame[frame["meta_task"] == task]
            draw_clouds(axes, of_task, summary[summary["meta_task"] == task], strategies, 5)
            axes.set_title(task)
            axes.set_xlabel("hardness")
        for axes in small[len(tasks) :]:
            axes.set_axis_off()
        small[0].set_ylabel("overlap")
    handles, labels = panels[0].get_legend_handles_labels()
    parts[0].legend(handles, labels, loc="outside upper center", ncols=min(4, len(labels)))
    return figure
