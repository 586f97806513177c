"""What WordNet says of a word or a meaning, and which words training never shows."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from functools import cached_property

from gen2embed.wordnet.synsets import Synset

POS_NAMES = {"n": "noun", "v": "verb", "a": "adjective"}
SHARES = 10_000  # a share is drawn in ten thousandths


def share_of(seed: int, *names: str) -> float:
    """A number in [0, 1) that the seed and the names decide."""
    text = "/".join((str(seed), *names))
    return zlib.crc32(text.encode()) % SHARES / SHARES


class Lexicon:
    """Synsets by id and by word.

    unseen: share of the words that are held out of training.
    """

    def __init__(self, synsets: Iterable[Synset], unseen: float, seed: int):
        self.synsets = list(synsets)
        self.by_id = {synset.id: synset for synset in self.synsets}
        self._unseen, self._seed = unseen, seed

    @cached_property
    def by_word(self) -> dict[tuple[str, str], list[Synset]]:
        """(part of speech, word) -> its meanings."""
        found: dict[tuple[str, str], list[Synset]] = {}
        for synset in self.synsets:
            for word in synset.words:
                found.setdefault((synset.pos, word), []).append(synset)
        return found

    @cached_property
    def of_kind(self) -> dict[str, list[str]]:
        """Synset -> those that are a kind of it at one step."""
        found: dict[str, list[str]] = {}
        for synset in self.synsets:
            for kind in synset.kinds:
                found.setdefault(kind, []).append(synset.id)
        return found

    def is_unseen(self, word: str) -> bool:
        return share_of(self._seed, "word", word) < self._unseen

    def group(self, synset: Synset) -> str:
        """seen or unseen: all of its words are; "" where some are and some are not."""
        groups = {self.is_unseen(word) for word in synset.words}
        return {(True,): "unseen", (False,): "seen"}.get(tuple(groups), "")

    def ancestors(self, synset: Synset) -> list[Synset]:
        """All that it is a kind of, nearest first."""
        return self._reached(synset, lambda reached: reached.kinds)

    def parts(self, synset: Synset) -> list[Synset]:
        """Its parts, their parts, ..., nearest first."""
        return self._reached(synset, lambda reached: reached.parts)

    def siblings(self, synset: Synset) -> list[Synset]:
        """Others that are of one kind with it at one step; of adjectives those that are similar."""
        names = [name for kind in synset.kinds for name in self.of_kind[kind]]
        names += synset.similar
        return [self.by_id[name] for name in dict.fromkeys(names) if name != synset.id]

    def opposites(self, synset: Synset, word: str) -> tuple[list[str], list[str]]:
        """The word's own opposites; and all words that oppose the synset, these among them.

        Whatever means the same as an opposite of one of its words, or is similar to that.
        """
        own = [antonym.opposite for antonym in synset.antonyms if antonym.word == word]
        every = []
        for antonym in synset.antonyms:
            other = self.by_id[antonym.of]
            for opposite in (other, *(self.by_id[name] for name in other.similar)):
                every += opposite.words
        return own, list(dict.fromkeys([*own, *every]))

    def _reached(self, synset: Synset, further: Callable[[Synset], Iterable[str]]) -> list[Synset]:
        found: dict[str, None] = {}
        front = list(further(synset))
        while front:
            new = [name for name in dict.fromkeys(front) if name not in found]
            found |= dict.fromkeys(new)
            front = [name for reached in new for name in further(self.by_id[reached])]
        found.pop(synset.id, None)
        return [self.by_id[name] for name in found]
