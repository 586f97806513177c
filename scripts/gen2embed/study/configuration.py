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
from gen2embed.settings import Validator, load_schema
from gen2embed.study.runs import run_name


def check_configuration(config: Mapping[str, Any], schema: str | Path) -> None:
    """Raise InputError for the first fault: unknown key, wrong type or range, unknown name.

    ``schema`` is the JSON schema (YAML) of the configuration. Names are looked up in the
    library's registries.
    """
    rules = load_schema(Path(schema))
    faults = sorted(Validator(rules).iter_errors(dict(config)), key=_place)
    if faults:
        raise InputError(f"configuration: {_said(faults[0])}; see the comments in config.yaml")
    prompts = load_prompts()
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
    _check_training(config)
    _check_sources(config)


def _check_sources(config: Mapping[str, Any]) -> None:
    """What is downloaded and what is made here must fit each other."""
    if config["data"]["source"] != "mini" and config["model"]["name"] == "generator":
        raise InputError(
            "configuration: model.name: the generator is trained on the mini benchmark's photos "
            "(data.source: mini); name another model"
        )
    if config["mine"]["prompt"] not in config["embed"]["prompts"]:
        raise InputError(
            f"configuration: mine.prompt: {config['mine']['prompt']!r} is not among embed.prompts"
        )
    if config["mining_from"] == config["experiment"]:
        raise InputError(
            "configuration: mining_from: names this experiment; leave it empty to mine here"
        )


def _prompt_names(config: Mapping[str, Any]) -> dict[str, list[str]]:
    return {
        "embed.prompts": config["embed"]["prompts"],
        "mine.prompt": [config["mine"]["prompt"]],
        "train.runs": [run["prompt"] for run in config["train"]["runs"]],
        "figures.umap_prompts": config["figures"]["umap_prompts"],
        "figures.analysis_prompts": config["figures"]["analysis_prompts"],
    }


def _check_training(config: Mapping[str, Any]) -> None:
    mine, train = config["mine"], config["train"]
    for run in train["runs"]:
        if run["strategy"] not in mine["strategies"]:
            raise InputError(
                f"configuration: train.runs: {run['strategy']!r} is not among mine.strategies "
                f"({', '.join(mine['strategies'])}); add it there"
            )
        elsewhere = run["prompt"] != mine["prompt"] and run["strategy"] != "in_batch"
        if elsewhere and not train["allow_other_prompt"]:
            raise InputError(
                f"configuration: train.runs: {run['strategy']!r} is trained under "
                f"{run['prompt']!r} but mined under {mine['prompt']!r}; set "
                "train.allow_other_prompt if that is meant"
            )
    named = [(run_name(run, mine["k"], mine["m"]), run["prompt"]) for run in train["runs"]]
    for name, prompt in named:
        if named.count((name, prompt)) > 1:
            raise InputError(f"configuration: train.runs: {name}, {prompt} is there twice")
    if train["processes"] % train["nodes"]:
        raise InputError(
            f"configuration: train.processes: {train['processes']} is not a multiple of "
            f"train.nodes ({train['nodes']}); each node runs as many"
        )
    for key in ("checkpoints", "warm_up"):
        last = max([train[key]] if isinstance(train[key], int) else train[key], default=0)
        if last >= train["steps"]:
            raise InputError(
                f"configuration: train.{key}: {last} is not before the last step "
                f"(train.steps: {train['steps']})"
            )


def _place(fault: ValidationError) -> str:
    return ".".join(map(str, fault.absolute_path))


def _said(fault: ValidationError) -> str:
    key = _place(fault)
    if fault.validator == "additionalProperties":
        known = fault.schema["properties"]
        unknown = sorted(set(fault.instance) - set(known))[0]
        near = get_close_matches(unknown, known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
        return f"unknown key {f'{key}.{unknown}'.lstrip('.')!r} ({hint})"
    if fault.validator == "required":
        return f"{key or 'the file'}: {fault.message}"
    return f"{key}: {fault.message}"
