"""The configuration checked before anything runs: every fault as one line that names the key."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from gen2embed.errors import InputError
from gen2embed.models.prompts import load_prompts
from gen2embed.models.resolutions import get_resolution


def check_configuration(config: Mapping[str, Any], schema: str | Path) -> None:
    """Raise InputError for the first fault: unknown key, wrong type or range, unknown name.

    ``schema`` is the JSON schema (YAML) of the configuration. Names are looked up in the
    library's registries.
    """
    rules = yaml.safe_load(Path(schema).read_text(encoding="utf-8"))
    faults = sorted(Draft202012Validator(rules).iter_errors(dict(config)), key=_place)
    if faults:
        raise InputError(f"configuration: {_said(faults[0])}; see the comments in config.yaml")
    prompts = load_prompts()
    for name in config["embed"]["prompts"]:
        if name not in prompts:
            raise InputError(
                f"configuration: embed.prompts: unknown prompt {name!r}; "
                f"known: {', '.join(prompts)}"
            )
    get_resolution(config["embed"]["resolution"])


def _place(fault: ValidationError) -> str:
    return ".".join(map(str, fault.absolute_path))


def _said(fault: ValidationError) -> str:
    place = _place(fault)
    if fault.validator == "additionalProperties":
        known = fault.schema["properties"]
        unknown = sorted(set(fault.instance) - set(known))[0]
        near = get_close_matches(unknown, known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
        return f"unknown key {f'{place}.{unknown}'.lstrip('.')!r} ({hint})"
    if fault.validator == "required":
        return f"{place or 'the file'}: {fault.message}"
    return f"{place}: {fault.message}"
