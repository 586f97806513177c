"""The paper's hyper-parameters beside an experiment's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from gen2embed.errors import InputError
from gen2embed.evaluation.published import paper_settings
from gen2embed.reporting.tables.published_scores import MARK


def settings_beside(config: Mapping[str, Any], source: str) -> pd.DataFrame:
    """setting, paper, unit, key, here (texts), one row per hyper-parameter of the paper.

    config: the whole configuration; source: its file, for the error. Raises InputError for a key
    that the configuration has not.
    """
    frame = paper_settings()
    values = [_written(key, _look_up(config, key, source)) for key in frame["key"]]
    return frame.assign(here=values)


def shown_settings(frame: pd.DataFrame) -> pd.DataFrame:
    """The same, as it is read: the paper's marked."""
    return pd.DataFrame(
        {
            "setting": frame["setting"],
            "paper": frame["paper"] + MARK,
            "here": frame["here"],
            "unit, remarks": frame["unit"],
            "key": frame["key"],
        }
    )


def _look_up(config: Mapping[str, Any], key: str, source: str) -> Any:
    """The value of a dotted key; InputError where the configuration has none."""
    value: Any = config
    for part in key.split("."):
        if not isinstance(value, Mapping) or part not in value:
            raise InputError(f"{source}: has no key {key}; give the whole configuration of a run")
        value = value[part]
    return value


def _written(key: str, value: Any) -> str:
    """A configuration value as it is read: yes and no; null is all rows, the model's own limit."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "the model's own" if key.endswith("_pixels") else "all"
    return str(value)
