"""Paired comparisons of two models or prompts on the same queries (ours; the paper has none)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gen2embed.evaluation.intervals import interval

DRAWS = 10_000
SEED = 0


@dataclass(frozen=True)
class Difference:
    """Mean over data sets of the mean difference of hits (fractions), first minus second."""

    value: float
    ci_low: float
    ci_high: float
    p_value: float  # two-sided, sign-flip permutation


def compare_paired(
    first: Sequence[np.ndarray],
    second: Sequence[np.ndarray],
    draws: int = DRAWS,
    seed: int = SEED,
) -> Difference:
    """Compare hits, one array per data set, the same queries in the same order in both.

    hits: bool, or the share of seeds that hit (float in 0..1). The headline is the mean over data
    sets, so every data set weighs the same. The test flips the sign of each query's difference; the
    interval resamples queries within data sets. Queries with equal differences are alike, so both
    are drawn as counts per value: binomial for the flips, multinomial for the resampling.
    Raises ValueError where the arrays differ in shape.
    """
    rng = np.random.default_rng(seed)
    observed = 0.0
    flipped = np.zeros(draws)
    drawn = np.zeros(draws)
    for side, other in zip(first, second, strict=True):
        if side.shape != other.shape:
            raise ValueError(f"hits of shapes {side.shape} and {other.shape} are not paired")
        n = len(side)
        difference = np.round(side.astype(np.float64) - other.astype(np.float64), 9)
        values, counts = np.unique(difference, return_counts=True)
        observed += values @ counts / n
        sizes, discordant = np.unique(np.abs(difference[difference != 0]), return_counts=True)
        for size, many in zip(sizes, discordant, strict=True):
            flipped += size * (2 * rng.binomial(many, 0.5, draws) - many) / n
        drawn += rng.multinomial(n, counts / n, draws) @ values / n
    sets = len(first)
    extreme = (np.abs(flipped) >= abs(observed) - 1e-12).sum()
    low, high = interval(drawn / sets)
    return Difference(observed / sets, low, high, float((1 + extreme) / (1 + draws)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjustment for several tests (Holm 1979): adjusted p-values in the given order."""
    order = np.argsort(p_values, kind="stable")
    count = len(p_values)
    adjusted = np.empty(count)
    highest = 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (count - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted.tolist()
