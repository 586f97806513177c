"""Result files as frames: the scores of a run (a model under a prompt) on all data sets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gen2embed.artifacts import register_file
from gen2embed.artifacts.origin import check_one_run, check_subset
from gen2embed.artifacts.rows_taken import dropped_of
from gen2embed.errors import InputError
from gen2embed.evaluation.aggregates import mean_of_sets, weights
from gen2embed.evaluation.intervals import share_interval
from gen2embed.evaluation.paired import (
    Difference,
    compare_paired,
    equivalence,
    holm,
    least_difference,
)
from gen2embed.evaluation.score_files import is_below_chance, read_score
from gen2embed.files import read_parquet
from gen2embed.study.layout import facts_file, predictions_file

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
    concepts: Mapping[str, np.ndarray] = field(default_factory=dict)  # of each row, where known

    @property
    def seeds(self) -> int:
        return max(1, len(self.of_seeds))

    def concepts_of(self, names: Sequence[str]) -> list[np.ndarray] | None:
        """What the rows of the data sets ask about; None unless it is known of all of them."""
        known = all(name in self.concepts for name in names)
        return [self.concepts[name] for name in names] if known else None

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
    scored = [dataset for dataset in datasets if facts_file(folder, dataset).is_file()]
    if not scored:
        raise InputError(f"{folder}: holds no score of any evaluation set; score some first")
    run = read_scores(name, folder, scored, "rank_of_positive", lambda rank: rank == 1)
    for dataset, score in run.scores.items():
        check_subset(facts_file(folder, dataset), score, "its name", {"subset": dataset})
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
    scores, hits, row_ids, concepts = {}, {}, {}, {}
    for name_of_set in scored:
        path = facts_file(folder, name_of_set)
        score = scores[name_of_set] = read_score(path)
        frame, _ = read_parquet(predictions_file(path), ["row_id", column], ["concept"])
        if "concept" in frame:
            concepts[name_of_set] = frame["concept"].to_numpy(dtype=object)
        hits[name_of_set] = is_hit(frame[column].to_numpy())
        row_ids[name_of_set] = frame["row_id"].to_numpy()
        if len(frame) != score["n"] or abs(hits[name_of_set].mean() - score["value"]) > 1e-6:
            raise InputError(f"{path}: disagrees with its predictions; score it again")
    check_one_model(folder, scores)
    return Run(name, scores, hits, row_ids, concepts=concepts)


def check_one_model(folder: str | Path, scores: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise InputError where the scores of one run are of several models, adapters or prompts."""
    manifests = {name: score["manifest"]["query"] for name, score in scores.items()}
    manifests = {name: manifest for name, manifest in manifests.items() if manifest}
    for name, manifest in manifests.items():
        first, of_first = next(iter(manifests.items()))
        check_one_run(of_first, manifest, f"{folder}: the vectors of {first} and {name}")


def over_seeds(name: str, runs: Sequence[Run]) -> Run:
    """Several seeds of one run as one: each query's share of seeds that hit it.

    Scores are the first seed's but for the value and value_index0 (means), the interval (of the
    shares), ties (their sum), above_chance and below_chance (which must hold for every seed). A
    data set that some seed lacks is missing. One run is itself. InputError if rows differ.
    """
    if len(runs) == 1:
        return replace(runs[0], name=name)
    first = runs[0]
    complete = [name for name in first.scores if all(name in run.scores for run in runs)]
    for run in runs[1:]:
        for dataset in complete:
            if not np.array_equal(first.row_ids[dataset], run.row_ids[dataset]):
                raise InputError(f"{run.name}: scored on other rows of {dataset}; score it again")
    hits = {name: np.mean([run.hits[name] for run in runs], axis=0) for name in complete}
    scores = {}
    for set_name in complete:
        of_seeds = [run.scores[set_name] for run in runs]
        low, high = share_interval(hits[set_name], first.concepts.get(set_name))
        scores[set_name] = {
            **of_seeds[0],
            "value": float(hits[set_name].mean()),
            "value_index0": float(np.mean([score["value_index0"] for score in of_seeds])),
            "ci_low": round(low, 9),
            "ci_high": round(high, 9),
            "ties": sum(score["ties"] for score in of_seeds),
            "above_chance": all(score["above_chance"] for score in of_seeds),
            "below_chance": all(is_below_chance(score) for score in of_seeds),
        }
    return Run(name, scores, hits, first.row_ids, tuple(runs), first.concepts)


def aggregate(runs: Sequence[Run], register: pd.DataFrame) -> pd.DataFrame:
    """Means over data sets, one row per run and aggregate.

    Columns: run, aggregate, datasets (scored), of (wanted), value, ci_low, ci_high, chance (NaN
    unless all are scored), at_chance, below_chance (scored data sets that are at chance, and far
    below it), seeds, spread (standard deviation of the value over seeds; NaN for one).
    """
    rows = []
    for run in runs:
        for name, wanted in weights(register).items():
            scored = [name for name in wanted if name in run.scores]
            below = sum(is_below_chance(run.scores[name]) for name in scored)
            at_chance = sum(not run.scores[name]["above_chance"] for name in scored) - below
            numbers, by_seed = (np.nan,) * 4, []
            if len(scored) == len(wanted):
                of_sets = list(wanted.values())
                chances = [run.scores[name]["chance"] for name in wanted]
                numbers = (
                    *mean_of_sets(
                        [run.hits[name] for name in wanted], of_sets, run.concepts_of(list(wanted))
                    ),
                    float(np.average(chances, weights=of_sets)),
                )
                by_seed = [
                    np.average([seed_run.hits[name].mean() for name in wanted], weights=of_sets)
                    for seed_run in run.of_seeds
                ]
            rows.append(
                (
                    *(run.name, name, len(scored), len(wanted), *numbers),
                    *(at_chance, below, run.seeds, spread(by_seed)),
                )
            )
    columns = ["run", "aggregate", "datasets", "of", "value", "ci_low", "ci_high", "chance"]
    columns += ["at_chance", "below_chance", "seeds", "spread"]
    return pd.DataFrame(rows, columns=columns).round(9)


def spread(values: Sequence[float]) -> float:
    """Standard deviation of a training's score over seeds (n - 1); NaN for fewer than two."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")


def per_dataset(runs: Sequence[Run], register: pd.DataFrame) -> pd.DataFrame:
    """One row per data set and run, with the score contract's numbers.

    informed_chance: NaN where the data set knows of no candidates that are alike.
    """
    rows = []
    numbers = ("value", "ci_low", "ci_high", "value_index0", "ties", "n", "chance", "above_chance")
    rest = ["below_chance", "informed_chance", "spread"]
    for entry in register[register["part"] == "eval"].itertuples():
        for run in (run for run in runs if entry.name in run.scores):
            score = run.scores[entry.name]
            of_set = (entry.name, entry.meta_task, entry.split, run.name)
            by_seed = [seed_run.hits[entry.name].mean() for seed_run in run.of_seeds]
            informed = score.get("informed_chance", np.nan)
            found = (is_below_chance(score), informed, spread(by_seed))
            rows.append((*of_set, *(score[x] for x in numbers), *found))
    columns = ["dataset", "meta_task", "split", "run", *numbers, *rest]
    return pd.DataFrame(rows, columns=columns)


def paired_tests(comparisons: Iterable[tuple[str, Run, Run, Sequence[str]]]) -> pd.DataFrame:
    """Paired differences, Holm-adjusted over all of them; those that cannot be made are left out.

    comparisons: what the data sets are called together, first run, second run, data sets. Columns:
    aggregate, first, second, difference (first minus second), ci_low, ci_high, p_value,
    standard_error, p_holm, least_difference (that these tests could see), p_equivalent (that the
    difference is within the margin, Holm-adjusted as well).
    """
    rows = []
    for aggregate, first, second, names in comparisons:
        found = compare(first, second, names)
        if found is not None:
            rows.append((aggregate, first.name, second.name, *astuple(found)))
    columns = ["aggregate", "first", "second", "difference", "ci_low", "ci_high", "p_value"]
    frame = pd.DataFrame(rows, columns=[*columns, "standard_error"])
    tested = list(zip(frame["difference"], frame["standard_error"], strict=True))
    return frame.assign(
        p_holm=holm(frame["p_value"].tolist()),
        least_difference=[least_difference(error, len(tested)) for _, error in tested],
        p_equivalent=holm([equivalence(*difference) for difference in tested]),
    ).round(9)


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
    hits = ([run.hits[name] for name in names] for run in (first, second))
    return compare_paired(*hits, first.concepts_of(names))
