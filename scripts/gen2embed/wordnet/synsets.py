"""Synsets and what relates them; read from the extract ``wordnet.tsv`` beside this module.

The extract is made by ``scripts/extract_wordnet.py`` from WordNet 3.1 (licence: LICENSE.txt).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gen2embed.errors import InputError

COLUMNS = ("id", "class", "words", "gloss", "examples", "kinds", "parts", "similar", "antonyms")
EXTRACT = Path(__file__).with_name("wordnet.tsv")
BETWEEN = "|"


@dataclass(frozen=True)
class Antonym:
    """A word of a synset, and the word of another that is its opposite."""

    word: str
    of: str  # id of the other synset
    opposite: str


@dataclass(frozen=True)
class Synset:
    """A meaning: id (part of speech n, v or a, and WordNet's offset), words that have it.

    class_: lexicographer file, such as noun.animal; kinds: synsets that this is a kind of, at one
    step; parts: synsets that are parts of this; similar: adjectives close to it.
    """

    id: str
    class_: str
    words: tuple[str, ...]
    gloss: str
    examples: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    similar: tuple[str, ...] = ()
    antonyms: tuple[Antonym, ...] = ()

    @property
    def pos(self) -> str:
        return self.id[0]

    @property
    def word(self) -> str:
        """The most frequent one."""
        return self.words[0]


def as_lines(synsets: Iterable[Synset]) -> Iterator[str]:
    """Tab-separated, a head first; lists with bars between, antonyms as word>id>word."""
    yield "\t".join(COLUMNS)
    for synset in synsets:
        antonyms = [f"{two.word}>{two.of}>{two.opposite}" for two in synset.antonyms]
        lists = (synset.examples, synset.kinds, synset.parts, synset.similar, antonyms)
        cells = [
            synset.id,
            synset.class_,
            BETWEEN.join(synset.words),
            synset.gloss,
            *map(BETWEEN.join, lists),
        ]
        if any("\t" in cell or "\n" in cell for cell in cells):
            raise InputError(f"{synset.id}: a tab or a line break cannot be written")
        yield "\t".join(cells)


def load_synsets(path: str | Path = EXTRACT) -> list[Synset]:
    """All synsets of an extract in its order. Raises InputError where it is none."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); make the extract again") from None
    rows = csv.reader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    if tuple(next(rows, ())) != COLUMNS:
        raise InputError(f"{path}: is no extract of WordNet; its head must be {' '.join(COLUMNS)}")
    found = []
    for number, row in enumerate(rows, start=1):
        if len(row) != len(COLUMNS):
            raise InputError(f"{path}: row {number}: {len(row)} cells, not {len(COLUMNS)}")
        name, class_, words, gloss, *lists = row
        split = [tuple(cell.split(BETWEEN)) if cell else () for cell in lists]
        antonyms = tuple(Antonym(*antonym.split(">")) for antonym in split.pop())
        found.append(Synset(name, class_, tuple(words.split(BETWEEN)), gloss, *split, antonyms))
    return found
