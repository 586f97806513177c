"""Prompts as pure string functions over the registry ``prompts.yaml``.

Paper: number not known here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from gen2embed.below import check_name
from gen2embed.errors import InputError
from gen2embed.prompts.mark import IMAGE_MARK
from gen2embed.text_files import read_yaml

REGISTRY = Path(__file__).with_name("prompts.yaml")
ROLES = ("query", "target")
KINDS = ("with_image", "text_only")
MARK_AND_SPACE = re.compile(re.escape(IMAGE_MARK) + r"\s*")


@dataclass(frozen=True)
class Prompt:
    """One entry of the registry. ``systems[role]``: the system level, None for no system turn;
    ``closing[role][kind]``: the line after the data set's text."""

    name: str
    meaning: str
    systems: dict[str, str | None]
    closing: dict[str, dict[str, str]]

    @property
    def system(self) -> str | None:
        """The system level of both roles; InputError where queries and targets have their own."""
        if len(set(self.systems.values())) > 1:
            raise InputError(
                f"prompt {self.name!r} has a system level for each role; name the role"
            )
        return self.systems[ROLES[0]]


@dataclass(frozen=True)
class UserTurn:
    """The user level of one item, cut at the image: ``before`` + image + ``after`` + ``closing``.

    Without an image, ``before`` is empty and ``after`` holds the whole text, in which a mark that
    has no image is what stands for it, if anything does.
    """

    before: str
    after: str
    closing: str
    has_image: bool


def load_prompts(user_file: str | Path | None = None) -> dict[str, Prompt]:
    """The registry, extended (never overridden) by a user's file of the same form.

    Raises InputError when a file is not of that form or redefines a name.
    """
    prompts = dict(_shipped())
    if user_file is not None:
        extra = _read(Path(user_file))
        for name in extra:
            if name in prompts:
                raise InputError(
                    f"{user_file}: prompt {name!r} exists already; choose another name"
                )
        prompts |= extra
    return prompts


def get_prompt(name: str, user_file: str | Path | None = None) -> Prompt:
    prompts = load_prompts(user_file)
    if name not in prompts:
        raise InputError(f"unknown prompt {name!r}; known: {', '.join(prompts)}")
    return prompts[name]


@cache
def _shipped() -> dict[str, Prompt]:
    return _read(REGISTRY)


def _read(path: Path) -> dict[str, Prompt]:
    raw = read_yaml(path)
    if not isinstance(raw, dict):
        raise InputError(f"{path}: a prompt file maps names to prompts")
    return {
        check_name(str(name), path, "a prompt"): _prompt(path, str(name), entry)
        for name, entry in raw.items()
    }


def _prompt(path: Path, name: str, entry: Any) -> Prompt:
    try:
        closing = {role: {kind: entry[role][kind] for kind in KINDS} for role in ROLES}
        system, meaning = entry["system"], entry["meaning"]
        systems = {role: system[role] if isinstance(system, dict) else system for role in ROLES}
    except KeyError as error:
        raise InputError(f"{path}: prompt {name!r} lacks {error}; see {REGISTRY.name}") from None
    except TypeError:
        raise InputError(f"{path}: prompt {name!r} has not the form of {REGISTRY.name}") from None
    lines = [line for lines in closing.values() for line in lines.values()]
    if not all(isinstance(text, str) for text in [meaning, *lines]) or not all(
        level is None or (isinstance(level, str) and level) for level in systems.values()
    ):
        raise InputError(f"{path}: prompt {name!r}: texts are strings, `system` may be null")
    return Prompt(name, meaning, systems, closing)


def user_turn(
    prompt: Prompt, role: str, text: str, has_image: bool, without_image: str = ""
) -> UserTurn:
    """The user level of an item: the data set's text cut at its image mark, and the closing line.

    MMEB's ``<|image_1|>`` says where the image stands, white space kept; an image without a mark
    goes first. Where there is no image, as in rows of WebQA and EDIS, every mark becomes
    ``without_image`` (the model's image token, as the authors' program has it); "" takes it out
    with the white space behind it. Raises InputError for an unknown role, or an image and more
    than one mark.
    """
    if role not in ROLES:
        raise InputError(f"unknown role {role!r}; known: {', '.join(ROLES)}")
    if not has_image:
        after = (
            text.replace(IMAGE_MARK, without_image)
            if without_image
            else MARK_AND_SPACE.sub("", text)
        )
        return UserTurn("", after, prompt.closing[role]["text_only"], False)
    marks = text.count(IMAGE_MARK)
    if marks > 1:
        raise InputError(f"text holds {marks} image marks, but an item has one image: {text!r}")
    before, after = text.split(IMAGE_MARK) if marks else ("", text)
    return UserTurn(before, after, prompt.closing[role]["with_image"], True)
