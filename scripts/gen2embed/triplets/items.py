"""What a triplet consists of: an item (texts and images), and when two items are the same."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

GRAM = 4  # characters
WORD = r"-(?=\d)|[\w+#%$€£]+"


class Item(NamedTuple):
    """A text ("" = none) and images: paths, or digests of stored bytes."""

    text: str
    images: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        return not self.text.strip() and not self.images


class Row(NamedTuple):
    """One line of a triplet file.

    scores: of the positives and of the negatives, one each, None where the file has none.
    """

    query: Item
    positives: tuple[Item, ...]
    negatives: tuple[Item, ...]
    positive_scores: tuple[float, ...] | None = None
    negative_scores: tuple[float, ...] | None = None


def folded(text: str) -> str:
    """Without case, width, accents' coding and punctuation; words apart by one space.

    Signs that make another word stay (C, C++, C#; 5, -5, 5 %), and so does a text of punctuation
    alone.
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.findall(WORD, plain)) or plain.strip()


def key(item: Item) -> Item:
    """What two items share that differ in writing alone."""
    return Item(folded(item.text), item.images)


def grams(text: str) -> frozenset[str]:
    """Runs of ``GRAM`` characters of a folded text; of a shorter one the text itself."""
    return frozenset(text[at : at + GRAM] for at in range(max(1, len(text) - GRAM + 1)))


def jaccard(first: frozenset[str], second: frozenset[str]) -> float:
    """Shared among all: 0 to 1; 0 where both are empty (Jaccard 1912)."""
    either = len(first | second)
    return len(first & second) / either if either else 0.0


def near(first: Item, second: Item, least: float) -> bool:
    """Equal images, and texts that share ``least`` of their grams when folded.

    Numbers must be the same: "2 cats" and "3 cats" are far apart, however long the rest is.
    """
    if first.images != second.images:
        return False
    texts = folded(first.text), folded(second.text)
    numbers = [re.findall(r"\d+", text) for text in texts]
    return numbers[0] == numbers[1] and jaccard(*map(grams, texts)) >= least


def words(items: Sequence[Item]) -> frozenset[str]:
    return frozenset(word for item in items for word in folded(item.text).split())
