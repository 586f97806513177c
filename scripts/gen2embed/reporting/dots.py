"""Dots with intervals: the score of every data set by run."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure


def dots_by_dataset(frame: pd.DataFrame) -> Figure:
    """A row per data set, a dot per run (whiskers ci_low to ci_high), chance as a dotted line.

    frame: dataset, split, run, value, ci_low, ci_high, chance (fractions, drawn in percent).
    """
    datasets = frame.drop_duplicates("dataset").reset_index(drop=True)
    runs = frame["run"].drop_duplicates().tolist()
    figure = Figure(figsize=(7.2, 0.36 * len(datasets) + 1.2), layout="constrained")
    axes = figure.add_subplot()
    places = np.arange(len(datasets))[::-1]
    for number, run in enumerate(runs):
        rows = frame[frame["run"] == run].set_index("dataset").reindex(datasets["dataset"])
        value = 100 * rows["value"].to_numpy()
        whiskers = np.abs(100 * rows[["ci_low", "ci_high"]].to_numpy().T - value)
        offset = (number - (len(runs) - 1) / 2) * 0.8 / len(runs)
        axes.errorbar(
            value, places - offset, xerr=whiskers, fmt="os^Dv<>P"[number % 8], ms=3.5, lw=0.8,
            color=f"C{number}", label=run,
        )  # fmt: skip
    chance = 100 * datasets["chance"]
    axes.vlines(chance, places - 0.42, places + 0.42, colors="black", ls=":", label="chance")
    axes.hlines(places[:-1] - 0.5, 0, 100, colors="0.92", lw=0.6)
    labels = [f"{row.dataset} ({row.split.upper()})" for row in datasets.itertuples()]
    axes.set_yticks(places, labels)
    axes.grid(visible=False)
    axes.set_xlim(0, 100)
    axes.set_ylim(-0.6, len(datasets) - 0.4)
    axes.set_xlabel("Precision@1 (%)")
    figure.legend(loc="outside upper center", ncols=3)
    return figure
