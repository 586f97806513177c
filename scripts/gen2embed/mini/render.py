"""Photos of the mini benchmark: an emoji on a named background, slightly turned, scaled, lit.

A photo is decided by (seed, stream, emoji id, number) alone: the order in which photos are asked
for, and how many, change none of them. Streams keep training, evaluation, generator and
compositions apart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

SIZE = 72
STREAMS = {"train": 0, "eval": 1, "generator": 2, "composition": 3}
STREAM_BACKGROUNDS = 30  # beside those of selection (10) and rows (20)
BACKGROUNDS = {
    "red": (200, 30, 40),
    "orange": (245, 135, 20),
    "yellow": (250, 225, 60),
    "green": (40, 140, 60),
    "blue": (40, 80, 190),
    "purple": (125, 50, 160),
    "white": (246, 246, 246),
    "gray": (125, 125, 125),
}
COLOUR_JITTER = 12  # of each channel, to either side
BRIGHTNESS = (0.85, 1.1)
ANGLE = 15.0  # degrees, to either side
SCALE = (0.7, 0.92)
SHIFT = 4.0  # pixels, to either side
# A background is left out for an emoji that would melt into it (a red circle on red): at least
# this share of the drawing must be this far away in RGB.
VISIBLE_SHARE = 0.4
VISIBLE_DISTANCE = 70.0
FEWEST_BACKGROUNDS = 2


def visible_backgrounds(graphic: Image.Image) -> tuple[str, ...]:
    """Names of the backgrounds on which a drawing (RGBA) stands out, in the palette's order.

    Never fewer than two: the most visible ones are taken where the rule would leave less.
    """
    pixels = np.asarray(graphic, np.float64)
    drawn = pixels[pixels[..., 3] > 127][:, :3]
    shares = {
        name: float((np.linalg.norm(drawn - colour, axis=1) > VISIBLE_DISTANCE).mean())
        for name, colour in BACKGROUNDS.items()
    }
    best = sorted(shares, key=lambda name: -shares[name])[:FEWEST_BACKGROUNDS]
    return tuple(n for n, share in shares.items() if share >= VISIBLE_SHARE or n in best)


@dataclass(frozen=True)
class Photo:
    """One render: whose (emoji id), which number of its roll, on what background."""

    emoji: int
    number: int
    background: str

    @property
    def path(self) -> str:
        return f"images/photos/{self.emoji:04d}_{self.number}.png"


@dataclass(frozen=True)
class Canvas:
    """Two photos side by side."""

    left: Photo
    right: Photo

    @property
    def path(self) -> str:
        names = (f"{side.emoji:04d}_{side.number}" for side in (self.left, self.right))
        return f"images/canvases/{'-'.join(names)}.png"


@dataclass
class PhotoRoll:
    """All photos of a stream, as many per emoji as anyone asks for.

    graphics: emoji id -> RGBA drawing; backgrounds: emoji id -> names it may stand on.
    """

    seed: int
    stream: str
    graphics: Sequence[Image.Image]
    backgrounds: Sequence[tuple[str, ...]]
    _known: dict[tuple[int, int], Photo] = field(default_factory=dict)

    def _generator(self, emoji: int, number: int) -> tuple[np.random.Generator, str]:
        rng = np.random.default_rng([self.seed, STREAMS[self.stream], emoji, number])
        names = self.backgrounds[emoji]
        return rng, names[int(rng.integers(len(names)))]

    def photo(self, emoji: int, number: int) -> Photo:
        """What the photo shows, without rendering it."""
        key = (emoji, number)
        if key not in self._known:
            self._known[key] = Photo(emoji, number, self._generator(emoji, number)[1])
        return self._known[key]

    def render(self, photo: Photo) -> Image.Image:
        """The photo as an RGB image of 72x72 pixels."""
        rng, background = self._generator(photo.emoji, photo.number)
        return render_photo(self.graphics[photo.emoji], BACKGROUNDS[background], rng)

    def render_canvas(self, canvas: Canvas) -> Image.Image:
        """The two photos side by side: an RGB image 144 wide, 72 high."""
        image = Image.new("RGB", (2 * SIZE, SIZE))
        image.paste(self.render(canvas.left), (0, 0))
        image.paste(self.render(canvas.right), (SIZE, 0))
        return image


def render_photo(
    graphic: Image.Image, colour: tuple[int, int, int], rng: np.random.Generator
) -> Image.Image:
    """Draw an RGBA graphic on a jittered colour, turned, scaled, moved and lit at random."""
    jitter = rng.integers(-COLOUR_JITTER, COLOUR_JITTER + 1, size=3)
    angle = math.radians(rng.uniform(-ANGLE, ANGLE))
    scale = rng.uniform(*SCALE)
    shift = rng.uniform(-SHIFT, SHIFT, size=2)
    brightness = rng.uniform(*BRIGHTNESS)
    centre = (SIZE - 1) / 2
    cos, sin = math.cos(angle) / scale, math.sin(angle) / scale
    across, down = centre + shift[0], centre + shift[1]
    matrix = (
        *(cos, sin, centre - cos * across - sin * down),
        *(-sin, cos, centre + sin * across - cos * down),
    )
    drawing = graphic.transform(
        (SIZE, SIZE), Image.Transform.AFFINE, matrix, resample=Image.Resampling.BICUBIC
    )
    ground = tuple(int(v) for v in np.clip(np.add(colour, jitter), 0, 255))
    photo = Image.new("RGB", (SIZE, SIZE), ground)
    photo.paste(drawing, mask=drawing.getchannel("A"))
    table = [min(255, round(value * brightness)) for value in range(256)]
    return photo.point(table * 3)


def background_table(graphics: Mapping[int, Image.Image] | Sequence[Image.Image]) -> list:
    """``visible_backgrounds`` of every graphic, by emoji id."""
    return [visible_backgrounds(graphics[i]) for i in range(len(graphics))]


def some_backgrounds(table: Sequence[tuple[str, ...]], most: int | None, seed: int) -> list:
    """At most so many of each emoji's backgrounds, drawn at random, in the palette's order.

    An emoji's draw depends on the seed and its id alone. most None: all.
    """
    if most is None:
        return list(table)
    chosen = []
    for emoji, names in enumerate(table):
        rng = np.random.default_rng([seed, STREAM_BACKGROUNDS, emoji])
        kept = {names[place] for place in rng.permutation(len(names))[:most].tolist()}
        chosen.append(tuple(name for name in names if name in kept))
    return chosen
