"""The text benchmark's data sets: rows of the nine tasks, seen and unseen words, candidates.

Which sets there are stands in ``datasets_wordnet.csv``. A share of all words is unseen: no training
row asks about one or has one for an answer. In distribution (IND) are the trained tasks on meanings
whose words are all seen, though no question of training is asked again; out of distribution (OOD)
the same tasks on meanings whose words are all unseen, and the tasks that are never trained.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from gen2embed.data.datasets import DataSetEntry
from gen2embed.errors import InputError
from gen2embed.wordnet.lexicon import Lexicon, share_of
from gen2embed.wordnet.tasks import TASKS, WORDINGS, Question, class_label, questions

STREAM_ROWS = 30
TRAINED_SHARE = 0.5  # of the questions about seen words; the rest is asked in evaluation
TRAIN_COLUMNS = ("qry", "qry_image_path", "pos_text", "pos_image_path")


@dataclass(frozen=True)
class Row:
    """A question in one wording, with its annotated answer."""

    text: str
    target: str
    question: Question

    def is_right(self, target: str) -> bool:
        return target == self.target or target in self.question.right


@dataclass(frozen=True)
class TextSet:
    """One data set; candidates (evaluation alone): per row, entry 0 the annotated answer."""

    entry: DataSetEntry
    rows: Sequence[Row]
    candidates: Sequence[Sequence[str]] = field(default=())

    def targets(self) -> list[str]:
        """Every distinct target, in order of first appearance."""
        lists = self.candidates or [[row.target] for row in self.rows]
        return list(dict.fromkeys(target for shown in lists for target in shown))

    def register_row(self) -> dict[str, object]:
        return {**self.entry.columns(), "rows": len(self.rows)}


def spoken(sets: Sequence[TextSet], count: int) -> list[dict[str, object]]:
    """Questions that are answered with a word, as many of each data set: task, text, right.

    To be asked of a generator in words; right: every right answer, sorted.
    """
    worded = [
        dataset
        for dataset in sets
        if TASKS[dataset.entry.task].words and dataset.entry.concepts != "unseen"
    ]
    per_set = -(-count // len(worded))
    rows = [(dataset.entry.task, row) for dataset in worded for row in dataset.rows[:per_set]]
    return [
        {"task": task, "text": row.text, "right": sorted({row.target, *row.question.right})}
        for task, row in rows[:count]
    ]


def _generator(seed: int, entry: DataSetEntry) -> np.random.Generator:
    name = f"{entry.part}/{entry.name}"
    return np.random.default_rng([seed, STREAM_ROWS, zlib.crc32(name.encode())])


def is_trained(task: str, question: Question, seed: int) -> bool:
    """Whether a question about seen words is one of training; the others are evaluation's."""
    return share_of(seed, "row", task, *question.key) < TRAINED_SHARE


def chosen(
    entry: DataSetEntry, lexicon: Lexicon, asked: Iterable[Question], seed: int
) -> list[Question]:
    """Those that the data set may ask; in training with those answers alone that are seen."""
    found = []
    for question in asked:
        group = lexicon.group(lexicon.by_id[question.about])
        if entry.concepts not in ("any", group):
            continue
        if entry.concepts == "seen":
            trained = is_trained(entry.task, question, seed)
            if trained != (entry.part == "train"):
                continue
        if entry.part == "train" and TASKS[entry.task].words:
            seen = tuple(answer for answer in question.answers if not lexicon.is_unseen(answer))
            question = replace(question, answers=seen)
        if question.answers:
            found.append(question)
    return found


def training_sets(
    register: Sequence[DataSetEntry], lexicon: Lexicon, rows: int, seed: int
) -> list[TextSet]:
    """Every question in each of its wordings; the answers take turns.

    So one question is asked by several rows, with other right answers where there are any.
    """
    sets = []
    for entry in (entry for entry in register if entry.part == "train"):
        rng = _generator(seed, entry)
        wordings = len(WORDINGS[entry.task])
        asked = chosen(entry, lexicon, questions(entry.task, lexicon), seed)
        made = []
        for index in _drawn(asked, -(-rows // wordings), rng, by_twos=TASKS[entry.task].pair):
            question = asked[index]
            for wording in range(wordings):
                target = question.answers[wording % len(question.answers)]
                made.append(Row(question.text(entry.task, wording), target, question))
        # rows of one question do not stand together
        order = rng.permutation(len(made[:rows])).tolist()
        sets.append(TextSet(entry, [made[index] for index in order]))
    return sets


def _drawn(
    asked: Sequence[Question], count: int, rng: np.random.Generator, by_twos: bool
) -> list[int]:
    """Places of so many questions; by_twos: with one each that its wrong answer is right for."""
    order = rng.permutation(len(asked)).tolist()
    if not by_twos:
        return order[:count]
    by_answer = {asked[index].answers[0]: index for index in reversed(order)}
    taken: dict[int, None] = {}
    for index in order:
        other = next(
            (by_answer[answer] for answer in asked[index].wrong if answer in by_answer), None
        )
        if other is not None:
            taken |= {index: None, other: None}
    return list(taken)[:count]


def evaluation_sets(
    register: Sequence[DataSetEntry], lexicon: Lexicon, queries: int, candidates: int, seed: int
) -> list[TextSet]:
    """Distinct queries in one wording. Raises InputError where there are too few of them."""
    sets = []
    for entry in (entry for entry in register if entry.part == "eval"):
        rng = _generator(seed, entry)
        asked = chosen(entry, lexicon, questions(entry.task, lexicon), seed)
        if len(asked) < queries:
            raise InputError(
                f"{entry.name}: WordNet gives {len(asked)} of {queries} queries; ask for fewer"
            )
        places = rng.permutation(len(asked))[:queries].tolist()
        rows = [
            Row(asked[index].text(entry.task, 0), asked[index].answers[0], asked[index])
            for index in places
        ]
        sets.append(TextSet(entry, rows, offered(entry.task, rows, lexicon, candidates, rng)))
    return sets


def offered(
    task: str, rows: Sequence[Row], lexicon: Lexicon, most: int, rng: np.random.Generator
) -> list[list[str]]:
    """Each row's annotated answer, then: every label; the wrong one of two; or distractors.

    Distractors: one that is alike, then answers to other rows and their own distractors, at random.
    No candidate is as right as the annotated one; none stands twice.
    """
    if TASKS[task].labels:
        labels = sorted(
            {class_label(synset) for synset in lexicon.synsets if synset.pos != "a"} - {"tops"}
        )
        return [[row.target, *(label for label in labels if label != row.target)] for row in rows]
    if TASKS[task].pair:
        return [[row.target, row.question.wrong[0]] for row in rows]
    alike = [
        next((answer for answer in row.question.hard if not row.is_right(answer)), None)
        for row in rows
    ]
    pool = list(dict.fromkeys([*(row.target for row in rows), *filter(None, alike)]))
    lists = []
    for row, hard in zip(rows, alike, strict=True):
        found = dict.fromkeys([row.target, *([hard] if hard else [])])
        for index in rng.permutation(len(pool)).tolist():
            if len(found) >= most:
                break
            if not row.is_right(pool[index]):
                found[pool[index]] = None
        lists.append(list(found))
    return lists


def equivalences(dataset: TextSet) -> pd.DataFrame:
    """Right answers beyond the annotated ones, among the data set's own targets.

    Columns row (int64), text, image_path (""); ordered by row, then by the target's appearance.
    """
    return _among_targets(
        dataset, lambda row: [answer for answer in row.question.right if answer != row.target]
    )


def minimal_pairs(dataset: TextSet) -> pd.DataFrame:
    """Definitions of the word asked about that it does not have in this sentence, likewise."""
    return _among_targets(dataset, lambda row: row.question.wrong)


def _among_targets(dataset: TextSet, wanted: Callable[[Row], Iterable[str]]) -> pd.DataFrame:
    places = {target: index for index, target in enumerate(dataset.targets())}
    found = [
        (number, target, "")
        for number, row in enumerate(dataset.rows)
        for target in sorted({*wanted(row)} & places.keys(), key=places.__getitem__)
    ]
    frame = pd.DataFrame(found, columns=["row", "text", "image_path"])
    return frame.astype({"row": "int64", "text": "str", "image_path": "str"})


def training_frame(dataset: TextSet) -> pd.DataFrame:
    """MMEB's training schema."""
    rows = [(row.text, "", row.target, "") for row in dataset.rows]
    return pd.DataFrame(rows, columns=list(TRAIN_COLUMNS))


def evaluation_frame(dataset: TextSet) -> pd.DataFrame:
    """MMEB's evaluation schema, and the meaning that each row asks about, as its concept."""
    return pd.DataFrame(
        {
            "qry_text": [row.text for row in dataset.rows],
            "qry_img_path": [""] * len(dataset.rows),
            "tgt_text": [list(shown) for shown in dataset.candidates],
            "tgt_img_path": [[""] * len(shown) for shown in dataset.candidates],
            "concept": [row.question.about for row in dataset.rows],
        }
    )
