"""What job lists of several stages hold alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gen2embed.study.study import Study

Job = dict[str, Any]
LIMITS = ("min_pixels", "max_pixels")


def flags(values: Mapping[str, Any]) -> list[str]:
    """Command-line flags as words, to be quoted by the rule; of a list each value, no null.

    An empty text is joined to its flag: Snakemake quotes no empty word.
    """
    words: list[str] = []
    for key, value in values.items():
        flag = f"--{key.replace('_', '-')}"
        if value == "":
            words.append(f"{flag}=")
        elif value is not None:
            words += [flag, *map(str, value if isinstance(value, list | tuple) else [value])]
    return words


def without(settings: Mapping[str, Any], *keys: str) -> Job:
    return {key: value for key, value in settings.items() if key not in keys}


class JobsOf:
    """Of one study: what the stages share."""

    def __init__(self, study: Study):
        self.study = study
        self.paths = study.paths
        self.config = study.config

    def input_form(self) -> Job:
        """How items become inputs: the same in every stage."""
        form = dict(self.config["input"])
        return {"input_form": form.pop("form"), **form}

    def prompt_file(self) -> Job:
        """Further prompts, where the configuration names any."""
        return dict(zip(("prompt_file",), self.study.prompt_files, strict=False))

    def limits_of_adapter(self) -> Job:
        """An adapter's vectors are made within the pixel limits it was trained with."""
        limits = {key: self.config["train"][key] for key in LIMITS}
        return {key: value for key, value in limits.items() if value is not None}

    def _dose(self, hidden: float | None, subsets: Sequence[str]) -> Job:
        """What a program is told of known equivalences; files one a subset."""
        if hidden is None:
            return {}
        known = self.paths.equivalences("train", subsets)
        return {"equivalences": known, "hidden": hidden, "hidden_seed": self.config["seed"]}
