"""Result files as frames: the scores of a run (a model under a prompt) on all data sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gen2embed.errors import InputError
from gen2embed.evaluation.aggregates import mean_of_sets, members
from gen2embed.evaluation.paired import Difference, compare_paired
from gen2embed.files import read_csv, read_json, read_parquet

REGISTER = ("part", "name", "meta_task", "split", "rows")


@dataclass(frozen=True)
class Run:
    """All scores of one model under one prompt; mappings by evaluation data set."""

    name: str
    scores: Mapping[str, Mapping[str, Any]]
    hits: Mapping[str, np.ndarray]  # shape (n,): bool, or over seeds the share that hit
    row_ids: Mapping[str, np.ndarray]
    of_seeds: tuple[Run, ...] = ()  # where this is a mean over several: each of them

    @property
    def seeds(self) -> int:
        return max(1, len(self.of_seeds))

    def facts(self) -> dict[str, Any]:
        """What a caption must say of how the vectors were made (of the first data set's)."""
        manifest = next(iter(self.scores.values()))["manifest"]["query"] or {}
        names = ("model", "prompt", "resolution", "max_tokens", "dtype")
        return {name: manifest.get(name) for name in names}


def read_register(path: str | Path) -> pd.DataFrame:
    return read_csv(path, REGISTER)


def read_run(name: str, folder: str | Path, register: pd.DataFrame) -> Run:
    """Read scores and predictions of every evaluation set from one folder.

    Raises InputError when a score is missing or disagrees with its predictions.
    """
    scores, hits, row_ids = {}, {}, {}
    for dataset in register.loc[register["part"] == "eval", "name"]:
        path = Path(folder) / f"{dataset}.json"
        scores[dataset] = read_json(path)
        frame, _ = read_parquet(
            path.with_suffix(".predictions.parquet"), ["row_id", "rank_of_positive"]
        )
        hits[dataset] = (frame["rank_of_positive"] == 1).to_numpy()
        row_ids[dataset] = frame["row_id"].to_numpy()
        if abs(hits[dataset].mean() - scores[dataset]["value"]) > 1e-6:
            raise InputError(f"{path}: disagrees with its predictions; score it again")
    return Run(name, scores, hits, row_ids)


def over_seeds(name: str, runs: Sequence[Run]) -> Run:
    """Several seeds of one run as one: each query's share of seeds that hit it.

    Scores are the first seed's but for the value, which is the mean. InputError if rows differ.
    """
    first = runs[0]
    for run in runs[1:]:
        for dataset, rows in first.row_ids.items():
            if not np.array_equal(rows, run.row_ids[dataset]):
                raise InputError(f"{run.name}: scored on other rows of {dataset}; score it again")
    hits = {one: np.mean([run.hits[one] for run in runs], axis=0) for one in first.hits}
    scores = {
        one: {**score, "value": float(hits[one].mean())} for one, score in first.scores.items()
    }
    return Run(name, scores, hits, first.row_ids, tuple(runs) if len(runs) > 1 else ())


def aggregate(runs: Sequence[Run], register: pd.DataFrame) -> pd.DataFrame:
    """Means over data sets: run, aggregate, datasets, value, ci_low, ci_high, chance, seeds."""
    rows = []
    for run in runs:
        for name, names in members(register).items():
            value, low, high = mean_of_sets([run.hits[one] for one in names])
            chance = float(np.mean([run.scores[one]["chance"] for one in names]))
            rows.append((run.name, name, len(names), value, low, high, chance, run.seeds))
    columns = ["run", "aggregate", "datasets", "value", "ci_low", "ci_high", "chance", "seeds"]
    return pd.DataFrame(rows, columns=columns).round(9)


def per_dataset(runs: Sequence[Run], register: pd.DataFrame) -> pd.DataFrame:
    """One row per data set and run, with the score contract's numbers."""
    rows = []
    numbers = ("value", "ci_low", "ci_high", "value_index0", "ties", "n", "chance", "above_chance")
    for entry in register[register["part"] == "eval"].itertuples():
        for run in runs:
            score = run.scores[entry.name]
            rows.append(
                (entry.name, entry.meta_task, entry.split, run.name, *(score[x] for x in numbers))
            )
    return pd.DataFrame(rows, columns=["dataset", "meta_task", "split", "run", *numbers])


def compare(first: Run, second: Run, names: Sequence[str]) -> Difference:
    """Paired difference (first minus second) over data sets; InputError if rows differ."""
    for name in names:
        if not np.array_equal(first.row_ids[name], second.row_ids[name]):
            raise InputError(
                f"{first.name} and {second.name} were scored on different rows of {name}; "
                "score both again"
            )
    return compare_paired([first.hits[n] for n in names], [second.hits[n] for n in names])
