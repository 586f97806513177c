"""Published scores of MMEB and SugarCrepe, as data with sources: read, never measured here.

``scores.csv``: model, backbone, params, setting, dataset_or_metatask, score (percent, as printed),
source. ``datasets.csv``: MMEB's 36 evaluation sets with meta-task and split. Both were collected
from papers, model cards and leaderboards; "NB" in a source is the collector's remark.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

AGGREGATE_NAMES = {
    "Classification": "classification",
    "VQA": "vqa",
    "Retrieval": "retrieval",
    "Grounding": "grounding",
    "IND": "ind",
    "OOD": "ood",
    "Overall": "all",
}


def published_scores() -> pd.DataFrame:
    """model, backbone, params, setting, name (data set or aggregate), score (percent), source."""
    path = Path(__file__).with_name("scores.csv")
    frame = pd.read_csv(path, keep_default_na=False, dtype=str, encoding="utf-8")
    frame = frame.rename(columns={"dataset_or_metatask": "name"})
    return frame.assign(
        score=frame["score"].astype(float), name=frame["name"].replace(AGGREGATE_NAMES)
    )


def mmeb_datasets() -> pd.DataFrame:
    """MMEB's register in the shape of ``aggregates.members``: part, name, meta_task, split."""
    path = Path(__file__).with_name("datasets.csv")
    frame = pd.read_csv(path, keep_default_na=False, dtype=str, encoding="utf-8")
    return frame.rename(columns={"dataset": "name"}).assign(part="eval")
