"""The configuration checked before anything runs: every fault as one line that names the key."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from jsonschema.exceptions import ValidationError

from gen2embed.errors import InputError
from gen2embed.models.pixel_limits import PixelLimits
from gen2embed.prompts.registry import load_prompts
from gen2embed.prompts.resolutions import get_resolution
from gen2embed.settings import SCHEMA, Validator, load_schema
from gen2embed.study.combinations import check_combinations
from gen2embed.text_files import read_yaml

MOST = 300  # letters of a fault as the schema words it
MOST_LISTED = (
    30  # known keys; of more their number is said, for the comments in config.yaml list them
)


def check_configuration(config: Mapping[str, Any], schema: str | Path) -> None:
    """Raise InputError for the first fault: unknown key, wrong type or range, unknown name.

    ``schema`` is the JSON schema (YAML) of the configuration. Names are looked up in the
    library's registries.
    """
    rules = load_schema(Path(schema))
    _check_keys(config)
    faults = sorted(Validator(rules).iter_errors(dict(config)), key=_place)
    if faults:
        raise InputError(f"configuration: {_line_of(faults[0])}; see the comments in config.yaml")
    prompts = load_prompts(config["embed"]["prompt_file"] or None)
    for where, names in _prompt_names(config).items():
        for name in names:
            if name not in prompts:
                raise InputError(
                    f"configuration: {where}: unknown prompt {name!r}; known: {', '.join(prompts)}"
                )
    for section, key in (
        ("embed", "resolution"),
        ("embed", "composition_resolution"),
        ("train", "resolution"),
    ):
        get_resolution(config[section][key])
    for section in ("embed", "train"):
        PixelLimits(config[section]["min_pixels"], config[section]["max_pixels"])
    check_combinations(config)


def read_configuration(path: str | Path) -> dict[str, Any]:
    """The whole configuration of an experiment, as it is kept with its results.

    Raises InputError for a file that is none.
    """
    config = read_yaml(path)
    if not isinstance(config, dict):
        raise InputError(f"{path}: is no configuration; run `snakemake --cores all` again")
    try:
        check_configuration(config, SCHEMA)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return config


def take_base(config: Mapping[str, Any]) -> list[str]:
    """Files named by an overlay's key ``base``, to be laid between config.yaml and the overlay.

    The first is laid first. Raises InputError for what is no list of YAML files that are there.
    """
    named = config.get("base", [])
    if not isinstance(named, list):
        raise InputError(f"configuration: base: {named!r} is no list; give [configs/shared/...]")
    for path in named:
        if not (isinstance(path, str) and path.endswith(".yaml") and Path(path).is_file()):
            raise InputError(f"configuration: base: {path!r} is no YAML file that is there")
    return named


def _check_keys(config: Mapping[str, Any], above: str = "") -> None:
    """YAML takes numbers, dates and true for keys; none of ours is one."""
    for key, value in config.items():
        if not isinstance(key, str):
            raise InputError(
                f"configuration: {above or 'the file'}: the key {key!r} is no text; remove it, or "
                "put it in quotes"
            )
        inner = value if isinstance(value, list) else [value]
        for section in inner:
            if isinstance(section, Mapping):
                _check_keys(section, f"{above}.{key}".lstrip("."))


def _prompt_names(config: Mapping[str, Any]) -> dict[str, list[str]]:
    return {
        "embed.prompts": config["embed"]["prompts"],
        "mine.prompt": [config["mine"]["prompt"]],
        "train.runs": [run["prompt"] for run in config["train"]["runs"]],
        "figures.umap_prompts": config["figures"]["umap_prompts"],
        "figures.analysis_prompts": config["figures"]["analysis_prompts"],
    }


def _place(fault: ValidationError) -> str:
    return ".".join(map(str, fault.absolute_path))


def _line_of(fault: ValidationError) -> str:
    key = _place(fault)
    if fault.validator == "additionalProperties":
        known = fault.schema["properties"]
        unknown = _short(sorted(set(fault.instance) - set(known))[0])
        near = get_close_matches(unknown, known, 1)
        listed = ", ".join(known) if len(known) <= MOST_LISTED else f"{len(known)} are known"
        hint = f"did you mean {near[0]!r}?" if near else f"known: {listed}"
        return f"unknown key {f'{key}.{unknown}'.lstrip('.')!r} ({hint})"
    if fault.validator == "required":
        return f"{key or 'the file'}: {fault.message}"
    if fault.validator in ("pattern", "maxLength") and "meaning" in fault.schema:
        return f"{key}: {_short(repr(fault.instance))} is not {fault.schema['meaning']}"
    return f"{key}: {_short(fault.message)}"


def _short(text: str) -> str:
    """Of one line, its middle left out where it is long."""
    line = " ".join(text.split())
    line = line if line.isprintable() else repr(line)
    return line if len(line) <= MOST else f"{line[: MOST - 120]} ... {line[-100:]}"
