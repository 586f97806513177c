"""SugarCrepe and SugarCrepe++ as tables: measured, published by others, not run.

Measured and published numbers share a table and never a mark: a published number ends in the mark
(†), and the column ``source`` says which is which.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from gen2embed.data.composition_sets import SUBSETS, SUGARCREPE, TASKS, score_name, scored_sets
from gen2embed.evaluation.aggregates import mean_of_sets
from gen2embed.evaluation.intervals import share_interval
from gen2embed.evaluation.score_files import is_below_chance
from gen2embed.reporting.results import Run, over_seeds, read_scores
from gen2embed.reporting.runs import ZERO_SHOT, RunName
from gen2embed.reporting.tables.published_scores import (
    MARK,
    MEASURED,
    NOT_RUN,
    PUBLISHED,
)
from gen2embed.reporting.tables.rendering import mark, percent
from gen2embed.study.layout import zero_shot_folder

MEAN = "mean"
GROUPS = ("replace", "swap", "add")
PUBLISHED_NAMES = {f"SugarCrepe-{name.title()}": name for name in GROUPS}
FULL_SIZE = (  # the paper's systems on the published sets
    "Qwen2-VL-2B-Instruct, zero-shot, hierarchical",
    "SaHa-Qwen2-VL-2B-Instruct",
    "SaHa-Qwen2-VL-7B-Instruct",
)
COLUMNS = [
    *("run", "source", "task", "name", "value", "ci_low", "ci_high", "value_index0", "ties", "n"),
    *("chance", "above_chance", "below_chance", "seeds"),
]


def read_composition_run(name: str, folder: str | Path) -> Run:
    """Scores and predictions of all subsets of both benchmarks from one folder.

    Raises InputError when a score is missing or disagrees with its predictions.
    """
    names = (score_name(*entry) for entry in scored_sets())
    return read_scores(name, folder, names, "right", lambda right: right)


def read_composition_runs(
    scores: str | Path, prompts: Sequence[str], names: Sequence[RunName], seeds: Sequence[int]
) -> list[Run]:
    """Zero-shot under every prompt, then the fine-tuned runs, averaged over seeds."""
    runs = [
        read_composition_run(RunName(ZERO_SHOT, prompt).label, zero_shot_folder(scores, prompt))
        for prompt in prompts
    ]
    for name in names:
        folders = name.folders(scores, seeds)
        of_seeds = [read_composition_run(name.label, folder) for folder in folders]
        runs.append(over_seeds(name.label, of_seeds))
    return runs


def groups(benchmark: str) -> dict[str, list[str]]:
    """Which subsets each mean is of: SugarCrepe's three kinds, and all."""
    subsets = list(SUBSETS[benchmark])
    kinds = GROUPS if benchmark == SUGARCREPE else ()
    found = {
        kind: [subset for subset in subsets if subset.startswith(f"{kind}_")] for kind in kinds
    }
    return found | {MEAN: subsets}


def measured(runs: Sequence[Run], benchmark: str) -> pd.DataFrame:
    """One row per task, run and subset or mean (COLUMNS); values are fractions.

    A subset of one seed has its score's interval. Over seeds, rows' shares of seeds are resampled;
    it is above chance, or far below it, if every seed is. A mean is so if its interval is.
    """
    rows = []
    for task in TASKS[benchmark]:
        for run in runs:
            seeds = run.of_seeds or (run,)
            for subset in SUBSETS[benchmark]:
                name = score_name(benchmark, subset, task)
                of_seeds = [of_seed.scores[name] for of_seed in seeds]
                hits = run.hits[name]
                numbers = (float(hits.mean()), *share_interval(hits))
                index0 = float(np.mean([score["value_index0"] for score in of_seeds]))
                ties = sum(score["ties"] for score in of_seeds)
                above = all(score["above_chance"] for score in of_seeds)
                below = all(map(is_below_chance, of_seeds))
                rest = (index0, ties, len(hits), of_seeds[0]["chance"], above, below, run.seeds)
                rows.append((run.name, MEASURED, task, subset, *numbers, *rest))
            for mean, subsets in groups(benchmark).items():
                names = [score_name(benchmark, subset, task) for subset in subsets]
                value, low, high = mean_of_sets([run.hits[name] for name in names])
                chance = float(np.mean([run.scores[name]["chance"] for name in names]))
                n = sum(len(run.hits[name]) for name in names)
                rest = (None, None, n, chance, low > chance, high < chance, run.seeds)
                rows.append((run.name, MEASURED, task, mean, value, low, high, *rest))
    return pd.DataFrame(rows, columns=COLUMNS).round(9).astype({"ties": "Int64"})


def published(scores: pd.DataFrame) -> pd.DataFrame:
    """What others published of SugarCrepe, as rows of the same table.

    scores: ``published_scores()``; value = score / 100. A number that was published for no subset
    is no row: the mean over all seven cannot be had from three.
    """
    scores = scores[scores["name"].isin(PUBLISHED_NAMES)]
    systems = scores[["model", "backbone", "params", "setting"]]
    labels = [", ".join(filter(None, row)) for row in systems.itertuples(index=False, name=None)]
    frame = pd.DataFrame(
        {
            "run": labels,
            "source": PUBLISHED,
            "task": TASKS[SUGARCREPE][0],
            "name": scores["name"].map(PUBLISHED_NAMES).tolist(),
            "value": (scores["score"] / 100).round(9).tolist(),
        }
    )
    return frame.reindex(columns=COLUMNS)


def not_run(benchmark: str) -> pd.DataFrame:
    """The paper's systems on the published sets, without a number."""
    names = [*SUBSETS[benchmark], *groups(benchmark)]
    rows = [
        (run, NOT_RUN, task, name)
        for task in TASKS[benchmark]
        for run in FULL_SIZE
        for name in names
    ]
    return pd.DataFrame(rows, columns=COLUMNS[:4]).reindex(columns=COLUMNS)


def shown_compositions(frame: pd.DataFrame, benchmark: str) -> pd.DataFrame:
    """A table as it is read: a row per task and run, a column per subset and mean."""
    order = [*SUBSETS[benchmark], *groups(benchmark)]
    cells = frame.assign(cell=[_cell(row) for row in frame.itertuples()])
    keys = ["task", "run", "source"]
    wide = cells.pivot(index=keys, columns="name", values="cell").reindex(columns=order)
    rows = pd.MultiIndex.from_frame(frame[keys].drop_duplicates())
    wide = wide.loc[rows].fillna("").rename_axis(columns=None).reset_index()
    wide["task"] = wide["task"].str.replace("_", "-")
    if len(TASKS[benchmark]) == 1:
        wide = wide.drop(columns="task")
    else:
        wide = wide.sort_values("task", kind="stable", key=_task_order)
    return wide.rename(columns={name: name.replace("_", " ") for name in order})


def _task_order(tasks: pd.Series) -> pd.Series:
    return tasks.map({name: rank for rank, name in enumerate(tasks.drop_duplicates())})


def _cell(row: tuple) -> str:
    if row.source == NOT_RUN:
        return NOT_RUN
    if row.source == PUBLISHED:
        return percent(row.value) + MARK
    number = percent(row.value, row.ci_low, row.ci_high)
    return number + mark(row.above_chance, row.below_chance)
