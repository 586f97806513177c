"""A contact sheet: each query with what was found for it, images as images, texts as texts."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

SIDE = 132  # pixels of a picture's box
MARGIN = 8
LINE = 13  # pixels of a line of text
LETTERS = 23  # that fit a line
LINES = 4  # of text below a picture; without one its box holds text, too
CELL = (SIDE + 2 * MARGIN, LINE + SIDE + LINES * LINE + 2 * MARGIN)
COLUMNS = 6  # of what is found, beside the query
ASKED, FOUND, GRID = (219, 232, 246), (255, 255, 255), (190, 190, 190)


@dataclass(frozen=True)
class Cell:
    """heading: a short line, such as the similarity; text and image, or one of them."""

    heading: str
    text: str = ""
    image: Image.Image | None = None


def draw_sheet(rows: Sequence[tuple[Cell, Sequence[Cell]]]) -> Image.Image:
    """The sheet as an RGB image. rows: a query, and what was found for it, best first."""
    lines = []
    for asked, found in rows:
        for start in range(0, max(1, len(found)), COLUMNS):
            lines.append((None if start else asked, found[start : start + COLUMNS]))
    columns = 1 + max((len(found) for _, found in lines), default=0)
    sheet = Image.new("RGB", (columns * CELL[0], max(1, len(lines)) * CELL[1]), FOUND)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    for number, (asked, found) in enumerate(lines):
        top = number * CELL[1]
        for column, cell in enumerate((asked, *found)):
            left = column * CELL[0]
            box = [left, top, left + CELL[0] - 1, top + CELL[1] - 1]
            pen.rectangle(box, fill=FOUND if column else ASKED, outline=GRID)
            if cell is not None:
                _draw(sheet, pen, font, cell, left + MARGIN, top + MARGIN)
    return sheet


def _draw(
    sheet: Image.Image, pen: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont, cell: Cell,
    left: int, top: int,
) -> None:  # fmt: skip
    pen.text((left, top), cell.heading, fill="black", font=font)
    top += LINE
    room = LINES
    if cell.image is None:
        room += SIDE // LINE
    else:
        small = cell.image.convert("RGB")
        small.thumbnail((SIDE, SIDE))
        sheet.paste(small, (left + (SIDE - small.width) // 2, top + (SIDE - small.height) // 2))
        top += SIDE
    for line in textwrap.wrap(cell.text, LETTERS, max_lines=room, placeholder=" ..."):
        pen.text((left, top), line, fill="black", font=font)
        top += LINE
