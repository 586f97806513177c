"""How sure a share is: bootstrap and Wilson intervals, and the tests against chance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import betainc, ndtri

DRAWS = 1000
SEED = 0
CONFIDENCE = 0.95
ABOVE_CHANCE_P = 0.01


def interval(drawn: np.ndarray) -> tuple[float, float]:
    """The central 95 % of bootstrap draws (percentile method), shape (draws,) -> low, high."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return float(low), float(high)


def bootstrap_means(values: np.ndarray, draws: int = DRAWS, seed: int = SEED) -> np.ndarray:
    """Means of resampled queries: values of shape (n,) or (n, columns) -> (draws[, columns]).

    All columns are resampled together. 1000 draws and seed 0 are the score contract's.
    """
    values = np.asarray(values, dtype=np.float64)
    counts = resampled(len(values), draws, seed)
    return counts @ values / len(values)


def resampled(n: int, draws: int = DRAWS, seed: int | tuple[int, ...] = SEED) -> np.ndarray:
    """How often each of n units is drawn with replacement: int64, shape (draws, n)."""
    rng = np.random.default_rng(seed)
    return np.stack([np.bincount(rng.integers(0, n, n), minlength=n) for _ in range(draws)])


def by_group(values: np.ndarray, groups: np.ndarray, n_groups: int) -> np.ndarray:
    """Sum and number of the values of each group: float64, shape (n_groups, 2).

    values: shape (n,); groups: int, shape (n,), each in 0..n_groups-1.
    """
    sums = np.bincount(groups, weights=np.asarray(values, dtype=np.float64), minlength=n_groups)
    return np.stack([sums, np.bincount(groups, minlength=n_groups)], axis=1)


def resampled_sets(
    values: Sequence[np.ndarray],
    concepts: Sequence[np.ndarray],
    draws: int = DRAWS,
    seed: int = SEED,
) -> np.ndarray:
    """Means of each data set, concepts resampled: shape (draws, sets).

    values, concepts: one array per data set, shape (n,). A concept stands in several data sets and
    is drawn into all of them at once. NaN where a draw leaves a data set without a query.
    """
    codes = np.unique(np.concatenate(concepts), return_inverse=True)[1]
    ends = np.cumsum([len(labels) for labels in concepts])[:-1]
    n = int(codes.max()) + 1
    by_set = [
        by_group(of_values, of_set, n)
        for of_values, of_set in zip(values, np.split(codes, ends), strict=True)
    ]
    drawn = resampled(n, draws, seed) @ np.concatenate(by_set, axis=1)
    sums, counts = drawn[:, ::2], drawn[:, 1::2]
    return np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)


def mean_interval(values: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """95 % bootstrap interval of the mean, whole groups resampled; shapes (n,), any labels."""
    codes = np.unique(groups, return_inverse=True)[1]
    n_groups = int(codes.max()) + 1
    drawn = resampled(n_groups) @ by_group(values, codes, n_groups)
    return interval(drawn[:, 0] / drawn[:, 1])


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of ``hits`` of ``n`` (Wilson 1927): of use at 0 and at n.

    That of scipy.stats, to the bit, which takes half a second to import.
    """
    z, share = ndtri(0.5 + 0.5 * CONFIDENCE), hits / n
    scale = 2 * (n + z**2)
    centre = (2 * n * share + z**2) / scale
    half = z / scale * np.sqrt(4 * n * share * (1 - share) + z**2)
    return float(centre - half) if hits else 0.0, float(centre + half) if hits < n else 1.0


def share_interval(values: np.ndarray, groups: np.ndarray | None = None) -> tuple[float, float]:
    """95 % interval of the mean of hits: bootstrap, or Wilson's where all are 0 or all are 1.

    values: bool, or the share of seeds that hit, shape (n,). groups: what the values share, such as
    their concept (shape (n,), any labels): whole groups are resampled, and Wilson counts groups.
    A bootstrap of equal values has no width, whatever their number: hence Wilson.
    """
    values = np.asarray(values, dtype=np.float64)
    if (values == values[0]).all() and values[0] in (0.0, 1.0):
        units = len(values) if groups is None else len(np.unique(groups))
        return wilson(int(values[0]) * units, units)
    return interval(bootstrap_means(values)) if groups is None else mean_interval(values, groups)


def above_chance(hits: int, n: int, chance: float) -> float:
    """One-sided p-value: of at least ``hits`` of ``n`` by guessing (binomial; mean chance).

    As the regularised incomplete beta function.
    """
    if not 0 < hits <= n:
        return float(hits <= 0)
    return float(betainc(hits, n - hits + 1, chance))


def below_chance(hits: float, n: int, chance: float) -> bool:
    """Whether so few of ``n`` (over seeds: their mean) are rare by guessing: p < 0.01, one-sided.

    Not a guess at all then: something is preferred that is wrong.
    """
    return 1 - above_chance(round(hits) + 1, n, chance) < ABOVE_CHANCE_P
