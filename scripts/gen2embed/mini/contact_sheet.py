"""A sheet of images to look at: some rows of every evaluation set, query above target."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PIL import Image, ImageDraw, ImageFont

from gen2embed.mini.benchmark import DataSet
from gen2embed.mini.render import SIZE, Canvas, Photo
from gen2embed.mini.tasks import Target
from gen2embed.prompts.mark import IMAGE_MARK

COLUMNS = 6
CELL = (2 * SIZE + 16, 2 * SIZE + 62)
LABEL_WIDTH = 120
LETTERS = 25  # a line of text
LINE = 12  # pixels


def _lines(text: str, most: int) -> list[str]:
    lines = [""]
    for word in text.removeprefix(IMAGE_MARK).split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > LETTERS:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines[:most] if len(lines) <= most else [*lines[: most - 1], lines[most - 1] + " ..."]


def draw_sheet(
    sets: Sequence[DataSet], render: Callable[[Photo | Canvas], Image.Image]
) -> Image.Image:
    """One line per data set: the first rows' query (text, image), and "->" its annotated target."""
    font = ImageFont.load_default(10)
    sheet = Image.new("RGB", (LABEL_WIDTH + COLUMNS * CELL[0], len(sets) * CELL[1]), "white")
    pen = ImageDraw.Draw(sheet)

    def put(image: Photo | Canvas | None, text: str, lines: int, left: int, top: int) -> int:
        for line in _lines(text, lines):
            pen.text((left, top), line, fill="black", font=font)
            top += LINE
        if image is not None:
            sheet.paste(render(image), (left, top))
            top += SIZE
        return top + 2

    for number, dataset in enumerate(sets):
        top = number * CELL[1]
        pen.line([(0, top), (sheet.width, top)], fill="gray")
        entry = dataset.entry
        title = [entry.name, entry.meta_task, entry.split, f"{len(dataset.rows)} rows"]
        for line, text in enumerate(title):
            pen.text((4, top + 4 + line * LINE), text, fill="black", font=font)
        for column, row in enumerate(dataset.rows[:COLUMNS]):
            left = LABEL_WIDTH + column * CELL[0]
            below = put(row.image, row.text, 4, left, top + 4)
            target: Target = row.target
            shown = "-> " if target.image else f"-> {target.text}"
            put(target.image, shown, 2, left, below)
    return sheet
