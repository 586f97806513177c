"""How sure a Precision@1 is: bootstrap intervals over queries, and the test against chance."""

from __future__ import annotations

import numpy as np
from scipy.stats import binom

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
    rng = np.random.default_rng(seed)
    n = len(values)
    counts = np.stack([np.bincount(rng.integers(0, n, n), minlength=n) for _ in range(draws)])
    return counts @ values / n


def above_chance(hits: int, n: int, chance: float) -> float:
    """One-sided p-value of at least ``hits`` of ``n`` by guessing (binomial; mean chance)."""
    return float(binom.sf(hits - 1, n, chance))
