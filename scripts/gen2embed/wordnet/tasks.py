"""The nine tasks of the text benchmark: from a synset to a question, with all its right answers.

| task | query | target | right besides the annotated one |
|---|---|---|---|
| GlossWord | a definition | a word that has this meaning | its other words |
| WordGloss | a word and its part of speech | a definition of it | those of its other meanings |
| Kind | a word and its definition | what it is a kind of | whatever that is a kind of, further up |
| Synonym | likewise | a word that means the same | the other words of this meaning |
| Class | likewise | WordNet's class of it | none: one label |
| Example | a sentence with a gap | the word that was there | the other words of its meaning |
| Sense | a word in a sentence | the definition it has there | none: its others are wrong |
| Part | a word and its definition | a part of it | its other parts, and theirs |
| Antonym | likewise | its opposite | what means the same as that, or is similar |

Instructions are worded as MMEB words its own; training has each question in several wordings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache

from gen2embed.wordnet.lexicon import POS_NAMES, Lexicon
from gen2embed.wordnet.synsets import Synset

GAP = "___"
HELD = "{word} ({pos}: {gloss})"
WORDINGS = {  # the first is that of evaluation
    "GlossWord": (
        "Find the word that has the given meaning: {gloss}",
        "Which word is defined like this? {gloss}",
        "Name the word for this definition: {gloss}",
    ),
    "WordGloss": (
        "Find the definition of the given word: {word} ({pos})",
        "What does this word mean? {word} ({pos})",
        "Give the meaning of the word: {word} ({pos})",
    ),
    "Kind": (
        f"Find the more general word for the given word: {HELD}",
        f"What is this a kind of? {HELD}",
        f"Name what the given word is one kind of: {HELD}",
    ),
    "Synonym": (
        f"Find another word with the same meaning as the given word: {HELD}",
        f"Which word can replace this one? {HELD}",
        f"Name a synonym of the given word: {HELD}",
    ),
    "Class": (
        f"Identify the category of the given word: {HELD}",
        f"Which class of words does this one belong to? {HELD}",
        f"Classify the given word: {HELD}",
    ),
    "Example": (
        "Find the word that fills the gap in the given sentence: {sentence}",
        "Which word is missing here? {sentence}",
        "Complete the sentence with one word: {sentence}",
    ),
    "Sense": (
        "Find the meaning that the word {word} has in the given sentence: {sentence}",
        "What does {word} mean here? {sentence}",
        "Select the definition of {word} that fits this sentence: {sentence}",
    ),
    "Part": (f"Find a part of the given thing: {HELD}",),
    "Antonym": (f"Find the opposite of the given word: {HELD}",),
}


@dataclass(frozen=True)
class Question:
    """What one question shows, and how it is answered.

    about: id of the synset asked about; shown: values of the wordings; answers: those that may be
    annotated, the best first; right: every right answer; wrong: answers that are wrong in one
    thing, another meaning of the word asked about; hard: other distractors, alike.
    """

    about: str
    shown: Mapping[str, str]
    answers: tuple[str, ...]
    right: frozenset[str]
    wrong: tuple[str, ...] = ()
    hard: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, ...]:
        """What is asked, whatever the wording."""
        return tuple(self.shown.values())

    def text(self, task: str, wording: int) -> str:
        return WORDINGS[task][wording].format(**self.shown)


def _hides(text: str, answers: Iterator[str] | tuple[str, ...]) -> tuple[str, ...]:
    """The answers that do not stand in the text, nor a form of them."""
    return tuple(
        dict.fromkeys(
            answer
            for answer in answers
            if not re.search(rf"\b{re.escape(answer)}", text, re.IGNORECASE)
        )
    )


def _held(synset: Synset) -> dict[str, str]:
    return {"word": synset.word, "pos": POS_NAMES[synset.pos], "gloss": synset.gloss}


def _near(lexicon: Lexicon, synset: Synset) -> tuple[str, ...]:
    return tuple(word for sibling in lexicon.siblings(synset) for word in sibling.words)


def gloss_to_word(lexicon: Lexicon, synset: Synset) -> Iterator[Question]:
    if _hides(synset.gloss, synset.words) == synset.words:
        shown = {"gloss": synset.gloss}
        right = frozenset(synset.words)
        yield Question(synset.id, shown, synset.words, right, hard=_near(lexicon, synset))


def word_to_gloss(lexicon: Lexicon, synset: Synset) -> Iterator[Question]:
    """Asked once for all meanings of a word: by the first of them in the lexicon's order."""
    senses = lexicon.by_word[synset.pos, synset.word]
    if senses[0] is not synset:
        return
    glosses = tuple(sense.gloss for sense in senses)
    near = tuple(sibling.gloss for sibling in lexicon.siblings(synset))
    shown = {"word": synset.word, "pos": POS_NAMES[synset.pos]}
    yield Question(synset.id, shown, glosses, frozenset(glosses), hard=near)


def word_to_kind(lexicon: Lexicon, synset: Synset) -> Iterator[Question]:
    kinds = tuple(word for name in synset.kinds for word in lexicon.by_id[name].words)
    every = frozenset(word for ancestor in lexicon.ancestors(synset) for word in ancestor.words)
    answers = tuple(word for word in _hides(synset.gloss, kinds) if word not in synset.words)
    if answers:
        near = _near(lexicon, synset)
        yield Question(synset.id, _held(synset), answers, every | {*kinds}, hard=near)


def word_to_synonym(lexicon: Lexicon, synset: Synset) -> Iterator[Question]:
    others = synset.words[1:]
    answers = tuple(word for word in _hides(synset.gloss, others) if not _alike(word, synset.word))
    if answers:
        right = frozenset(others)
        near = _near(lexicon, synset)
        yield Question(synset.id, _held(synset), answers, right, hard=near)


def _alike(word: str, second: str) -> bool:
    """Whether two words begin alike, such as grey and greyness: that is seen in their letters."""
    return word[:4] == second[:4]


def class_label(synset: Synset) -> str:
    return synset.class_.split(".")[1].lower()


def word_to_class(lexicon: Lexicon, synset: Synset) -> Iterator[Question]:  # noqa: ARG001
    label = class_label(synset)
    if synset.pos != "a" and label != "tops":
        yield Question(synset.id, _held(synset), (label,), frozenset({label}))


def sentences(synset: Synset) -> Iterator[tuple[str, str]]:
    """Example sentences with the word of the synset that stands in them once."""
    for sentence in synset.examples:
        for word in synset.words:
            if len(re.findall(rf"\b{word}\b", sentence)) == 1 and len(sentence.split()) > 2:
                yield sentence, word
                break


def sentence_to_word(lexicon: Lexicon, synset: Synset) -> Iterator[Question]:
    for sentence, word in sentences(synset):
        gapped = re.sub(rf"\b{word}\b", GAP, sentence)
        answers = (word, *(synonym for synonym in synset.words if synonym != word))
        if _hides(gapped, answers) == answers:
            near = _near(lexicon, synset)
            yield Question(
                synset.id, {"sentence": gapped}, answers, frozenset(synset.words), hard=near
            )
            return


def word_to_sense(lexicon: Lexicon, synset: Synset) -> Iterator[Question]:
    for sentence, word in sentences(synset):
        others = tuple(
            sense.gloss
            for sense in lexicon.by_word[synset.pos, word]
            if sense is not synset and sense.gloss != synset.gloss
        )
        if others:
            shown = {"word": word, "sentence": sentence}
            right = frozenset({synset.gloss})
            yield Question(synset.id, shown, (synset.gloss,), right, wrong=others)
            return


def word_to_part(lexicon: Lexicon, synset: Synset) -> Iterator[Question]:
    nearest = tuple(word for name in synset.parts for word in lexicon.by_id[name].words)
    every = frozenset(word for part in lexicon.parts(synset) for word in part.words)
    answers = _hides(synset.gloss, nearest)
    if answers:
        near = _near(lexicon, synset)
        yield Question(synset.id, _held(synset), answers, every | {*nearest}, hard=near)


def word_to_antonym(lexicon: Lexicon, synset: Synset) -> Iterator[Question]:
    own, every = lexicon.opposites(synset, synset.word)
    answers = tuple(word for word in _hides(synset.gloss, tuple(own)) if not _negates(word, synset))
    if answers:
        near = synset.words[1:] + _near(lexicon, synset)
        yield Question(synset.id, _held(synset), answers, frozenset(every), hard=near)


def _negates(word: str, synset: Synset) -> bool:
    """Whether two words differ by a prefix alone (un-, in-): that is seen in their letters."""
    return word.endswith(synset.word[-4:]) or _alike(word, synset.word)


@dataclass(frozen=True)
class Task:
    """How a data set is made. words: answers are words, which may be unseen; labels: candidates
    are the full list of labels; pair: they are the answer and one that is wrong in one thing."""

    ask: Callable[[Lexicon, Synset], Iterator[Question]]
    words: bool = False
    labels: bool = False
    pair: bool = False


TASKS = {
    "GlossWord": Task(gloss_to_word, words=True),
    "WordGloss": Task(word_to_gloss),
    "Kind": Task(word_to_kind, words=True),
    "Synonym": Task(word_to_synonym, words=True),
    "Class": Task(word_to_class, labels=True),
    "Example": Task(sentence_to_word, words=True),
    "Sense": Task(word_to_sense, pair=True),
    "Part": Task(word_to_part, words=True),
    "Antonym": Task(word_to_antonym, words=True),
}


@cache  # several data sets ask them
def questions(task: str, lexicon: Lexicon) -> list[Question]:
    """Every question of a task, in the lexicon's order.

    What is asked twice is one question: whatever is right for the one is right for the other.
    """
    found: dict[tuple[str, ...], Question] = {}
    for synset in lexicon.synsets:
        for question in TASKS[task].ask(lexicon, synset):
            before = found.get(question.key)
            if before is not None:
                right = before.right | question.right
                wrong = tuple(text for text in before.wrong if text not in right)
                question = replace(before, right=right, wrong=wrong)
            found[question.key] = question
    return list(found.values())
