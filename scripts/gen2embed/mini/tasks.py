"""The nine tasks of the mini benchmark: from a photo to a query, its target, and what else is true.

A target is *right* for a query if it shows one of the query's emoji and the two do not name
different backgrounds. Three tasks have right targets beyond the annotated one:

- I2T (photo -> caption): a caption that names the photo's emoji and no other background;
- T2I (caption -> photo): a photo of the named emoji (of any form of the concept, where the caption
  says "in any skin tone") on the named background, if one is named;
- Change (photo + colour -> photo): a photo of the same emoji on that background.

The others have none: Group and Subgroup have one label, Background, SkinTone and Flag one answer,
and Side asks for the very photo that is in that half of the canvas.
Instructions are worded as MMEB words its own (arXiv 2410.05160, appendix).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice

import numpy as np

from gen2embed.errors import InputError
from gen2embed.mini.render import BACKGROUNDS, Canvas, Photo, PhotoRoll
from gen2embed.mini.selection import Emoji
from gen2embed.prompts.mark import IMAGE_MARK

IMAGE = f"{IMAGE_MARK}\n"
IMAGE_TARGET = IMAGE + "Represent the given image."
INSTRUCTIONS = {
    "Group": "Identify the category of the object in the image.",
    "Subgroup": "Identify the type of the object in the image.",
    "Background": "Represent the given image with the question: What color is the background?",
    "SkinTone": "Represent the given image with the question: What skin tone is shown?",
    "Flag": "Represent the given image with the question: Which country does this flag represent?",
    "I2T": "Find the caption that describes the given image.",
    "T2I": "Find the image that matches the given caption:",
    "Change": "Find the same object on a {color} background.",
    "Side": "Select the portion of the image that isolates the object on the {side}.",
}
CAPTIONS = ("{name}", "an image of {name}", "{name} on a {color} background")
ANY_TONE = "{concept} in any skin tone"
TONE_ANSWERS = tuple(f"{tone} skin tone" for tone in ("default", "light", "medium", "dark"))
# Training rows come in about this many photos per emoji, so that, as in real data, other rows of a
# subset hold unlabelled positives (several captions of a thing, several photos of it).
ROWS_PER_EMOJI = 3
MOST_PASSES = 100


@dataclass(frozen=True)
class Target:
    """A text or a photo that may be right, and what it shows (emoji -1 and "" = a bare label)."""

    text: str
    image: Photo | None = None
    emoji: int = -1
    background: str = ""

    @property
    def path(self) -> str:
        return self.image.path if self.image else ""


@dataclass(frozen=True)
class Row:
    """A query with its annotated target.

    emojis, background: what a right target shows ("" = any background; no emojis = the annotated
    target alone is right). hard: distractors that belong in this query's own candidate list.
    """

    text: str
    image: Photo | Canvas | None
    target: Target
    emojis: frozenset[int] = frozenset()
    background: str = ""
    hard: tuple[Target, ...] = ()

    @property
    def path(self) -> str:
        return self.image.path if self.image else ""

    @property
    def about(self) -> int:
        """The emoji that is asked about: the target's; where it is a bare label, the photo's."""
        return self.image.emoji if self.target.emoji < 0 else self.target.emoji

    def is_right(self, target: Target) -> bool:
        """Whether the target answers this query as truly as the annotated one."""
        if target == self.target:
            return True
        named = {self.background, target.background} - {""}
        return target.emoji in self.emojis and len(named) < 2


@dataclass
class Album:
    """The photos a data set may show: some emoji, a roll, and how many photos of each it has.

    limit None: as many as needed (evaluation); rows_per_emoji: how many of the training rows are
    about one emoji, about.
    """

    emojis: Sequence[Emoji]
    roll: PhotoRoll
    limit: int | None
    rows_per_emoji: int = ROWS_PER_EMOJI

    def __post_init__(self) -> None:
        self.by_id = {emoji.emoji_id: emoji for emoji in self.emojis}
        self.forms: dict[str, frozenset[int]] = {}
        for emoji in self.emojis:
            concept = emoji.glyph.concept
            self.forms[concept] = self.forms.get(concept, frozenset()) | {emoji.emoji_id}

    def stream(
        self, wanted: Callable[[Emoji], bool], rows: int, rng: np.random.Generator
    ) -> Iterator[Photo]:
        """Distinct photos of the wanted emoji in random order, one of each, then another, ...

        Training (limited) keeps to so many emoji that each appears about ``rows_per_emoji`` times.
        """
        ids = rng.permutation(
            [emoji_id.emoji_id for emoji_id in self.emojis if wanted(emoji_id)]
        ).tolist()
        if self.limit is None:
            numbers = {emoji_id: range(MOST_PASSES) for emoji_id in ids}
        else:
            ids = ids[: -(-rows // self.rows_per_emoji)]
            numbers = {emoji_id: rng.permutation(self.limit).tolist() for emoji_id in ids}
        for turn in range(self.limit or MOST_PASSES):
            for emoji_id in ids:
                yield self.roll.photo(emoji_id, int(numbers[emoji_id][turn]))

    def find(self, emoji: int, background: str, start: int) -> Photo | None:
        """The emoji's first photo on a background from number ``start`` on (round the roll)."""
        numbers = count(start)
        if self.limit is not None:
            numbers = ((start + step) % self.limit for step in range(self.limit))
        photos = (self.roll.photo(emoji, number) for number in islice(numbers, 1000))
        return next((photo for photo in photos if photo.background == background), None)

    def backgrounds(self, emoji: int) -> list[str]:
        """The backgrounds on which the album shows an emoji, in alphabetical order."""
        if self.limit is None:
            return sorted(self.roll.backgrounds[emoji])
        return sorted({self.roll.photo(emoji, n).background for n in range(self.limit)})

    def any_number(self, rng: np.random.Generator) -> int:
        """A number to start from: random in training, 0 in evaluation, whose photos are shared."""
        return 0 if self.limit is None else int(rng.integers(self.limit))


def photo_target(photo: Photo) -> Target:
    return Target(IMAGE_TARGET, photo, photo.emoji, photo.background)


def _ask(task: str, **values: str) -> str:
    return IMAGE + INSTRUCTIONS[task].format(**values)


def make_group(photo: Photo, album: Album, _: np.random.Generator) -> Row:
    return Row(_ask("Group"), photo, Target(album.by_id[photo.emoji].glyph.group))


def make_subgroup(photo: Photo, album: Album, _: np.random.Generator) -> Row:
    return Row(_ask("Subgroup"), photo, Target(album.by_id[photo.emoji].glyph.subgroup))


def make_background(photo: Photo, _: Album, __: np.random.Generator) -> Row:
    return Row(_ask("Background"), photo, Target(photo.background))


def make_skin_tone(photo: Photo, album: Album, _: np.random.Generator) -> Row:
    tone = album.by_id[photo.emoji].glyph.tone
    return Row(_ask("SkinTone"), photo, Target(f"{tone} skin tone"))


def make_flag(photo: Photo, album: Album, _: np.random.Generator) -> Row:
    return Row(_ask("Flag"), photo, Target(album.by_id[photo.emoji].glyph.country))


def _caption(subject: str, photo: Photo, rng: np.random.Generator) -> tuple[str, str]:
    """A caption that is true of the photo, and the background it names ("" = none)."""
    form = CAPTIONS[int(rng.integers(len(CAPTIONS)))]
    background = photo.background if "{color}" in form else ""
    return form.format(name=subject, color=background), background


def make_image_to_text(photo: Photo, album: Album, rng: np.random.Generator) -> Row:
    text, named = _caption(album.by_id[photo.emoji].glyph.name, photo, rng)
    target = Target(text, None, photo.emoji, named)
    return Row(_ask("I2T"), photo, target, frozenset({photo.emoji}), photo.background)


def make_text_to_image(photo: Photo, album: Album, rng: np.random.Generator) -> Row:
    """Half of the queries about a concept of several forms ask for "any skin tone"."""
    glyph = album.by_id[photo.emoji].glyph
    any_tone = bool(glyph.tone) and rng.random() < 0.5
    subject = ANY_TONE.format(concept=glyph.concept) if any_tone else glyph.name
    text, named = _caption(subject, photo, rng)
    right = album.forms[glyph.concept] if any_tone else frozenset({photo.emoji})
    return Row(f"{INSTRUCTIONS['T2I']} {text}", None, photo_target(photo), right, named)


def make_change(photo: Photo, album: Album, rng: np.random.Generator) -> Row | None:
    """The hard distractor is another photo of the same emoji on the background it already has."""
    others = [name for name in album.backgrounds(photo.emoji) if name != photo.background]
    if not others:
        return None
    wanted = others[int(rng.integers(len(others)))]
    target = album.find(photo.emoji, wanted, album.any_number(rng))
    unchanged = album.find(photo.emoji, photo.background, photo.number + 1)
    return Row(
        _ask("Change", color=wanted),
        photo,
        photo_target(target),
        frozenset({photo.emoji}),
        wanted,
        (photo_target(unchanged),),
    )


def make_side(photo: Photo, album: Album, rng: np.random.Generator) -> Row:
    """The hard distractor is the other half's photo."""
    others = [emoji.emoji_id for emoji in album.emojis if emoji.emoji_id != photo.emoji]
    partner = others[int(rng.integers(len(others)))]
    other = album.roll.photo(partner, album.any_number(rng))
    side = ("left", "right")[int(rng.integers(2))]
    canvas = Canvas(photo, other) if side == "left" else Canvas(other, photo)
    return Row(_ask("Side", side=side), canvas, photo_target(photo), hard=(photo_target(other),))


@dataclass(frozen=True)
class Task:
    """How a data set is made: its rows, which emoji it is about, and its candidates.

    answers: "labels" (the full list of this task), "answers" (of all questions) or "drawn" (from
    the data set's targets). Which tasks are trained is the register's business.
    """

    make: Callable[[Photo, Album, np.random.Generator], Row | None]
    answers: str = "drawn"
    about: Callable[[Emoji], bool] = lambda _: True


TASKS = {
    "Group": Task(make_group, "labels"),
    "Subgroup": Task(make_subgroup, "labels"),
    "Background": Task(make_background, "answers"),
    "SkinTone": Task(make_skin_tone, "answers", about=lambda emoji: bool(emoji.glyph.tone)),
    "Flag": Task(make_flag, "answers", about=lambda emoji: bool(emoji.glyph.country)),
    "I2T": Task(make_image_to_text),
    "T2I": Task(make_text_to_image),
    "Change": Task(make_change),
    "Side": Task(make_side),
}


def make_rows(name: str, album: Album, rows: int, rng: np.random.Generator) -> list[Row]:
    """Up to ``rows`` rows of a task. Evaluation: exactly as many, with distinct queries.

    Training rows are distinct as (query, target); there are fewer where the album has no more
    photos. Raises InputError when an evaluation data set cannot be filled.
    """
    task = TASKS[name]
    made: dict[tuple, Row] = {}
    for photo in album.stream(task.about, rows, rng):
        if len(made) == rows:
            break
        row = task.make(photo, album, rng)
        if row is not None:
            key = (row.text, row.path) + (() if album.limit is None else (row.target,))
            made.setdefault(key, row)
    if not made or (album.limit is None and len(made) < rows):
        raise InputError(
            f"task {name}: only {len(made)} of {rows} rows can be made from "
            f"{sum(map(task.about, album.emojis))} emoji; ask for fewer queries or more concepts"
        )
    return list(made.values())


def label_list(name: str, emojis: Sequence[Emoji], all_emojis: Sequence[Emoji]) -> list[str]:
    """The full list of candidates of a task with labels or answers, in a fixed order.

    Groups and subgroups are those of the whole selection; countries those of ``emojis``. All
    questions share one list, so that a query is answered only by understanding its question.
    """
    groups = sorted({emoji.glyph.group for emoji in all_emojis})
    if name == "Group":
        return groups
    if name == "Subgroup":
        return sorted({emoji.glyph.subgroup for emoji in all_emojis})
    countries = sorted({emoji.glyph.country for emoji in emojis} - {""})
    return [*BACKGROUNDS, *TONE_ANSWERS, *groups, *countries]
