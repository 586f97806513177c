"""Which emoji the mini benchmark uses, and which concepts it holds out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gen2embed.errors import InputError
from gen2embed.mini.emoji import EmojiEntry, Glyph, plain_glyphs, tone_forms
from gen2embed.mini.graphics import (
    first_of_lookalikes,
    graphic_path,
    load_graphic,
    rms_distances,
    thumbnails,
)

# Grey levels (root mean square of small versions). Below LOOKALIKE two drawings are the same one
# or differ in a detail that nine image tokens cannot show (France and Clipperton Island: 0;
# Romania and Chad: 10.7). TONE_CONTRAST asks that a tone covers more than a sliver of the picture.
LOOKALIKE = 11.0
TONE_CONTRAST = 13.0
STREAM_SELECTION = 10


@dataclass(frozen=True)
class Emoji:
    """A selected emoji: its id (0..n-1, Unicode's order), what it is, whether it is held out."""

    emoji_id: int
    glyph: Glyph
    unseen: bool


def _eligible_tone_concepts(
    forms: Mapping[str, Sequence[Glyph]], kept: set[str], folder: Path
) -> list[str]:
    """Tone concepts that are no lookalike of another emoji and whose four forms look different."""
    concepts = []
    for concept in sorted(kept & set(forms)):
        small = thumbnails([load_graphic(graphic_path(folder, f.codes)) for f in forms[concept]])
        distances = rms_distances(small, small)
        if distances[np.triu_indices(len(small), 1)].min() >= TONE_CONTRAST:
            concepts.append(concept)
    return concepts


def _held_out(
    concepts: Mapping[str, tuple[str, bool]], fraction: float, rng: np.random.Generator
) -> set[str]:
    """A fraction of the concepts of every (group, tone concept or not), at random."""
    strata: dict[tuple[str, bool], list[str]] = {}
    for concept in sorted(concepts):
        strata.setdefault(concepts[concept], []).append(concept)
    held: set[str] = set()
    for stratum in sorted(strata):
        members = strata[stratum]
        held.update(rng.permutation(members)[: round(fraction * len(members))].tolist())
    return held


def select_emoji(
    entries: Sequence[EmojiEntry],
    folder: Path,
    base_concepts: int,
    tone_concepts: int,
    unseen_fraction: float,
    seed: int,
) -> list[Emoji]:
    """Draw the concepts: ``base_concepts`` of one form, ``tone_concepts`` of four forms each.

    Lookalikes are removed first. The draw is at random over what remains; the held-out concepts
    are a fraction of each group, so that seen and unseen hold the same kinds of things.
    Raises InputError when more concepts are asked for than there are.
    """
    glyphs = plain_glyphs(entries)
    small = thumbnails([load_graphic(graphic_path(folder, glyph.codes)) for glyph in glyphs])
    kept = first_of_lookalikes([glyph.name for glyph in glyphs], small, LOOKALIKE)
    plain = {glyphs[i].concept: glyphs[i] for i in kept}
    forms = tone_forms(entries)
    rng = np.random.default_rng([seed, STREAM_SELECTION])
    eligible = _eligible_tone_concepts(forms, set(plain), folder)
    chosen_tones = set(_draw(eligible, tone_concepts, "tone-concepts", rng))
    rest = sorted(set(plain) - chosen_tones)
    chosen_base = set(_draw(rest, base_concepts, "base-concepts", rng))
    concepts = {c: (plain[c].group, c in chosen_tones) for c in chosen_tones | chosen_base}
    held = _held_out(concepts, unseen_fraction, rng)
    selected = []
    for glyph in plain.values():
        if glyph.concept in chosen_tones:
            selected += forms[glyph.concept]
        elif glyph.concept in chosen_base:
            selected.append(glyph)
    names = [glyph.name for glyph in selected]
    if len(set(names)) != len(names):
        doubled = next(name for name in names if names.count(name) > 1)
        raise InputError(f"emoji-test.txt: two selected emoji are called {doubled!r}")
    return [Emoji(i, glyph, glyph.concept in held) for i, glyph in enumerate(selected)]


def _draw(pool: Sequence[str], count: int, flag: str, rng: np.random.Generator) -> list[str]:
    if count > len(pool):
        raise InputError(f"--{flag} {count}: there are only {len(pool)}; ask for fewer")
    return rng.permutation(np.array(pool, dtype=object))[:count].tolist()
