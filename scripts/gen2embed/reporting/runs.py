"""Fine-tuning runs as they are named in tables and figures, and the comparisons that matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from gen2embed.errors import InputError
from gen2embed.evaluation.aggregates import ALL, SPLITS, members
from gen2embed.reporting.results import Run, over_seeds, paired_tests, read_run
from gen2embed.study.layout import model_name, prompt_folder, zero_shot_folder

ZERO_SHOT = "zero-shot"
TESTED = (*SPLITS, ALL)  # the aggregates whose differences are tested


@dataclass(frozen=True)
class RunName:
    """What was trained on (a strategy; "zero-shot" = nothing) and under which prompt."""

    strategy: str
    prompt: str

    @property
    def label(self) -> str:
        return f"{self.strategy}, {self.prompt}"

    def folders(
        self, root: str | Path, seeds: Sequence[int], step: int | None = None
    ) -> list[Path]:
        """Its folders below ``root``, one per seed; of the final model, or of a checkpoint."""
        names = (model_name(self.strategy, seed, step) for seed in seeds)
        return [prompt_folder(root, name, self.prompt) for name in names]

    @classmethod
    def parse(cls, text: str) -> RunName:
        """``saha/hierarchical``, as the programs' flags name a run."""
        strategy, _, prompt = text.partition("/")
        if not strategy or not prompt:
            raise InputError(f"--runs {text}: write STRATEGY/PROMPT, such as saha/hierarchical")
        return cls(strategy, prompt)


def read_runs(
    scores: str | Path, names: Sequence[RunName], seeds: Sequence[int], register: pd.DataFrame
) -> dict[RunName, Run]:
    """All runs, averaged over seeds; before each prompt's first run its zero-shot scores.

    scores: folder with ``<strategy>_seed<seed>/<prompt>/`` and ``base/<prompt>/``.
    """
    found: dict[RunName, Run] = {}
    for name in names:
        base = RunName(ZERO_SHOT, name.prompt)
        if base not in found:
            found[base] = read_run(base.label, zero_shot_folder(scores, name.prompt), register)
    for name in names:
        folders = name.folders(scores, seeds)
        of_seeds = [read_run(name.label, folder, register) for folder in folders]
        found[name] = over_seeds(name.label, of_seeds)
    return found


def read_steps(
    scores: str | Path,
    name: RunName,
    seeds: Sequence[int],
    checkpoints: Sequence[int],
    last: int,
    register: pd.DataFrame,
) -> dict[int, Run]:
    """One run along its training, averaged over seeds: step 0 is zero-shot under its prompt."""
    found = {0: read_run(name.label, zero_shot_folder(scores, name.prompt), register)}
    for step in [*checkpoints, last]:
        folders = name.folders(scores, seeds, None if step == last else step)
        runs = [read_run(name.label, folder, register) for folder in folders]
        found[step] = over_seeds(name.label, runs)
    return found


def comparisons(names: Sequence[RunName]) -> list[tuple[RunName, RunName]]:
    """Which runs are compared (first with second), decided before any score is seen.

    Every fine-tuned run with its own zero-shot start; under one prompt, every strategy with
    ``in_batch``, and every strategy that filters with ``hns``; ``in_batch`` across prompts.
    """
    tuned = [name for name in names if name.strategy != ZERO_SHOT]
    pairs = [(name, RunName(ZERO_SHOT, name.prompt)) for name in tuned]
    for reference in ("in_batch", "hns"):
        for name in tuned:
            other = RunName(reference, name.prompt)
            if name.strategy not in ("in_batch", reference) and other in tuned:
                pairs.append((name, other))
    plain = [name for name in tuned if name.strategy == "in_batch"]
    pairs += [(second, first) for first, second in pairwise(plain)]
    return pairs


def tested(runs: Mapping[RunName, Run], register: pd.DataFrame) -> pd.DataFrame:
    """Paired differences on IND, OOD and all, Holm-adjusted over the whole table.

    seeds_agreeing: in how many of ``seeds`` trainings the difference has the sign of their mean.
    """
    sets = members(register)
    frame = paired_tests(
        (aggregate, runs[first], runs[second], sets[aggregate])
        for aggregate in TESTED
        if aggregate in sets
        for first, second in comparisons(list(runs))
    )
    by_name = {run.name: run for run in runs.values()}
    by_seed = [
        _by_seed(by_name[row.first], by_name[row.second], sets[row.aggregate])
        for row in frame.itertuples()
    ]
    frame["seeds"] = [len(row) for row in by_seed]
    frame["seeds_agreeing"] = [
        sum(row * mean > 0 for row in of_row)
        for of_row, mean in zip(by_seed, frame["difference"], strict=True)
    ]
    return frame


def _by_seed(first: Run, second: Run, names: Sequence[str]) -> list[float]:
    """The difference in each training: seed by seed, a run without seeds (zero-shot) with all."""
    first_seeds, second_seeds = first.of_seeds or (first,), second.of_seeds or (second,)
    seeds = max(len(first_seeds), len(second_seeds))
    pairs = zip(
        first_seeds * (seeds // len(first_seeds)),
        second_seeds * (seeds // len(second_seeds)),
        strict=True,
    )
    return [
        float(np.mean([pair.hits[name].mean() - other.hits[name].mean() for name in names]))
        for pair, other in pairs
    ]
