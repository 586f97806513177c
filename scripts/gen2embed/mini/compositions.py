"""The mini benchmark's own SugarCrepe and SugarCrepe++: what is true of a picture, and what is not.

Pictures are photos of a stream of their own, one or two side by side. A caption is a wording filled
with what the picture shows; a false one is the same wording filled with something else:

- replace_obj, replace_att, replace_rel: another thing, another background, the other side;
- swap_obj, swap_att: the two things, or their backgrounds, exchanged;
- add_obj, add_att: one more thing, or a background that is not there.

SugarCrepe++ has the same rows with a second true caption in another wording or order, as the
published one is made from SugarCrepe. Every word is one that the generator was taught.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from gen2embed.data.composition_sets import SUBSETS, SUGARCREPE, SUGARCREPE_PP
from gen2embed.errors import InputError
from gen2embed.mini.render import BACKGROUNDS, Canvas, Photo, PhotoRoll
from gen2embed.mini.selection import Emoji

STREAM_COMPOSITIONS = 30
NUMBERS_PER_SUBSET = 1000  # each subset has photos of its own
MOST_TRIES = 100
# Wordings by what they name. {x}, {y}: names of the left (or only) and the right thing; {c}, {d}:
# colours of their backgrounds.
NAME = "an image of {x}"
NAME_ON = "an image of {x} on a {c} background"
BOTH = "an image of {x} and {y}"
ON = "{x} on a {c} background"
ON_AGAIN = "the background is {c} and the object is {x}"
LEFT_OF = "{x} on the left of {y}"
RIGHT_OF = "{x} on the right of {y}"
SIDES = "{x} on the left and {y} on the right"
SIDES_AGAIN = "on the right is {y} and on the left is {x}"
COLOURS = "{x} on a {c} background and {y} on a {d} background"
COLOURS_AGAIN = "{x} with a {c} background and {y} with a {d} background"
# A man is a person, a woman running a person running: such words say nothing certain.
PERSON_WORDS = frozenset("man men woman women boy girl child baby adult person people".split())  # noqa: SIM905


@dataclass(frozen=True)
class Scene:
    """A picture, and the names and backgrounds of what it shows, from left to right."""

    image: Photo | Canvas
    names: tuple[str, ...]
    colours: tuple[str, ...]

    @property
    def file_name(self) -> str:
        return PurePosixPath(self.image.path).name

    def facts(self) -> dict[str, str]:
        """What the wordings name."""
        facts = {"x": self.names[0], "c": self.colours[0]}
        if len(self.names) > 1:
            facts |= {"y": self.names[1], "d": self.colours[1]}
        return facts

    def says(self, wording: str, **changed: str) -> str:
        return wording.format(**self.facts() | changed)

    def swapped(self) -> Scene:
        """The same things named in the other order."""
        return Scene(self.image, self.names[::-1], self.colours[::-1])

    def true_captions(self) -> set[str]:
        """Everything that the wordings can truly say of the picture."""
        of_one = (NAME, NAME_ON, ON, ON_AGAIN)
        if len(self.names) == 1:
            return {self.says(pattern) for pattern in of_one}
        orders = (self, self.swapped())
        unordered = (*of_one, BOTH, COLOURS, COLOURS_AGAIN)
        described = {scene.says(pattern) for scene in orders for pattern in unordered}
        return (
            described
            | {self.says(pattern) for pattern in (LEFT_OF, SIDES, SIDES_AGAIN)}
            | {self.swapped().says(RIGHT_OF)}
        )


@dataclass(frozen=True)
class Drawn:
    """A row with its picture: a true caption, a second one ("" = none), a false one."""

    scene: Scene
    caption: str
    again: str
    false: str


def distinguishable(shown: Emoji, other: Emoji) -> bool:
    """Whether neither's name may be true of the other ("cat" of a "cat face", "man" of a man)."""
    first, second = (_words(emoji.glyph.name) for emoji in (shown, other))
    return shown.glyph.concept != other.glyph.concept and not (first <= second or second <= first)


def _words(name: str) -> set[str]:
    return {"person" if word in PERSON_WORDS else word for word in name.split()}


@dataclass
class Studio:
    """Takes the pictures of one subset: of any emoji, by a roll, from a number of the roll on."""

    emojis: Sequence[Emoji]
    roll: PhotoRoll
    first_number: int
    rng: np.random.Generator

    def other_than(self, emoji: Emoji) -> Emoji:
        """A random emoji that is surely something else."""
        for index in self.rng.permutation(len(self.emojis)).tolist():
            if distinguishable(emoji, self.emojis[index]):
                return self.emojis[index]
        raise InputError(
            f"no emoji is surely other than {emoji.glyph.name!r}; ask for more concepts"
        )

    def other_colour(self, colour: str) -> str:
        others = [name for name in BACKGROUNDS if name != colour]
        return others[int(self.rng.integers(len(others)))]

    def single(self, emoji: Emoji, row: int) -> Scene:
        photo = self.roll.photo(emoji.emoji_id, self.first_number + row)
        return Scene(photo, (emoji.glyph.name,), (photo.background,))

    def pair(self, emoji: Emoji, row: int) -> Scene:
        """One on the left, another on the right, on different backgrounds."""
        left = self.roll.photo(emoji.emoji_id, self.first_number + row)
        other = self.other_than(emoji)
        for step in range(MOST_TRIES):
            number = self.first_number + (row + step) % NUMBERS_PER_SUBSET
            right = self.roll.photo(other.emoji_id, number)
            if right.background != left.background:
                names = (emoji.glyph.name, other.glyph.name)
                return Scene(Canvas(left, right), names, (left.background, right.background))
        raise InputError(f"{other.glyph.name!r} stands on one background only; draw other emoji")


def _replace_obj(studio: Studio, emoji: Emoji, row: int) -> Drawn:
    scene, other = studio.single(emoji, row), studio.other_than(emoji).glyph.name
    return Drawn(scene, scene.says(ON), scene.says(ON_AGAIN), scene.says(ON, x=other))


def _replace_att(studio: Studio, emoji: Emoji, row: int) -> Drawn:
    scene = studio.single(emoji, row)
    colour = studio.other_colour(scene.colours[0])
    return Drawn(scene, scene.says(ON), scene.says(ON_AGAIN), scene.says(ON, c=colour))


def _replace_rel(studio: Studio, emoji: Emoji, row: int) -> Drawn:
    """Half of the true captions say "left", half "right": neither word may be a clue."""
    scene = studio.pair(emoji, row)
    left, right = (scene, LEFT_OF), (scene.swapped(), RIGHT_OF)
    (described, wording), (again, other) = (left, right) if row % 2 else (right, left)
    return Drawn(scene, described.says(wording), again.says(other), described.says(other))


def _swap_obj(studio: Studio, emoji: Emoji, row: int) -> Drawn:
    scene = studio.pair(emoji, row)
    return Drawn(scene, scene.says(SIDES), scene.says(SIDES_AGAIN), scene.swapped().says(SIDES))


def _swap_att(studio: Studio, emoji: Emoji, row: int) -> Drawn:
    scene = studio.pair(emoji, row)
    first, second = scene.colours
    again = scene.swapped().says(COLOURS_AGAIN)
    return Drawn(scene, scene.says(COLOURS), again, scene.says(COLOURS, c=second, d=first))


def _add_obj(studio: Studio, emoji: Emoji, row: int) -> Drawn:
    scene, other = studio.single(emoji, row), studio.other_than(emoji).glyph.name
    return Drawn(scene, scene.says(NAME), "", scene.says(BOTH, y=other))


def _add_att(studio: Studio, emoji: Emoji, row: int) -> Drawn:
    scene = studio.single(emoji, row)
    colour = studio.other_colour(scene.colours[0])
    return Drawn(scene, scene.says(NAME), "", scene.says(NAME_ON, c=colour))


MAKERS: dict[str, Callable[[Studio, Emoji, int], Drawn]] = {
    "replace_obj": _replace_obj,
    "replace_att": _replace_att,
    "replace_rel": _replace_rel,
    "swap_obj": _swap_obj,
    "swap_att": _swap_att,
    "add_obj": _add_obj,
    "add_att": _add_att,
}


def draw_compositions(
    emojis: Sequence[Emoji], roll: PhotoRoll, rows: int, seed: int
) -> dict[str, list[Drawn]]:
    """``rows`` rows of each SugarCrepe subset, about random emoji, all once before any twice.

    Each subset draws from a stream of its own (seed, its name). Raises InputError where the
    selection has no two emoji that are surely different.
    """
    if rows > NUMBERS_PER_SUBSET:
        raise InputError(f"--composition-rows {rows}: give at most {NUMBERS_PER_SUBSET}")
    drawn = {}
    for index, subset in enumerate(SUBSETS[SUGARCREPE]):
        rng = np.random.default_rng([seed, STREAM_COMPOSITIONS, zlib.crc32(subset.encode())])
        studio = Studio(emojis, roll, index * NUMBERS_PER_SUBSET, rng)
        order = rng.permutation(len(emojis)).tolist()
        drawn[subset] = [
            MAKERS[subset](studio, emojis[order[row % len(order)]], row) for row in range(rows)
        ]
    return drawn


def published_layouts(drawn: Mapping[str, Sequence[Drawn]]) -> dict[tuple[str, str], Any]:
    """(benchmark, subset) -> what its JSON file holds (``compositions.read_subset`` reads it)."""
    files: dict[tuple[str, str], Any] = {}
    for subset in SUBSETS[SUGARCREPE]:
        files[SUGARCREPE, subset] = {
            str(number): {
                "filename": row.scene.file_name,
                "caption": row.caption,
                "negative_caption": row.false,
            }
            for number, row in enumerate(drawn[subset])
        }
    for subset in SUBSETS[SUGARCREPE_PP]:
        files[SUGARCREPE_PP, subset] = [
            {
                "id": number,
                "filename": row.scene.file_name,
                "caption": row.caption,
                "caption2": row.again,
                "negative_caption": row.false,
            }
            for number, row in enumerate(drawn[subset])
        ]
    return files
