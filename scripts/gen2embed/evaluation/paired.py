"""Paired comparisons of two models or prompts on the same queries (ours; the paper has none).

Three outcomes, not two: a difference that is shown, sameness that is shown (an equivalence test),
and neither: undecided. A test that finds nothing shows nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from gen2embed.evaluation.intervals import interval, resampled_sets

DRAWS = 10_000
SEED = 0
SIGNIFICANCE = 0.05
POWER = 0.8
MARGIN = 0.02  # two runs that differ by less than 2 points of Precision@1 are the same in practice


@dataclass(frozen=True)
class Difference:
    """Mean over data sets of the mean difference of hits (fractions), first minus second."""

    value: float
    ci_low: float
    ci_high: float
    p_value: float  # two-sided, sign-flip permutation
    standard_error: float  # of the bootstrap


def compare_paired(
    first: Sequence[np.ndarray],
    second: Sequence[np.ndarray],
    concepts: Sequence[np.ndarray] | None = None,
    draws: int = DRAWS,
    seed: int = SEED,
) -> Difference:
    """Compare hits, one array per data set, the same queries in the same order in both.

    hits: bool, or the share of seeds that hit (float in 0..1). The headline is the mean over data
    sets, so every data set weighs the same. The test flips the sign of each query's difference; the
    interval resamples queries within data sets. concepts: what each query asks about, likewise one
    array per data set; then a concept's queries, of all data sets, are flipped and resampled
    together, since they are not independent. Raises ValueError where the arrays differ in shape.
    """
    differences = []
    for of_first, of_second in zip(first, second, strict=True):
        if of_first.shape != of_second.shape:
            shapes = f"{of_first.shape} and {of_second.shape}"
            raise ValueError(f"hits of shapes {shapes} are not paired")
        difference = of_first.astype(np.float64) - of_second.astype(np.float64)
        differences.append(np.round(difference, 9))
    rng = np.random.default_rng(seed)
    if concepts is None:
        flipped, drawn = _by_query(differences, draws, rng)
    else:
        flipped = _flipped_concepts(differences, concepts, draws, rng)
        drawn = resampled_sets(differences, concepts, draws, seed).mean(axis=1)
        drawn = drawn[np.isfinite(drawn)]
    observed = float(np.mean([difference.mean() for difference in differences]))
    extreme = (np.abs(flipped) >= abs(observed) - 1e-12).sum()
    low, high = interval(drawn)
    p_value = float((1 + extreme) / (1 + draws))
    return Difference(observed, low, high, p_value, float(drawn.std()))


def _by_query(
    differences: Sequence[np.ndarray], draws: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Flipped and resampled means, shape (draws,). Queries with equal differences are alike, so
    both are drawn as counts per value: binomial for the flips, multinomial for the resampling."""
    flipped, drawn = np.zeros(draws), np.zeros(draws)
    for difference in differences:
        n = len(difference)
        values, counts = np.unique(difference, return_counts=True)
        sizes, discordant = np.unique(np.abs(difference[difference != 0]), return_counts=True)
        for size, many in zip(sizes, discordant, strict=True):
            flipped += size * (2 * rng.binomial(many, 0.5, draws) - many) / n
        drawn += rng.multinomial(n, counts / n, draws) @ values / n
    return flipped / len(differences), drawn / len(differences)


def _flipped_concepts(
    differences: Sequence[np.ndarray],
    concepts: Sequence[np.ndarray],
    draws: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """The headline with the sign of each concept's part drawn at random: shape (draws,)."""
    weighted = np.concatenate([difference / len(difference) for difference in differences]) / len(
        differences
    )
    codes = np.unique(np.concatenate(concepts), return_inverse=True)[1]
    parts = np.bincount(codes, weights=weighted)
    parts = parts[parts != 0]
    signs = rng.integers(0, 2, (draws, len(parts)), dtype=np.int8)
    return (2.0 * signs - 1.0) @ parts


def least_difference(standard_error: float, comparisons: int) -> float:
    """The least true difference that would be shown with 80 % power, two-sided.

    comparisons: of the table; the level is Holm's first, 0.05 / comparisons (normal approximation).
    """
    level = SIGNIFICANCE / max(comparisons, 1)
    return float((ndtri(POWER) - ndtri(level / 2)) * standard_error)


def equivalence(value: float, standard_error: float, margin: float = MARGIN) -> float:
    """p-value of the claim that the true difference is within ``margin`` of 0.

    Two one-sided tests (Schuirmann 1987), normal approximation with the bootstrap's error.
    """
    room = margin - abs(value)
    if standard_error == 0:
        return 0.0 if room > 0 else 1.0
    return float(ndtr(-room / standard_error))


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
