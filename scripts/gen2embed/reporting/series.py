"""Line figures: a value with its interval along a numeric axis, one line per run or strategy."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes


def draw_lines(axes: Axes, frame: pd.DataFrame, line: str, order: Sequence[str], x: str) -> None:
    """Lines of ``value`` (fractions, drawn in percent) over ``x``, bands ci_low to ci_high.

    frame: <line>, <x>, value, ci_low, ci_high; order: the lines, which decides their colours.
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
        )
        axes.fill_between(
            rows[x], 100 * rows["ci_low"], 100 * rows["ci_high"], color=colour, alpha=0.15, lw=0
        )
