"""Chat-format instruction data for the generator, from the templates of instructions.yaml."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

TEMPLATES = Path(__file__).with_name("instructions.yaml")
STOP_WORDS = frozenset(
    "with and of the a an in on to for s over no not any other skin tone flag".split()  # noqa: SIM905
)
KIND_SHARES = {"image": 0.55, "text": 0.30, "pair": 0.15}
TURNS = {"image": (1, 2, 3), "text": (1, 1, 2), "pair": (1, 2)}
IMAGE = "<|vision_start|><|image_pad|><|vision_end|>"


@dataclass(frozen=True)
class Dialogue:
    """Photos side by side (none, one or two row numbers) and text segments (text, is answer)."""

    photos: tuple[int, ...]
    segments: tuple[tuple[str, bool], ...]


@dataclass
class Turn:
    """A question with its answer: ``kind`` names the template list it came from."""

    kind: str
    form: str
    question: str
    answer: str
    right_words: tuple[str, ...] = field(default=())


def content_words(text: str) -> list[str]:
    """Lower-case words without stop words; all words where nothing else remains."""
    words = re.findall(r"\w+", text.lower())
    return [word for word in words if word not in STOP_WORDS] or words


def load_templates() -> dict[str, Any]:
    return yaml.safe_load(TEMPLATES.read_text(encoding="utf-8"))


class Instructor:
    """Samples dialogues about a table of photos (columns of ``data/generator/photos.parquet``)."""

    def __init__(self, photos: pd.DataFrame, seed: int):
        self.photos = photos.to_dict("records")
        self.templates = load_templates()
        self.random = random.Random(seed)
        self.colours = sorted(photos["background"].unique())
        self.labels = self._label_texts(photos)

    def _label_texts(self, photos: pd.DataFrame) -> list[str]:
        columns = ["group", "subgroup", "country", "background"]
        texts = {text for column in columns for text in photos[column].unique() if text}
        return sorted(texts | set(self.templates["tones"].values()))

    def dialogue(self, kind: str | None = None) -> Dialogue:
        """One random dialogue, of the given kind ("image", "text", "pair") if any is given."""
        pick = self.random
        kind = kind or pick.choices(list(KIND_SHARES), list(KIND_SHARES.values()))[0]
        system_form = pick.choices(
            ["none", "any", "word", "name", "sentence"], [0.35, 0.2, 0.3, 0.05, 0.1]
        )[0]
        system = pick.choice(self.templates["systems"][system_form])
        asked = system_form if system_form in self.templates["forms"] else None
        photos, opening, turns = getattr(self, f"_{kind}")(asked)
        segments = [] if system is None else [(f"<|im_start|>system\n{system}<|im_end|>\n", False)]
        for number, turn in enumerate(turns):
            user = self._place(opening, turn.question) if number == 0 else turn.question
            segments += [
                (f"<|im_start|>user\n{user}<|im_end|>\n<|im_start|>assistant\n", False),
                (f"{turn.answer}<|im_end|>\n", True),
            ]
        return Dialogue(photos, tuple(segments))

    def _place(self, opening: str, question: str) -> str:
        if not question:
            return opening
        if self.random.random() < 0.85:
            return f"{opening}\n{question}"
        return f"{question}\n{opening}"

    def _image(self, asked: str | None) -> tuple[tuple[int, ...], str, list[Turn]]:
        row = self.random.randrange(len(self.photos))
        photo = self.photos[row]
        kinds = ["describe", "describe", "group", "subgroup", "background", "other_background"]
        kinds += ["tone", "tone"] * bool(photo["tone"]) + ["country"] * bool(photo["country"])
        chosen = self.random.sample(kinds, self.random.choice(TURNS["image"]))
        return (row,), IMAGE, [self.image_turn(photo, kind, asked) for kind in chosen]

    def _text(self, asked: str | None) -> tuple[tuple[int, ...], str, list[Turn]]:
        pick = self.random
        if pick.random() < 0.8:
            photo = pick.choice(self.photos)
            template = pick.choice(self.templates["texts"])
            name = photo["concept"] if "any skin tone" in template else photo["name"]
            colour = pick.choice(self.colours)
            text = template.format(name=name, color=colour)
            words, subject = self._words(photo), name
            if "{color}" in template and pick.random() < 0.3:
                words = [colour]
        else:
            text = subject = pick.choice(self.labels)
            words = content_words(text)
        turns = [
            self._turn("text", "describe", words, subject, "text_sentence", asked)
            for _ in range(pick.choice(TURNS["text"]))
        ]
        return (), text, turns

    def _pair(self, asked: str | None) -> tuple[tuple[int, ...], str, list[Turn]]:
        pick = self.random
        rows = (pick.randrange(len(self.photos)), pick.randrange(len(self.photos)))
        sides = pick.sample([0, 1], pick.choice(TURNS["pair"]))
        turns = [self.pair_turn(self.photos[rows[side]], side, asked) for side in sides]
        if pick.random() < 0.15:
            pair = " and ".join(self.photos[row]["name"] for row in rows)
            words = [word for row in rows for word in self._words(self.photos[row])]
            turns[0] = self._turn("pair", "both", words, pair, "sentence_plain", asked)
        return rows, IMAGE, turns

    def _words(self, photo: dict[str, str]) -> list[str]:
        """What a one-word answer may be: mostly the name, sometimes the kind or the group."""
        chance = self.random.random()
        if chance < 0.84:
            return content_words(photo["name"])
        return content_words(photo["subgroup"] if chance < 0.92 else photo["group"])

    def image_turn(self, photo: dict[str, str], kind: str, asked: str | None) -> Turn:
        """A question of the given kind about one photo."""
        if kind == "describe":
            return self._turn(
                "image", kind, self._words(photo), photo["name"], "sentence", asked, photo
            )
        if kind == "other_background":
            colour = self.random.choice(self.colours)
            words = [colour] if self.random.random() < 0.3 else self._words(photo)
            subject = f"{photo['name']} on a {colour} background"
            return self._turn(
                "image", kind, words, subject, "sentence_plain", asked, {"background": colour}
            )
        subject = photo[kind]
        words = [photo["tone"]] if kind == "tone" else content_words(subject)
        if kind == "tone":
            subject = self.templates["tones"][photo["tone"]]
        return self._turn("image", kind, words, subject, "answer_sentence", asked, photo)

    def pair_turn(self, photo: dict[str, str], side: int, asked: str | None) -> Turn:
        """A question about the left (0) or right (1) half of a canvas."""
        words = self._words(photo)
        return self._turn(
            "pair",
            "side",
            words,
            photo["name"],
            "sentence_plain",
            asked,
            side=("left", "right")[side],
        )

    def _turn(
        self,
        group: str,
        kind: str,
        words: list[str],
        subject: str,
        sentence: str,
        asked: str | None,
        photo: dict[str, str] | None = None,
        side: str = "",
    ) -> Turn:
        """Choose how the answer is asked for (system, user, second line, or not), and give it."""
        pick = self.random
        question = pick.choice(self.templates[group][kind])
        form, inline, line = asked, "", ""
        if asked is None and pick.random() < 0.6:
            form = pick.choices(["word", "name", "sentence"], [0.7, 0.15, 0.15])[0]
        if form is not None and (asked is None or pick.random() < 0.4):
            if "{form}" in question and pick.random() < 0.4:
                inline = " " + pick.choice(self.templates["forms"][form])
            else:
                line = "\n" + pick.choice(self.templates["form_lines"][form])
        if form is None:
            shares = self.templates["unasked"]
            form = pick.choices(list(shares), list(shares.values()))[0]
        colour = photo["background"] if photo else ""
        question = question.format(form=inline, color=colour, side=side) + line
        answer = self._answer(form, words, subject, sentence, colour)
        return Turn(kind, form, question.strip("\n"), answer, tuple(words))

    def _answer(self, form: str, words: list[str], subject: str, sentence: str, colour: str) -> str:
        answers = self.templates["answers"]
        if form == "word":
            return self.random.choice(words)
        described = sentence == "sentence"
        if form == "name":
            template = self.random.choice(answers["name" if described else "name_only"])
        else:
            choices = answers["sentence" if sentence == "sentence_plain" else sentence]
            choices = (
                choices if described else [choice for choice in choices if "{color}" not in choice]
            )
            template = self.random.choice(choices)
        return template.format(name=subject, color=colour)


def corpus(photos: pd.DataFrame) -> list[str]:
    """Every text the tokenizer must know: templates, names, labels."""
    texts = [TEMPLATES.read_text(encoding="utf-8"), "system user assistant left right \n"]
    for column in ("name", "concept", "group", "subgroup", "tone", "country", "background"):
        texts += sorted(photos[column].unique())
    return texts
