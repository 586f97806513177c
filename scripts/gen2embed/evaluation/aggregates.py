"""Means over data sets: per meta-task, in and out of distribution, all (MMEB's headline)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gen2embed.evaluation.intervals import DRAWS, SEED, interval

META_TASKS = ("classification", "vqa", "retrieval", "grounding")
SPLITS = ("ind", "ood")
ALL = "all"
AGGREGATES = (*META_TASKS, *SPLITS, ALL)


def members(register: pd.DataFrame) -> dict[str, list[str]]:
    """Which evaluation sets each aggregate is the mean of, in the register's order.

    register: columns part, name, meta_task, split. Aggregates without members are left out.
    """
    register = register[register["part"] == "eval"]
    found = {}
    for name in AGGREGATES:
        wanted = (register["meta_task"] == name) | (register["split"] == name) | (name == ALL)
        if wanted.any():
            found[name] = register.loc[wanted, "name"].tolist()
    return found


def mean_of_sets(
    hits: Sequence[np.ndarray], draws: int = DRAWS, seed: int = SEED
) -> tuple[float, float, float]:
    """Mean over data sets of their Precision@1, and its 95 % interval.

    hits: one array per data set: bool, or the share of seeds that hit. Queries are resampled
    within each data set; the data sets are fixed, as a benchmark's are. Data set i draws from its
    own stream (seed, i).
    """
    value = float(np.mean([one.mean() for one in hits]))
    drawn = np.mean([_bootstrap_share(one, draws, (seed, i)) for i, one in enumerate(hits)], axis=0)
    return value, *interval(drawn)


def _bootstrap_share(hits: np.ndarray, draws: int, seed: tuple[int, int]) -> np.ndarray:
    """``bootstrap_means``, drawn as counts per value: equal queries are alike."""
    rng = np.random.default_rng(seed)
    values, counts = np.unique(np.round(hits.astype(np.float64), 9), return_counts=True)
    return rng.multinomial(len(hits), counts / len(hits), draws) @ values / len(hits)
