"""Names, groups and skin tones of emoji, from Unicode's emoji-test.txt (UTS #51)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gen2embed.errors import InputError

EMOJI_TEST = Path(__file__).with_name("unicode") / "emoji-test.txt"
TONES = {"1f3fb": "light", "1f3fd": "medium", "1f3ff": "dark"}
UNUSED_TONES = frozenset({"1f3fc", "1f3fe"})
VARIATION_SELECTOR = "fe0f"
FLAG = "flag: "
_HEADING = re.compile(r"# (group|subgroup): (.+)")
_LINE = re.compile(r"([0-9A-F ]+?) *; *fully-qualified *# \S+ E[0-9.]+ (.+)")


@dataclass(frozen=True)
class EmojiEntry:
    """A fully-qualified emoji as Unicode lists it: lower-case code points, labels, its name."""

    codes: tuple[str, ...]
    group: str
    subgroup: str
    name: str


@dataclass(frozen=True)
class Glyph:
    """A picture that the benchmark can use.

    ``tone`` is "" (not a tone concept), "default", "light", "medium" or "dark"; ``country`` is ""
    for everything but country flags; all texts are cleaned (lower-case words).
    """

    codes: tuple[str, ...]
    name: str
    concept: str
    group: str
    subgroup: str
    tone: str
    country: str


def parse_emoji_test(lines: Iterable[str]) -> list[EmojiEntry]:
    """The fully-qualified emoji in file order; InputError if a name occurs before any group."""
    labels = {"group": "", "subgroup": ""}
    entries = []
    for number, line in enumerate(lines, start=1):
        if heading := _HEADING.match(line):
            labels[heading[1]] = heading[2].strip()
        elif found := _LINE.match(line):
            if not all(labels.values()):
                raise InputError(f"emoji-test.txt: line {number} stands before any subgroup")
            codes = tuple(found[1].lower().split())
            entries.append(EmojiEntry(codes, labels["group"], labels["subgroup"], found[2].strip()))
    return entries


def clean(name: str) -> str:
    """Lower-case ASCII words with single spaces: "Women’s room" -> "womens room"."""
    name = name.replace("&", " and ").replace("ß", "ss").lower()
    name = unicodedata.normalize("NFKD", name)
    name = re.sub(r"[’'.]", "", name)
    name = name.encode("ascii", "ignore").decode()
    return " ".join(re.findall(r"[a-z0-9]+", name))


def clean_name(name: str) -> str:
    """As ``clean``, with "flag: Belgium" read as "flag of belgium"."""
    return clean(name.replace(FLAG, "flag of ", 1) if name.startswith(FLAG) else name)


def _bare(codes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(code for code in codes if code != VARIATION_SELECTOR)


def plain_glyphs(entries: Iterable[EmojiEntry]) -> list[Glyph]:
    """Every emoji without a skin tone, keycaps left out, in file order."""
    glyphs = []
    for entry in entries:
        toned = any(code in TONES or code in UNUSED_TONES for code in entry.codes)
        if toned or entry.subgroup == "keycap":
            continue
        name = clean_name(entry.name)
        country = clean(entry.name.removeprefix(FLAG)) if entry.subgroup == "country-flag" else ""
        labels = (clean(entry.group), clean(entry.subgroup))
        glyphs.append(Glyph(entry.codes, name, name, *labels, "", country))
    return glyphs


def tone_forms(entries: Iterable[EmojiEntry]) -> dict[str, list[Glyph]]:
    """Concepts that come in a default, light, medium and dark form: concept -> the four forms.

    A toned emoji belongs to the emoji whose code points remain when its one tone is taken out
    (variation selectors aside). Concepts in file order; forms in the order just named.
    """
    entries = list(entries)
    toned: dict[tuple[str, ...], dict[str, EmojiEntry]] = {}
    for entry in entries:
        tones = [code for code in entry.codes if code in TONES or code in UNUSED_TONES]
        if len(tones) == 1 and tones[0] in TONES:
            rest = _bare(tuple(code for code in entry.codes if code != tones[0]))
            toned.setdefault(rest, {})[TONES[tones[0]]] = entry
    forms = {}
    for entry in entries:
        variants = toned.get(_bare(entry.codes), {})
        if len(variants) == len(TONES):
            concept = clean_name(entry.name)
            forms[concept] = [
                Glyph(
                    form.codes,
                    f"{concept} with {tone} skin tone",
                    concept,
                    clean(entry.group),
                    clean(entry.subgroup),
                    tone,
                    "",
                )
                for tone, form in {"default": entry, **variants}.items()
            ]
    return forms


def load_entries() -> list[EmojiEntry]:
    """The entries of the file that is kept beside this module (Unicode's licence beside it)."""
    return parse_emoji_test(EMOJI_TEST.read_text(encoding="utf-8").splitlines())
