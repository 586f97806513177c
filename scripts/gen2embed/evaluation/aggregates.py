"""Means over data sets: per meta-task, in and out of distribution, all (MMEB's headline).

MMEB's headline weighs every data set alike. The mean of the four meta-tasks' means, which some
papers print as "overall", is another number: it is kept under a name of its own, ``macro_4``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gen2embed.evaluation.intervals import DRAWS, SEED, interval, resampled_sets

META_TASKS = ("classification", "vqa", "retrieval", "grounding")
SPLITS = ("ind", "ood")
ALL = "all"
MACRO = "macro_4"
AGGREGATES = (*META_TASKS, *SPLITS, ALL, MACRO)


def members(register: pd.DataFrame) -> dict[str, list[str]]:
    """Which evaluation sets each aggregate is the mean of, in the register's order.

    register: columns part, name, meta_task, split. Aggregates without members are left out.
    """
    register = register[register["part"] == "eval"]
    found = {}
    for name in (*META_TASKS, *SPLITS, ALL):
        wanted = (register["meta_task"] == name) | (register["split"] == name) | (name == ALL)
        if wanted.any():
            found[name] = register.loc[wanted, "name"].tolist()
    return found


def weights(register: pd.DataFrame) -> dict[str, dict[str, float]]:
    """How much each data set counts in each aggregate; the weights of an aggregate sum to 1.

    register: as for ``members``. ``macro_4`` is there only where all four meta-tasks are.
    """
    sets = members(register)
    found = {name: dict.fromkeys(of, 1 / len(of)) for name, of in sets.items()}
    if all(task in sets for task in META_TASKS):
        found[MACRO] = {
            name: weight / len(META_TASKS)
            for task in META_TASKS
            for name, weight in found[task].items()
        }
    return found


def mean_of_sets(
    hits: Sequence[np.ndarray],
    weights: Sequence[float] | None = None,
    concepts: Sequence[np.ndarray] | None = None,
    draws: int = DRAWS,
    seed: int = SEED,
) -> tuple[float, float, float]:
    """Mean over data sets of their Precision@1, and its 95 % interval.

    hits: one array per data set: bool, or the share of seeds that hit; weights: of the data sets,
    summing to 1 (default: alike). Queries are resampled within each data set; the data sets are
    fixed, as a benchmark's are. Data set i draws from its own stream (seed, i). concepts: what each
    query asks about, one array per data set; then concepts are resampled, each in all data sets at
    once, since queries about one thing are not independent.
    """
    value = float(np.average([hits_of_set.mean() for hits_of_set in hits], weights=weights))
    if concepts is not None:
        drawn = np.average(resampled_sets(hits, concepts, draws, seed), axis=1, weights=weights)
        return value, *interval(drawn[np.isfinite(drawn)])
    shares = [_bootstrap_share(of_set, draws, (seed, i)) for i, of_set in enumerate(hits)]
    return value, *interval(np.average(shares, axis=0, weights=weights))


def _bootstrap_share(hits: np.ndarray, draws: int, seed: tuple[int, int]) -> np.ndarray:
    """``bootstrap_means``, drawn as counts per value: equal queries are alike."""
    rng = np.random.default_rng(seed)
    values, counts = np.unique(np.round(hits.astype(np.float64), 9), return_counts=True)
    return rng.multinomial(len(hits), counts / len(hits), draws) @ values / len(hits)
