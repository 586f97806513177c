"""Charts of scores with their intervals: grouped bars, dots by data set, lines along an axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def grouped_bars(
    frame: pd.DataFrame,
    group: str,
    order: Sequence[str],
    labels: Mapping[str, str],
    width: float,
    height: float = 2.8,
    rotation: float = 0,
) -> Figure:
    """Bars of ``value`` by ``group`` and ``run`` (legend above), whiskers ci_low to ci_high.

    frame: run, <group>, value, ci_low, ci_high, chance (all fractions; drawn in percent); order:
    the groups from left to right. Chance is a dash across each group. width, height: inches.
    """
    from matplotlib.figure import Figure

    runs = frame["run"].drop_duplicates().tolist()
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    positions = np.arange(len(order))
    bar = 0.8 / len(runs)
    for number, run in enumerate(runs):
        rows = frame[frame["run"] == run].set_index(group).loc[list(order)]
        at = positions + (number - (len(runs) - 1) / 2) * bar
        value = 100 * rows["value"].to_numpy()
        whiskers = np.abs(100 * rows[["ci_low", "ci_high"]].to_numpy().T - value)
        axes.bar(
            at, value, bar * 0.92, label=run, yerr=whiskers, error_kw={"lw": 0.8, "capsize": 1.5}
        )
    chance = 100 * frame.drop_duplicates(group).set_index(group).loc[list(order), "chance"]
    axes.hlines(
        chance, positions - 0.43, positions + 0.43, colors="black", ls=":", lw=1, label="chance"
    )
    axes.set_xticks(
        positions,
        [labels.get(name, name) for name in order],
        rotation=rotation,
        ha="right" if rotation else "center",
    )
    axes.set_ylim(0, None)
    axes.set_ylabel("Precision@1 (%)")
    figure.legend(loc="outside upper center", ncols=min(6, len(runs) + 1))
    return figure


def dots_by_dataset(frame: pd.DataFrame) -> Figure:
    """A row per data set, a dot per run (whiskers ci_low to ci_high), chance as a dotted line.

    frame: dataset, split, run, value, ci_low, ci_high, chance (fractions, drawn in percent).
    """
    from matplotlib.figure import Figure

    datasets = frame.drop_duplicates("dataset").reset_index(drop=True)
    runs = frame["run"].drop_duplicates().tolist()
    figure = Figure(figsize=(7.2, 0.36 * len(datasets) + 1.2), layout="constrained")
    axes = figure.add_subplot()
    positions = np.arange(len(datasets))[::-1]
    for number, run in enumerate(runs):
        rows = frame[frame["run"] == run].set_index("dataset").reindex(datasets["dataset"])
        value = 100 * rows["value"].to_numpy()
        whiskers = np.abs(100 * rows[["ci_low", "ci_high"]].to_numpy().T - value)
        offset = (number - (len(runs) - 1) / 2) * 0.8 / len(runs)
        axes.errorbar(
            value, positions - offset, xerr=whiskers, fmt="os^Dv<>P"[number % 8], ms=3.5, lw=0.8,
            color=f"C{number}", label=run,
        )  # fmt: skip
    chance = 100 * datasets["chance"]
    axes.vlines(chance, positions - 0.42, positions + 0.42, colors="black", ls=":", label="chance")
    axes.hlines(positions[:-1] - 0.5, 0, 100, colors="0.92", lw=0.6)
    labels = [f"{row.dataset} ({row.split.upper()})" for row in datasets.itertuples()]
    axes.set_yticks(positions, labels)
    axes.grid(visible=False)
    axes.set_xlim(0, 100)
    axes.set_ylim(-0.6, len(datasets) - 0.4)
    axes.set_xlabel("Precision@1 (%)")
    figure.legend(loc="outside upper center", ncols=3)
    return figure


def draw_lines(
    axes: Axes, frame: pd.DataFrame, line: str, order: Sequence[str], x: str, clipped: bool = True
) -> None:
    """Lines of ``value`` (fractions, drawn in percent) over ``x``, bands ci_low to ci_high.

    frame: <line>, <x>, value, ci_low, ci_high; order: the lines, which decides their colours.
    clipped: lines end at the frame, and so do marks on it.
    """
    for number, name in enumerate(order):
        rows = frame[frame[line] == name].sort_values(x)
        colour = f"C{number}"
        axes.plot(
            rows[x],
            100 * rows["value"],
            color=colour,
            label=name,
            marker="os^Dv<>P"[number % 8],
            ms=4,
            clip_on=clipped,
        )
        axes.fill_between(
            rows[x], 100 * rows["ci_low"], 100 * rows["ci_high"], color=colour, alpha=0.15, lw=0
        )
