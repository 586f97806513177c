"""Princeton WordNet's database files, read and thinned out (their format: WordNet's wndb(5WN)).

Kept are synsets of nouns, verbs and adjectives that occur in WordNet's sense-tagged texts with at
least one word of plain small letters. A kind that is not kept is replaced by its own kinds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from gen2embed.errors import InputError
from gen2embed.wordnet.synsets import Antonym, Synset

FILES = {"n": "data.noun", "v": "data.verb", "a": "data.adj"}
SENSES = "index.sense"
POS_OF_SENSE = {"1": "n", "2": "v", "3": "a", "5": "a"}  # ss_type of a sense key
PLAIN = re.compile(r"[a-z]{2,}")
EXAMPLE = re.compile(r'"([^"]+)"')
CLASSES = (  # lexicographer files by number; wninput(5WN), lexnames(5WN)
    *("adj.all", "adj.pert", "adv.all", "noun.Tops", "noun.act", "noun.animal", "noun.artifact"),
    *("noun.attribute", "noun.body", "noun.cognition", "noun.communication", "noun.event"),
    *("noun.feeling", "noun.food", "noun.group", "noun.location", "noun.motive", "noun.object"),
    *("noun.person", "noun.phenomenon", "noun.plant", "noun.possession", "noun.process"),
    *("noun.quantity", "noun.relation", "noun.shape", "noun.state", "noun.substance", "noun.time"),
    *("verb.body", "verb.change", "verb.cognition", "verb.communication", "verb.competition"),
    *("verb.consumption", "verb.contact", "verb.creation", "verb.emotion", "verb.motion"),
    *("verb.perception", "verb.possession", "verb.social", "verb.stative", "verb.weather"),
    "adj.ppl",
)

Tags = Mapping[tuple[str, str], Mapping[str, int]]  # (pos, offset) -> word -> occurrences


@dataclass(frozen=True)
class Raw:
    """One line of a data file; its words in their order, such as they are written."""

    synset: Synset
    words: tuple[str, ...]
    antonyms: tuple[tuple[int, str, int], ...]  # number of a word here, id, number of a word there


def read_tags(lines: Iterable[str]) -> Tags:
    """How often each word of each synset occurs in the tagged texts."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    for line in lines:
        key, offset, _, count = line.split()
        word, rest = key.split("%", 1)
        pos = POS_OF_SENSE.get(rest[0])
        if pos is not None:
            found.setdefault((pos, offset), {})[word] = int(count)
    return found


def parse_line(line: str) -> Raw:
    """One synset of a data file. Raises InputError for a line of another form."""
    try:
        facts, text = line.split(" | ", 1)
        offset, number, pos, count, *fields = facts.split()
        pos = "a" if pos == "s" else pos
        end = 2 * int(count, 16)
        words = tuple(word.split("(")[0] for word in fields[:end:2])
        end_of_pointers = end + 1 + 4 * int(fields[end])
        pointers = [fields[at : at + 4] for at in range(end + 1, end_of_pointers, 4)]
        class_ = CLASSES[int(number)]
    except (ValueError, IndexError):
        raise InputError(f"{line[:60]!r}: is no synset of WordNet's data files") from None

    def linked(*symbols: str) -> tuple[str, ...]:
        # a relation to another part of speech is none of ours
        found = [pointer for pointer in pointers if pointer[0] in symbols and pointer[2] == pos]
        return tuple(_id(pointer[2], pointer[1]) for pointer in found)

    antonyms = tuple(
        (int(places[:2], 16), _id(part_of_speech, of), int(places[2:], 16))
        for symbol, of, part_of_speech, places in pointers
        if symbol == "!" and part_of_speech == pos
    )
    gloss, examples = split_gloss(text)
    synset = Synset(
        id=_id(pos, offset),
        class_=class_,
        words=words,
        gloss=gloss,
        examples=examples,
        kinds=linked("@", "@i"),
        parts=linked("%p"),
        similar=linked("&"),
    )
    return Raw(synset, words, antonyms)


def split_gloss(text: str) -> tuple[str, tuple[str, ...]]:
    """The definition, without what stands in quotes, and the example sentences that do."""
    definition = text.split('"')[0].strip().rstrip(";:").strip()
    examples = (" ".join(quoted.split()) for quoted in EXAMPLE.findall(text))
    return " ".join(definition.split()), tuple(example for example in examples if example)


def thin_out(raws: Iterable[Raw], tags: Tags) -> Iterator[Synset]:
    """Those that are kept, sorted by id, words by how often they occur, relations among them."""
    every = {raw.synset.id: raw for raw in raws}
    words = {}
    for name, raw in every.items():
        counts = tags.get((name[0], name[1:].zfill(8)), {})
        plain = [word for word in raw.words if PLAIN.fullmatch(word)]
        if any(counts.get(word, 0) for word in plain) and raw.synset.gloss:
            # a stable sort: words of one count stay in WordNet's order
            words[name] = tuple(sorted(plain, key=lambda word: -counts.get(word, 0)))

    def nearest(name: str, seen: frozenset[str]) -> Iterator[str]:
        for kind in every[name].synset.kinds:
            if kind in words:
                yield kind
            elif kind in every and kind not in seen:
                yield from nearest(kind, seen | {kind})

    for name in sorted(words, key=lambda name: (name[0], int(name[1:]))):
        raw = every[name]
        yield replace(
            raw.synset,
            words=words[name],
            kinds=tuple(dict.fromkeys(nearest(name, frozenset({name})))),
            parts=tuple(part for part in raw.synset.parts if part in words),
            similar=tuple(other for other in raw.synset.similar if other in words),
            antonyms=tuple(_antonyms(raw, every, words)),
        )


def _antonyms(
    raw: Raw, every: Mapping[str, Raw], words: Mapping[str, tuple[str, ...]]
) -> Iterator[Antonym]:
    """Of the words that are kept on both sides."""
    for place, antonym_id, antonym_place in raw.antonyms:
        if antonym_id in words:
            word, antonym = raw.words[place - 1], every[antonym_id].words[antonym_place - 1]
            if word in words[raw.synset.id] and antonym in words[antonym_id]:
                yield Antonym(word, antonym_id, antonym)


def _id(pos: str, offset: str) -> str:
    return f"{pos}{int(offset)}"
