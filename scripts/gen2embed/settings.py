"""One declaration of a setting: the configuration's schema, from which programs take their flags.

``schemas/config.schema.yaml`` says of each key its type, range, meaning (``description``) and,
where a call by hand may leave it out, its ``default``. The workflow gives every value, so no
result depends on a default. Ours.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, TypeChecker, ValidationError
from jsonschema.validators import extend

from gen2embed.errors import InputError

NAME = "config.schema.yaml"
IN_THE_PACKAGE = Path(__file__).resolve().with_name(NAME)  # as a wheel has it
IN_THE_PROJECT = Path(__file__).resolve().parents[2] / "schemas" / NAME
SCHEMA = IN_THE_PACKAGE if IN_THE_PACKAGE.is_file() else IN_THE_PROJECT


def _is_integer(_checker: TypeChecker, value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(_checker: TypeChecker, value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


# 16.0 is no integer, and neither nan nor inf is a number
Validator = extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many(
        {"integer": _is_integer, "number": _is_number}
    ),
)


@cache
def load_schema(path: Path = SCHEMA) -> dict[str, Any]:
    """By libyaml where PyYAML has it: every program reads the schema, an eighth of its start."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506  # safe ones


@dataclass(frozen=True)
class Setting:
    """A key of the configuration as a program's flag."""

    section: str
    key: str
    flag: str
    schema: Mapping[str, Any]

    @property
    def types(self) -> tuple[str, ...]:
        kinds = self.schema.get("type", "string")
        return (kinds,) if isinstance(kinds, str) else tuple(kinds)

    @property
    def required(self) -> bool:
        return "default" not in self.schema

    def parse(self, word: str) -> Any:
        """A word of the command line as a value (of a list, one); what fits no type stays one."""
        kinds = (self.schema["items"]["type"],) if self.types == ("array",) else self.types
        for name, convert in (("integer", int), ("number", float)):
            if name in kinds:
                try:
                    return convert(word)
                except ValueError:
                    continue
        return word

    def check(self, value: Any) -> None:
        """Raise InputError, with the flag and what is allowed, for a value that is not."""
        fault = next(_faults(self.schema, value), None)
        if fault is not None:
            raise InputError(f"{self.flag} is {value}; {allowed(fault, self.schema)}")


def _faults(schema: Mapping[str, Any], value: Any) -> Iterator[ValidationError]:
    return Validator({**schema, "$defs": load_schema()["$defs"]}).iter_errors(value)


def allowed(fault: ValidationError, schema: Mapping[str, Any]) -> str:
    """What to give instead."""
    kinds = schema.get("type", ())
    kinds = (kinds,) if isinstance(kinds, str) else kinds
    whole = "a whole number" if "integer" in kinds else "a number"
    if "enum" in schema:
        return f"known: {', '.join(map(str, schema['enum']))}"
    bounds = [
        f"{word} {schema[name]}"
        for name, word in (
            ("minimum", "at least"),
            ("exclusiveMinimum", "more than"),
            ("maximum", "at most"),
            ("exclusiveMaximum", "less than"),
        )
        if name in schema
    ]
    if not {"integer", "number"} & set(kinds):
        return f"give {fault.message}"
    return f"give {whole}{', ' if bounds else ''}{', '.join(bounds)}"


def setting(section: str, key: str, flag: str | None = None) -> Setting:
    """A key of a section, or of one of its runs; KeyError for one that the schema lacks."""
    schema = load_schema()
    keys = schema["properties"][section]["properties"]
    found = (keys if key in keys else keys["runs"]["items"]["properties"])[key]
    if "$ref" in found:
        found = {**schema["$defs"][found["$ref"].rsplit("/", 1)[1]], **found}
        found.pop("$ref")
    return Setting(section, key, flag or f"--{key.replace('_', '-')}", found)


def default(section: str, key: str) -> Any:
    """What a call by hand that leaves a key out gets; KeyError where it may not."""
    return setting(section, key).schema["default"]


def add_settings(
    parser: argparse.ArgumentParser,
    section: str,
    keys: Sequence[str],
    flags: Mapping[str, str] | None = None,
) -> None:
    """A flag for each key, with the schema's type, range, help and default.

    flags: names that are not the key's own, such as ``{"form": "--input-form"}``. What a flag is
    given is checked by ``check_settings``.
    """
    for key in keys:
        found = setting(section, key, (flags or {}).get(key))
        options: dict[str, Any] = {"help": found.schema["description"]}
        if found.required:
            options["required"] = True
        else:
            options["default"] = found.schema["default"]
        if found.types == ("array",):
            options["nargs"] = "*"
        if found.types == ("boolean",):
            options["action"] = argparse.BooleanOptionalAction
        else:
            options["type"] = found.parse
            options["metavar"] = "|".join(found.schema.get("enum", ())) or None
        action = parser.add_argument(found.flag, **options)
        action.setting = found


def check_settings(parser: argparse.ArgumentParser, jobs: Sequence[argparse.Namespace]) -> None:
    """Raise InputError for the first value of a job that the schema does not allow."""
    for action in parser._actions:
        found = getattr(action, "setting", None)
        if found is None:
            continue
        for job in jobs:
            value = getattr(job, action.dest)
            if value is None and not found.required and found.schema["default"] is None:
                continue
            found.check(value)


def keys_of(section: str) -> list[str]:
    """All keys of a section, in the schema's order."""
    return list(load_schema()["properties"][section]["properties"])
