"""Grouped bars with intervals: scores by aggregate (or task) and run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
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
    runs = frame["run"].drop_duplicates().tolist()
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    places = np.arange(len(order))
    bar = 0.8 / len(runs)
    for number, run in enumerate(runs):
        rows = frame[frame["run"] == run].set_index(group).loc[list(order)]
        at = places + (number - (len(runs) - 1) / 2) * bar
        value = 100 * rows["value"].to_numpy()
        whiskers = np.abs(100 * rows[["ci_low", "ci_high"]].to_numpy().T - value)
        axes.bar(
            at, value, bar * 0.92, label=run, yerr=whiskers, error_kw={"lw": 0.8, "capsize": 1.5}
        )
    chance = 100 * frame.drop_duplicates(group).set_index(group).loc[list(order), "chance"]
    axes.hlines(chance, places - 0.43, places + 0.43, colors="black", ls=":", lw=1, label="chance")
    axes.set_xticks(
        places,
        [labels.get(name, name) for name in order],
        rotation=rotation,
        ha="right" if rotation else "center",
    )
    axes.set_ylim(0, None)
    axes.set_ylabel("Precision@1 (%)")
    figure.legend(loc="outside upper center", ncols=min(6, len(runs) + 1))
    return figure
