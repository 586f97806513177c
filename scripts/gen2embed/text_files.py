"""Reading text, YAML and JSON: one line for what is no file, damaged, or of another encoding. Ours.

Without pandas and pyarrow, since the workflow imports it; tables and arrays: ``files.py``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from typing import Any

import yaml

from gen2embed.errors import InputError
from gen2embed.outputs import check_utf8, fault_of, os_errors

LONG = 300  # digits: a longer number is beyond every float
MOST = 1_000_000  # values of a YAML file, those that aliases stand for among them


@contextmanager
def reading(path: str | Path, what: str) -> Iterator[None]:
    """Raise InputError for no regular file, and for whatever a library makes of damaged bytes.

    what: the format. Only calls of the library that reads it belong into the block: everything
    that they raise is taken for the file's fault.
    """
    check_file(path)
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        fault = fault_of(error) if isinstance(error, OSError) and error.errno else None
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(
            fault or f"{path}: is not a readable {what} file ({reason}); write or fetch it again"
        ) from None


def check_file(path: str | Path) -> None:
    """Raise InputError for what is no regular file: absent, a folder, a pipe, a device."""
    with os_errors(path):
        if "\0" in str(path) or not Path(path).exists():
            raise InputError(f"{path}: no such file")
        check_utf8(path)
        if not Path(path).is_file():
            raise InputError(f"{path}: is no regular file")


def read_text(path: str | Path) -> str:
    """A text file: UTF-8, with or without a byte-order mark; line ends become line feeds."""
    with reading(path, "UTF-8 text"):
        return Path(path).read_text(encoding="utf-8-sig")


def read_yaml(path: str | Path) -> Any:
    text = read_text(path)
    with reading(path, "YAML"):
        value = yaml.safe_load(text)
        _values(value, {})
        return value


def read_json(path: str | Path) -> Any:
    """Raises InputError, too, for NaN and the infinities, which JSON does not have."""
    text = read_text(path)
    with reading(path, "JSON"):
        return parse_json(text)


def read_json_object(path: str | Path, *keys: str) -> dict[str, Any]:
    """A JSON object that has these keys."""
    value = read_json(path)
    if not isinstance(value, dict):
        raise InputError(f"{path}: holds no JSON object; write it again")
    missing = [key for key in keys if key not in value]
    if missing:
        raise InputError(f"{path}: {missing[0]!r} is missing; see docs/data_dictionary.md")
    return value


def check_numbers(path: str | Path, value: Any, keys: Iterable[str]) -> None:
    """Raise InputError for no object, or the first of these keys that is missing or no number."""
    if not isinstance(value, dict):
        raise InputError(f"{path}: is no JSON object; see docs/data_dictionary.md")
    for key in keys:
        found = value.get(key)
        if isinstance(found, bool) or not isinstance(found, int | float):
            shown = "missing" if key not in value else f"{found!r:.40}, no number"
            raise InputError(f"{path}: {key!r} is {shown}; see docs/data_dictionary.md")


def read_json_lines(path: str | Path, *keys: str) -> list[Any]:
    """A value of each line; keys: numbers that each must hold, as an object, if any are named."""
    lines = [line for line in read_text(path).split("\n") if line.strip()]
    with reading(path, "JSON lines"):
        values = [parse_json(line) for line in lines]
    for number, value in enumerate(values, start=1):
        if keys and not isinstance(value, dict):
            raise InputError(f"{path}: line {number} is no JSON object; write it again")
        if keys:
            check_numbers(f"{path}: line {number}", value, keys)
    return values


def parse_json(text: str) -> Any:
    """Raises ValueError for what JSON has not, or no file in UTF-8 could hold again.

    NaN and the infinities, also as numbers beyond all (1e999), and halves of a character (\\ud800).
    """
    value = json.loads(text, parse_constant=_no_number, parse_float=_finite, parse_int=_whole)
    if "\\u" in text:
        _values(value, {})
    return value


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _finite(digits: str) -> float:
    value = float(digits)
    if not isfinite(value):
        _no_number(f"{digits:.40}")
    return value


def _whole(digits: str) -> int:
    if len(digits) > LONG:
        _no_number(f"{digits:.40} ...")
    return int(digits)


def _values(value: Any, known: dict[int, int]) -> int:
    """How many values a tree has, its aliases written out.

    Raises ValueError for more than ``MOST``, for what holds itself, and for half a character.
    """
    if isinstance(value, str):
        value.encode()
    if not isinstance(value, dict | list):
        return 1
    if known.setdefault(id(value), -1) == 0:
        raise ValueError("a value holds itself")
    if known[id(value)] < 0:
        known[id(value)] = 0
        inner = [*value, *value.values()] if isinstance(value, dict) else value
        count = 1 + sum(_values(entry, known) for entry in inner)
        if count > MOST:
            raise ValueError(f"its aliases stand for more than {MOST} values")
        known[id(value)] = count
    return known[id(value)]
