"""Types of flags that are no settings: numbers within their range, as argparse takes them. Ours.

What a flag is given besides ends in argparse's own line, which ``run_program`` prints.
"""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from collections.abc import Callable

WHOLE = re.compile("-?[0-9]{1,30}")
MOST = 2**31 - 1
MOST_SEED = 2**32 - 1  # numpy's and torch's old generators take no more


def whole(least: int = 1, most: int = MOST) -> Callable[[str], int]:
    """A whole number in digits, from ``least`` to ``most``."""

    def parse(word: str) -> int:
        if not WHOLE.fullmatch(word):
            raise ArgumentTypeError(f"is {word[:40]!r}; give a whole number")
        value = int(word)
        if value < least:
            wanted = f"at least {least}" if least else "0 or more"
            raise ArgumentTypeError(f"is {word}; give {wanted}")
        if value > most:
            raise ArgumentTypeError(f"is {word}; give at most {most}")
        return value

    return parse


seed = whole(0, MOST_SEED)


def share(word: str) -> float:
    """A number above 0 and below 1."""
    return _above_0(word, lambda value: value < 1, "below 1")


def rate(word: str) -> float:
    """A learning rate: above 0, at most 1."""
    return _above_0(word, lambda value: value <= 1, "at most 1")


def _above_0(word: str, fits: Callable[[float], bool], bound: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = 0.0
    if not (value > 0 and fits(value)):
        raise ArgumentTypeError(f"is {word[:40]}; give a number above 0, {bound}")
    return value
