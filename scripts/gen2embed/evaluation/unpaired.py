"""What printed scores alone can tell: errors of means of hits, differences, ranks (ours).

A table prints shares of hits without the queries' own hits. Two systems answer the same queries,
and what is easy for one is mostly easy for the other: a difference taken as of independent samples
then has too wide an interval, never too narrow a one, unless their hits oppose each other. Data
sets are fixed, as a benchmark's are; another training seed is not in the error.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr, ndtri

from gen2embed.evaluation.intervals import CONFIDENCE
from gen2embed.evaluation.paired import SIGNIFICANCE, Difference, holm


def mean_error(shares: Sequence[float], queries: int) -> float:
    """Standard error of the mean of data sets' shares (fractions), ``queries`` in each.

    Raises ValueError for a share outside of 0..1, or no query.
    """
    values = np.asarray(shares, dtype=np.float64)
    if queries < 1 or not len(values) or not ((values >= 0) & (values <= 1)).all():
        raise ValueError(f"shares {shares} of {queries} queries: each must be within 0..1")
    return float(np.sqrt((values * (1 - values)).sum() / queries) / len(values))


def greatest_error(mean: float, sets: int, queries: int) -> float:
    """The most that ``mean_error`` can be where only the mean of ``sets`` data sets is known.

    p (1 - p) is concave: no spread of the shares around their mean gives more.
    """
    return mean_error([mean] * sets, queries)


def difference_of(
    first: float, second: float, first_error: float, second_error: float
) -> Difference:
    """First minus second as of independent samples, normal approximation: a ``Difference``."""
    value, error = first - second, float(np.hypot(first_error, second_error))
    half = float(ndtri((1 + CONFIDENCE) / 2)) * error
    if error == 0:
        return Difference(value, value, value, float(value == 0), 0.0)
    return Difference(
        value, value - half, value + half, float(2 * ndtr(-abs(value) / error)), error
    )


def told_apart(values: Sequence[float], errors: Sequence[float]) -> np.ndarray:
    """Which systems differ: bool, shape (n, n), symmetric; Holm over all n (n - 1) / 2 pairs."""
    n = len(values)
    rows, columns = np.triu_indices(n, 1)
    p_values = [
        difference_of(values[i], values[j], errors[i], errors[j]).p_value
        for i, j in zip(rows, columns, strict=True)
    ]
    apart = np.zeros((n, n), dtype=bool)
    apart[rows, columns] = np.asarray(holm(p_values)) < SIGNIFICANCE
    return apart | apart.T


def rank_ranges(values: Sequence[float], apart: np.ndarray) -> np.ndarray:
    """Best and worst rank (1 = best) that each system may have: int64, shape (n, 2).

    Only those that are told apart from it count for certain as better or worse.
    """
    values = np.asarray(values, dtype=np.float64)
    better = (apart & (values[None, :] > values[:, None])).sum(axis=1)
    worse = (apart & (values[None, :] < values[:, None])).sum(axis=1)
    return np.stack([1 + better, len(values) - worse], axis=1)
