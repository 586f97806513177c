"""Published scores of MMEB and SugarCrepe, as data with sources: read, never measured here.

``scores.csv``: model, backbone, params, setting, dataset_or_metatask, score (percent, as printed),
source, collected from papers, model cards and leaderboards; "NB" in a source is the collector's
remark. MMEB's 36 evaluation sets themselves are in the register of data (``data/registry.csv``).
``counterparts.csv``: which published system a run of ours repeats. ``paper_backbones.csv``: the
backbones of the paper, and the names under which others publish them. ``settings.csv``: the
paper's hyper-parameters, each with the key of the configuration that holds ours. ``data.csv``: how
much data published systems were trained on, where it is known.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import pandas as pd

from gen2embed.data.datasets import load_register

AGGREGATE_NAMES = {
    "Classification": "classification",
    "VQA": "vqa",
    "Retrieval": "retrieval",
    "Grounding": "grounding",
    "IND": "ind",
    "OOD": "ood",
    "Overall": "all",
}
ROWS = 1000  # queries of each of MMEB's evaluation sets


def published_scores() -> pd.DataFrame:
    """model, backbone, params, setting, name (data set or aggregate), score (percent), source."""
    frame = _read(Path(__file__).with_name("scores.csv"))
    frame = frame.rename(columns={"dataset_or_metatask": "name"})
    return frame.assign(
        score=frame["score"].astype(float), name=frame["name"].replace(AGGREGATE_NAMES)
    )


@cache
def published_names() -> dict[str, set[str]]:
    """The names of published systems (``model``) and of their backbones (``backbone``)."""
    with Path(__file__).with_name("scores.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {key: {row[key] for row in rows} - {""} for key in ("model", "backbone")}


def counterparts(stage: str) -> dict[str, str]:
    """Run (a prompt, or STRATEGY/PROMPT) -> published model; stage: zero_shot or fine_tuned."""
    frame = _read(Path(__file__).with_name("counterparts.csv"))
    of_stage = frame[frame["stage"] == stage]
    return dict(zip(of_stage["run"], of_stage["model"], strict=True))


def paper_backbones() -> dict[str, list[str]]:
    """The paper's backbones -> names of the same model in published tables."""
    frame = _read(Path(__file__).with_name("paper_backbones.csv"))
    return {row.backbone: row.published_as.split() for row in frame.itertuples()}


def paper_settings() -> pd.DataFrame:
    """The paper's hyper-parameters: setting, paper, unit, key (texts)."""
    return _read(Path(__file__).with_name("settings.csv"))


def published_data() -> pd.DataFrame:
    """Data of published trainings: model, backbone, rows, pairs_seen (NaN = unknown), note."""
    frame = _read(Path(__file__).with_name("data.csv"))
    for column in ("rows", "pairs_seen"):
        frame[column] = pd.to_numeric(frame[column])
    return frame


def mmeb_datasets() -> pd.DataFrame:
    """MMEB's 36 sets in the shape of ``aggregates.members``: part, name, meta_task, split."""
    entries = [entry.columns() for entry in load_register("mmeb") if entry.part == "eval"]
    return pd.DataFrame(entries)[["part", "name", "meta_task", "split"]]


def _read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, keep_default_na=False, dtype=str, encoding="utf-8")
