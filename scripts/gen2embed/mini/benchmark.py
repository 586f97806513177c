"""The mini benchmark's data sets: rows of the nine tasks, seen and unseen concepts, candidates.

Which sets there are stands in ``datasets_mini.csv``: seven training subsets, and eighteen
evaluation sets: every task on seen and on unseen concepts. In distribution (IND) are the trained
tasks on seen concepts; out of distribution (OOD) the held-out tasks (Subgroup, Background) and
everything on unseen concepts.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from gen2embed.data.datasets import DataSetEntry
from gen2embed.errors import InputError
from gen2embed.mini.render import Canvas, Photo, PhotoRoll
from gen2embed.mini.selection import Emoji
from gen2embed.mini.tasks import ROWS_PER_EMOJI, TASKS, Album, Row, Target, label_list, make_rows

STREAM_ROWS = 20
TRAIN_COLUMNS = ("qry", "qry_image_path", "pos_text", "pos_image_path")


@dataclass(frozen=True)
class DataSet:
    """One data set: its entry in the register, its rows, and (evaluation) their candidates.

    candidates: per row, entry 0 the annotated target; concepts: per row, what it asks about; both
    empty in training.
    """

    entry: DataSetEntry
    rows: Sequence[Row]
    candidates: Sequence[Sequence[Target]] = field(default=())
    concepts: Sequence[str] = field(default=())

    def targets(self) -> list[Target]:
        """Every distinct target, in order of first appearance."""
        lists = self.candidates or [[row.target] for row in self.rows]
        return list(dict.fromkeys(target for offered in lists for target in offered))

    def register_row(self) -> dict[str, object]:
        return {**self.entry.columns(), "rows": len(self.rows)}


def _generator(seed: int, entry: DataSetEntry) -> np.random.Generator:
    return np.random.default_rng(
        [seed, STREAM_ROWS, zlib.crc32(f"{entry.part}/{entry.name}".encode())]
    )


def training_sets(
    register: Sequence[DataSetEntry],
    emojis: Sequence[Emoji],
    roll: PhotoRoll,
    photos_per_emoji: int,
    rows: int,
    seed: int,
    rows_per_emoji: int = ROWS_PER_EMOJI,
) -> list[DataSet]:
    """The training subsets of the register, of seen concepts only."""
    seen = [emoji for emoji in emojis if not emoji.unseen]
    album = Album(seen, roll, photos_per_emoji, rows_per_emoji)
    return [
        DataSet(entry, make_rows(entry.task, album, rows, _generator(seed, entry)))
        for entry in register
        if entry.part == "train"
    ]


def evaluation_sets(
    register: Sequence[DataSetEntry],
    emojis: Sequence[Emoji],
    roll: PhotoRoll,
    queries: int,
    candidates: int,
    seed: int,
) -> list[DataSet]:
    """The evaluation sets of the register, of seen or of unseen concepts, with candidates."""
    if candidates < 3:
        raise InputError(f"--candidates {candidates}: give at least 3")
    sets = []
    for entry in (entry for entry in register if entry.part == "eval"):
        chosen = [emoji for emoji in emojis if emoji.unseen == (entry.concepts == "unseen")]
        rng = _generator(seed, entry)
        album = Album(chosen, roll, None)
        rows = make_rows(entry.task, album, queries, rng)
        if TASKS[entry.task].answers == "drawn":
            offered = draw_candidates(rows, candidates, rng)
        else:
            offered = labels_first(rows, label_list(entry.task, chosen, emojis))
        concepts = [album.by_id[row.about].glyph.concept for row in rows]
        sets.append(DataSet(entry, rows, offered, concepts))
    return sets


def labels_first(rows: Iterable[Row], labels: Sequence[str]) -> list[list[Target]]:
    """Each row's annotated label, then all the others in the list's order."""
    targets = [Target(label) for label in labels]
    return [[row.target, *(target for target in targets if target != row.target)] for row in rows]


def draw_candidates(rows: Sequence[Row], most: int, rng: np.random.Generator) -> list[list[Target]]:
    """Each row's annotated target, its hard distractors, then others of the data set at random.

    A target that is as right as the annotated one is no candidate; none stands twice.
    """
    pool = list(dict.fromkeys(row.target for row in rows))
    offered = []
    for row in rows:
        chosen = dict.fromkeys([row.target, *row.hard])
        for place in rng.permutation(len(pool)).tolist():
            if len(chosen) >= most:
                break
            if not row.is_right(pool[place]):
                chosen[pool[place]] = None
        offered.append(list(chosen))
    return offered


def equivalences(dataset: DataSet) -> pd.DataFrame:
    """Known true positives beyond the annotated ones, among the data set's own targets.

    Columns row (int64), text, image_path; ordered by row, then by the target's first appearance.
    """
    return _shown(dataset, lambda row, target: target != row.target and row.is_right(target))


def minimal_pairs(dataset: DataSet) -> pd.DataFrame:
    """Targets that show what a query asks for, on another background than it asks for: wrong in
    this one thing. Columns and order as of ``equivalences``."""
    return _shown(dataset, lambda row, target: not row.is_right(target))


def _shown(dataset: DataSet, wanted: Callable[[Row, Target], bool]) -> pd.DataFrame:
    """The wanted ones of the data set's targets that show one of a query's emoji."""
    by_emoji: dict[int, list[Target]] = {}
    for target in dataset.targets():
        by_emoji.setdefault(target.emoji, []).append(target)
    found = [
        (number, target.text, target.path)
        for number, row in enumerate(dataset.rows)
        for emoji in sorted(row.emojis)
        for target in by_emoji.get(emoji, ())
        if wanted(row, target)
    ]
    frame = pd.DataFrame(found, columns=["row", "text", "image_path"])
    return frame.astype({"row": "int64", "text": "str", "image_path": "str"})


def training_frame(dataset: DataSet) -> pd.DataFrame:
    """MMEB's training schema."""
    rows = [(row.text, row.path, row.target.text, row.target.path) for row in dataset.rows]
    return pd.DataFrame(rows, columns=list(TRAIN_COLUMNS))


def alike(row: Row, offered: Iterable[Target]) -> int:
    """How many candidates show what the query shows (Side: in either half), the target included.

    Who sees what is shown and does not understand the instruction guesses among these.
    """
    return sum(
        candidate == row.target or candidate in row.hard or candidate.emoji in row.emojis
        for candidate in offered
    )


def evaluation_frame(dataset: DataSet) -> pd.DataFrame:
    """MMEB's evaluation schema, and what only a made benchmark knows of a row: its concept, and,
    where candidates were chosen to be alike (Change, Side), how many are."""
    frame = pd.DataFrame(
        {
            "qry_text": [row.text for row in dataset.rows],
            "qry_img_path": [row.path for row in dataset.rows],
            "tgt_text": [
                [candidate.text for candidate in offered] for offered in dataset.candidates
            ],
            "tgt_img_path": [
                [candidate.path for candidate in offered] for offered in dataset.candidates
            ],
            "concept": list(dataset.concepts),
        }
    )
    if any(row.hard for row in dataset.rows):
        asked = zip(dataset.rows, dataset.candidates, strict=True)
        frame["alike"] = [alike(row, offered) for row, offered in asked]
    return frame


def images_of(sets: Iterable[DataSet]) -> Iterator[Photo | Canvas]:
    """Every picture that the data sets show, once each, in order of first appearance."""
    seen = set()
    for dataset in sets:
        shown = [row.image for row in dataset.rows]
        shown += [target.image for target in dataset.targets()]
        for image in shown:
            if image is not None and image not in seen:
                seen.add(image)
                yield image


def generator_photos(
    emojis: Sequence[Emoji], roll: PhotoRoll, photos: int
) -> tuple[np.ndarray, pd.DataFrame]:
    """What the generator learns from: ``photos`` of every emoji, and one more to validate on.

    Its photos are of a stream of their own. All concepts are in it, held-out ones too: like a
    generator trained on the web, it knows things that fine-tuning never shows it.
    Returns uint8 (n, 72, 72, 3) and a row of facts per photo.
    """
    facts = []
    pictures = []
    for number in range(photos + 1):
        for emoji in emojis:
            photo = roll.photo(emoji.emoji_id, number)
            pictures.append(np.asarray(roll.render(photo)))
            glyph = emoji.glyph
            facts.append(
                {
                    "emoji_id": emoji.emoji_id,
                    "split": "train" if number < photos else "validation",
                    "name": glyph.name,
                    "concept": glyph.concept,
                    "group": glyph.group,
                    "subgroup": glyph.subgroup,
                    "tone": glyph.tone,
                    "country": glyph.country,
                    "background": photo.background,
                }
            )
    return np.stack(pictures), pd.DataFrame(facts)
