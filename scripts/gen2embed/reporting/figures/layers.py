"""Figures along the layers of a model: lines with bands, and what their captions say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from gen2embed.prompts.markup import SEGMENTS
from gen2embed.reporting.tables.rendering import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TEXTS = ("prompt", "segment")
MOST_MARKS = 8  # along a line


def draw_measure(
    axes: Axes,
    rows: pd.DataFrame,
    measure: str,
    label: str,
    number: int,
    low: str | None = None,
    high: str | None = None,
) -> None:
    """One line of ``measure`` over ``layer``; its band from <measure>_ci_low and _high, if any.

    number: decides colour and marker.
    """
    if rows.empty:
        return
    low, high = low or f"{measure}_ci_low", high or f"{measure}_ci_high"
    colour = f"C{number}"
    marker = "os^Dv<>P"[number % 8]
    every = -(-len(rows) // MOST_MARKS)  # a marker hides the line where there are many
    axes.plot(
        rows["layer"], rows[measure], color=colour, label=label, marker=marker, ms=3.5,
        markevery=(number % every, every),
    )  # fmt: skip
    if low in rows:
        axes.fill_between(rows["layer"], rows[low], rows[high], color=colour, alpha=0.15, lw=0)


def layer_ticks(axes: Axes, layers: pd.Series) -> None:
    """From the first layer to the last, at most six of them named: there is no layer 0."""
    first, last = int(layers.min()), int(layers.max())
    step = max(1, -(-(last - first) // 5))
    axes.set_xticks(range(first, last + 1, step))


def attention_sentence(frame: pd.DataFrame) -> str:
    """The shares at the last layer, prompt by prompt."""
    last = frame[frame["layer"] == frame["layer"].max()]
    sentences = []
    for prompt, rows in last.groupby("prompt", sort=False):
        shares = rows.set_index("segment")
        parts = [
            f"{name} {percent(*shares.loc[name, ['total', 'total_ci_low', 'total_ci_high']])}"
            for name in SEGMENTS
            if name in shares.index
        ]
        sentences.append(f"`{prompt}` {', '.join(parts)}")
    return f"At the last layer (%): {'; '.join(sentences)}."


def layers_sentence(frame: pd.DataFrame) -> str:
    """Precision@1 at the first and the last layer and the gap at the last, prompt by prompt."""
    sentences = []
    for prompt, rows in frame.groupby("prompt", sort=False):
        first, last = rows.iloc[0], rows.iloc[-1]
        values = [percent(row["value"], row["ci_low"], row["ci_high"]) for row in (first, last)]
        gap = last["image_text_gap"]
        sentences.append(
            f"`{prompt}` {values[0]}, {values[1]}"
            + ("" if pd.isna(gap) else f", image-text gap {gap:.2f}")
        )
    of_gap = "" if frame["image_text_gap"].isna().all() else ", and the image-text gap there"
    return f"At the first and the last layer (%){of_gap}: {'; '.join(sentences)}."
