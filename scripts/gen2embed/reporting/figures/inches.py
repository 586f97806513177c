"""A page drawn in inches: one axes over the whole figure, texts cut to a width, images in boxes."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from gen2embed.below import below
from gen2embed.prompts.images import load_rgb
from gen2embed.prompts.mark import without_mark
from gen2embed.prompts.resolutions import get_resolution

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ELLIPSIS = "…"
WIDEST = 3.0  # an image, as a multiple of its height


def sheet(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure and its one axes, whose unit is the inch; y goes down."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0), autoscale_on=False)
    axes.set_axis_off()
    return figure, axes


def write_fitted(
    axes: Axes, x: float, y: float, text: str, width: float, lines: int = 1, **style: Any
) -> None:
    """Text around (x, y), in at most so many lines, each cut to a width in inches as the font
    draws it."""
    text = " ".join(text.replace("\0", " ").split())
    artist = axes.text(x, y, text, va="center", linespacing=1.0, **style)
    renderer = axes.figure._get_renderer()
    letters = len(text)
    while letters > 1:
        wide = artist.get_window_extent(renderer).width / (width * axes.figure.dpi)
        if wide <= 1 and artist.get_text().count("\n") < lines:
            return
        longest = max(map(len, artist.get_text().split("\n")))
        letters = max(1, min(letters - 1, int(longest / wide) if wide > 1 else letters))
        rows = textwrap.wrap(text, letters, max_lines=lines, placeholder=ELLIPSIS)
        artist.set_text("\n".join(rows))


def draw_item(
    axes: Axes,
    item: pd.Series,
    root: Path,
    box: tuple[float, float, float, float],
    lines: int = 2,
    with_text: bool = True,
    **style: Any,
) -> None:
    """An item in a box (left, top, width, height in inches): its image, if any, then its text."""
    left, top, width, height = box
    if item["image_path"]:
        image = load_rgb(below(root, item["image_path"]), get_resolution("native"))
        shown = height * min(image.width / image.height, WIDEST)
        axes.imshow(image, extent=(left, left + shown, top + height, top), aspect="auto")
        axes.set(autoscale_on=False)
        left, width = left + shown + 0.06, width - shown - 0.06
    if with_text:
        write_fitted(
            axes, left, top + height / 2, without_mark(item["text"]), width, lines, **style
        )
