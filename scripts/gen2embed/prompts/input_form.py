"""How an item becomes the model's input, one choice for a whole study: stock, or the authors'.

The authors' program puts the bare image token, without the model's vision start and end tokens; its
library looked for images behind the start token, found none, and numbered positions flat. Their
checkpoints were trained so. Embedding, mining, training and analysis all take these four settings
from one section of the configuration (``input``), and refuse files that were made with others.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from gen2embed.errors import InputError
from gen2embed.settings import add_settings, keys_of, setting

CHOICES = {key: tuple(setting("input", key).schema["enum"]) for key in keys_of("input")}
FLAGS = {"form": "input_form"}  # where a flag is not called as its setting is


@dataclass(frozen=True)
class InputForm:
    """form: markup and positions of images; mark_without_image: what an image mark becomes where
    the item has no image; truncate: what is cut from a prompt over the token limit; image_mode:
    which pixels of a file. Paper: authors, token, right, stored (its program, not its text).

    Raises InputError for an unknown choice.
    """

    form: str = "stock"
    mark_without_image: str = "token"
    truncate: str = "text"
    image_mode: str = "displayed"

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise InputError(
                    f"unknown {name} {getattr(self, name)!r}; known: {', '.join(choices)}"
                )

    @property
    def wrapped(self) -> bool:
        """Whether images stand between the model's vision start and end tokens."""
        return self.form == "stock"

    @property
    def flat(self) -> bool:
        """Whether positions are 0, 1, 2, ... on all axes, whatever is an image."""
        return self.form == "authors"


STOCK = InputForm()


def add_flags(parser: argparse.ArgumentParser) -> None:
    add_settings(parser, "input", keys_of("input"), {"form": "--input-form"})


def form_of(job: argparse.Namespace) -> InputForm:
    """The form that a program's flags name."""
    return InputForm(
        **{
            field.name: getattr(job, FLAGS.get(field.name, field.name))
            for field in fields(InputForm)
        }
    )


def form_facts(form: InputForm) -> dict[str, str]:
    """For manifests and cards."""
    return asdict(form)


def check_same(
    first: Mapping[str, Any] | None, second: Mapping[str, Any] | None, which: str
) -> None:
    """Raise InputError where two stages' inputs had different forms; unknown (None) fits any.

    which: names both files, such as "a.npy and b.npy".
    """
    if not first or not second:
        return
    for name in CHOICES:
        value, of_second = first.get(name), second.get(name)
        if value is not None and of_second is not None and value != of_second:
            raise InputError(
                f"{which}: made with other inputs ({name}: {value} and {of_second}); one study has "
                "one form of input: make both with the same settings (section input of the "
                "configuration)"
            )
