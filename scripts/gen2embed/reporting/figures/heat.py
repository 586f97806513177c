"""Heat maps over k and m: a row of maps for each strategy, a column for each measure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = "cividis"  # read alike with and without colour vision (Nuñez et al. 2018)
MEASURES = {
    "hardness": ("mean hardness", 1, 2),
    "overall": ("false negatives (%)", 100, 1),
    "equal_hardness": ("at equal hardness (%)", 100, 1),
}  # column -> what it is called, times, decimals


def cells(frame: pd.DataFrame, column: str) -> tuple[np.ndarray, list[int], list[int]]:
    """Values by k (rows) and m (columns), both ascending, NaN where there is none; the k; the m."""
    table = frame.pivot(index="k", columns="m", values=column).sort_index().sort_index(axis=1)
    return table.to_numpy(dtype=np.float64), table.index.tolist(), table.columns.tolist()


def draw_heat(frame: pd.DataFrame, own: Mapping[str, int]) -> Figure:
    """frame: k, m, strategy and the columns of MEASURES; own: the study's k and m, framed.

    A measure has one scale of colours over all strategies.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    strategies = frame["strategy"].drop_duplicates().tolist()
    tall = 0.42 * frame["k"].nunique() + 0.55
    figure = Figure(figsize=(7.1, tall * len(strategies) + 0.3), layout="constrained")
    grid = figure.subplots(len(strategies), len(MEASURES), squeeze=False)
    for column, (measure, (title, times, decimals)) in zip(grid.T, MEASURES.items(), strict=True):
        scaled = times * frame[measure]
        low, high = (scaled.min(), scaled.max()) if scaled.notna().any() else (0, 1)
        for axes, strategy in zip(column, strategies, strict=True):
            values, ks, ms = cells(frame[frame["strategy"] == strategy], measure)
            values = times * values
            axes.imshow(values, cmap=COLOURS, vmin=low, vmax=high, aspect="auto")
            for (row, place), value in np.ndenumerate(values):
                known = np.isfinite(value)
                dark = known and high > low and (value - low) / (high - low) < 0.5
                axes.text(
                    place, row, f"{value:.{decimals}f}" if known else "-", ha="center",
                    va="center", fontsize=8, color="white" if dark else "black",
                )  # fmt: skip
            if own["k"] in ks and own["m"] in ms:
                corner = (ms.index(own["m"]) - 0.5, ks.index(own["k"]) - 0.5)
                axes.add_patch(Rectangle(corner, 1, 1, fill=False, ec="C5", lw=2))
            axes.set_xticks(range(len(ms)), ms)
            axes.set_yticks(range(len(ks)), ks)
            axes.grid(visible=False)
        column[0].set_title(title)
        column[-1].set_xlabel("m")
    for axes, strategy in zip(grid[:, 0], strategies, strict=True):
        axes.set_ylabel(f"{strategy}\nk")
    return figure
