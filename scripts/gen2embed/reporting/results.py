"""Result files as frames: the scores of a run (a model under a prompt) on all data sets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gen2embed import register_file
from gen2embed.errors import InputError
from gen2embed.evaluation.aggregates import mean_of_sets, weights
from gen2embed.evaluation.paired import Difference, compare_paired, holm
from gen2embed.evaluation.score_files import read_score
from gen2embed.files import read_parquet
from gen2embed.origin import check_one_run, check_subset
from gen2embed.rows_taken import dropped_of

REGISTER = ("part", "name", "meta_task", "split", "rows")


@dataclass(frozen=True)
class Run:
    """All scores of one model under one prompt; mappings by evaluation data set.

    A data set that was not scored is missing from them; aggregates over it have no value.
    """

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
        score = next(iter(self.scores.values()))
        manifest = score["manifest"]["query"] or {}
        names = ("model", "revision", "prompt", "resolution", "max_tokens", "dtype", "input")
        names += ("trained_on",)
        return {name: manifest.get(name) for name in names} | (score.get("data") or {})

    def dropped(self) -> int:
        """Bad rows of all scored data sets that were left out: in no score."""
        return sum(dropped_of(score.get("data") or {}) for score in self.scores.values())

    def dropped_in_training(self) -> int:
        """Bad rows of all training subsets that the adapter was trained without; 0 without one."""
        return dropped_of(self.facts()["trained_on"] or {}) if self.scores else 0


def rows_of(score: Mapping[str, Any]) -> int:
    """Rows of a data set as they were taken: scored, without a vector, and dropped as bad."""
    return score["n"] + score["skipped_rows"] + dropped_of(score.get("data") or {})


def read_register(path: str | Path) -> pd.DataFrame:
    return register_file.read_register(path, REGISTER)


def read_run(name: str, folder: str | Path, register: pd.DataFrame) -> Run:
    """Read scores and predictions of the evaluation sets from one folder.

    Raises InputError when there is no score at all, or one disagrees with its predictions.
    """
    datasets = register.loc[register["part"] == "eval", "name"]
    scored = [dataset for dataset in datasets if (Path(folder) / f"{dataset}.json").is_file()]
    if not scored:
        raise InputError(f"{folder}: holds no score of any evaluation set; score some first")
    run = read_scores(name, folder, scored, "rank_of_positive", lambda rank: rank == 1)
    for dataset, score in run.scores.items():
        check_subset(Path(folder) / f"{dataset}.json", score, "its name", {"subset": dataset})
    return run


def read_scores(
    name: str,
    folder: str | Path,
    scored: Iterable[str],
    column: str,
    is_hit: Callable[[np.ndarray], np.ndarray],
) -> Run:
    """Scores and predictions by name; ``column`` of the predictions tells which rows are hits.

    Raises InputError when a score is missing or disagrees with its predictions.
    """
    scores, hits, row_ids = {}, {}, {}
    for score in scored:
        path = Path(folder) / f"{score}.json"
        scores[score] = read_score(path)
        frame, _ = read_parquet(path.with_suffix(".predictions.parquet"), ["row_id", column])
        hits[score] = is_hit(frame[column].to_numpy())
        row_ids[score] = frame["row_id"].to_numpy()
        if (
            len(frame) != scores[score]["n"]
            or abs(hits[score].mean() - scores[score]["value"]) > 1e-6
        ):
            raise InputError(f"{path}: disagrees with its predictions; score it again")
    check_one_model(folder, scores)
    return Run(name, scores, hits, row_ids)


def check_one_model(folder: str | Path, scores: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise InputError where the scores of one run are of several models, adapters or prompts."""
    told = {name: score["manifest"]["query"] for name, score in scores.items()}
    told = {name: manifest for name, manifest in told.items() if manifest}
    for name, manifest in told.items():
        first, of_first = next(iter(told.items()))
        check_one_run(of_first, manifest, f"{folder}: the vectors of {first} and {name}")


def over_seeds(name: str, runs: Sequence[Run]) -> Run:
    """Several seeds of one run as one: each query's share of seeds that hit it.

    Scores are the first seed's but for the value, which is the mean, and above_chance, which must
    hold for every seed; a data set that some seed lacks is missing. InputError if rows differ.
    """
    first = runs[0]
    complete = [member for member in first.scores if all(member in run.scores for run in runs)]
    for run in runs[1:]:
        for dataset in complete:
            if not np.array_equal(first.row_ids[dataset], run.row_ids[dataset]):
                raise InputError(f"{run.name}: scored on other rows of {dataset}; score it again")
    hits = {member: np.mean([run.hits[member] for run in runs], axis=0) for member in complete}
    scores = {
        member: {
            **first.scores[member],
            "value": float(hits[member].mean()),
            "above_chance": all(run.scores[member]["above_chance"] for run in runs),
        }
        for member in complete
    }
    return Run(name, scores, hits, first.row_ids, tuple(runs) if len(runs) > 1 else ())


def aggregate(runs: Sequence[Run], register: pd.DataFrame) -> pd.DataFrame:
    """Means over data sets, one row per run and aggregate.

    Columns: run, aggregate, datasets (scored), of (wanted), value, ci_low, ci_high, chance (NaN
    unless all are scored), at_chance (scored data sets that are not above chance), seeds, spread
    (standard deviation of the value over seeds; NaN for one).
    """
    rows = []
    for run in runs:
        for name, wanted in weights(register).items():
            scored = [label for label in wanted if label in run.scores]
            at_chance = sum(not run.scores[label]["above_chance"] for label in scored)
            numbers, each = (np.nan,) * 4, []
            if len(scored) == len(wanted):
                of_sets = list(wanted.values())
                chances = [run.scores[label]["chance"] for label in wanted]
                numbers = (
                    *mean_of_sets([run.hits[label] for label in wanted], of_sets),
                    float(np.average(chances, weights=of_sets)),
                )
                each = [
                    np.average([label.hits[name].mean() for name in wanted], weights=of_sets)
                    for label in run.of_seeds
                ]
            rows.append(
                (
                    *(run.name, name, len(scored), len(wanted), *numbers, at_chance),
                    *(run.seeds, spread(each)),
                )
            )
    columns = ["run", "aggregate", "datasets", "of", "value", "ci_low", "ci_high", "chance"]
    return pd.DataFrame(rows, columns=[*columns, "at_chance", "seeds", "spread"]).round(9)


def spread(values: Sequence[float]) -> float:
    """Standard deviation of a training's score over seeds (n - 1); NaN for fewer than two."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")


def per_dataset(runs: Sequence[Run], register: pd.DataFrame) -> pd.DataFrame:
    """One row per data set and run, with the score contract's numbers."""
    rows = []
    numbers = ("value", "ci_low", "ci_high", "value_index0", "ties", "n", "chance", "above_chance")
    for entry in register[register["part"] == "eval"].itertuples():
        for run in (run for run in runs if entry.name in run.scores):
            score = run.scores[entry.name]
            keys = (entry.name, entry.meta_task, entry.split, run.name)
            each = [seed.hits[entry.name].mean() for seed in run.of_seeds]
            rows.append((*keys, *(score[x] for x in numbers), spread(each)))
    columns = ["dataset", "meta_task", "split", "run", *numbers, "spread"]
    return pd.DataFrame(rows, columns=columns)


def paired_tests(comparisons: Iterable[tuple[str, Run, Run, Sequence[str]]]) -> pd.DataFrame:
    """Paired differences, Holm-adjusted over all of them; those that cannot be made are left out.

    comparisons: what the data sets are called together, first run, second run, data sets. Columns:
    aggregate, first, second, difference (first minus second), ci_low, ci_high, p_value, p_holm.
    """
    rows = []
    for aggregate, first, second, names in comparisons:
        found = compare(first, second, names)
        if found is not None:
            numbers = (found.value, found.ci_low, found.ci_high, found.p_value)
            rows.append((aggregate, first.name, second.name, *numbers))
    columns = ["aggregate", "first", "second", "difference", "ci_low", "ci_high", "p_value"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(p_holm=holm(frame["p_value"].tolist())).round(9)


def compare(first: Run, second: Run, names: Sequence[str]) -> Difference | None:
    """Paired difference (first minus second) over data sets; None where one was not scored.

    Raises InputError if the two were scored on different rows.
    """
    if any(name not in run.scores for run in (first, second) for name in names):
        return None
    for name in names:
        if not np.array_equal(first.row_ids[name], second.row_ids[name]):
            raise InputError(
                f"{first.name} and {second.name} were scored on different rows of {name}; "
                "score both again"
            )
    return compare_paired([first.hits[n] for n in names], [second.hits[n] for n in names])
