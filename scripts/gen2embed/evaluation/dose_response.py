"""How a difference between two strategies moves with the share of hidden positives. Ours.

The analysis of docs/when.md, fixed before the run: concepts are resampled, the same draws for every
arm and dose, so that differences, slopes and crossings are paired.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gen2embed.evaluation.intervals import interval, resampled_sets

DRAWS = 10_000
SEED = 0


@dataclass(frozen=True)
class Drawn:
    """A number and its bootstrap draws, shape (draws,)."""

    value: float
    draws: np.ndarray

    def __sub__(self, other: Drawn) -> Drawn:
        return Drawn(self.value - other.value, self.draws - other.draws)

    def interval(self) -> tuple[float, float]:
        """The central 95 % of the draws that are numbers."""
        return interval(self.draws[np.isfinite(self.draws)])

    @property
    def excludes_zero(self) -> bool:
        low, high = self.interval()
        return low > 0 or high < 0


def mean_of_sets(
    hits: Sequence[np.ndarray],
    concepts: Sequence[np.ndarray],
    draws: int = DRAWS,
    seed: int = SEED,
) -> Drawn:
    """Mean over data sets of their Precision@1, concepts resampled in all sets at once.

    hits: per data set the share of seeds that hit each query, shape (n,); concepts: what each asks
    about, likewise. Two calls with the same concepts and seed draw the same concepts.
    """
    value = float(np.mean([np.mean(hits_of_set) for hits_of_set in hits]))
    values = [np.asarray(hits_of_set, dtype=np.float64) for hits_of_set in hits]
    return Drawn(value, resampled_sets(values, concepts, draws, seed).mean(axis=1))


def line(doses: Sequence[float], differences: Sequence[Drawn]) -> tuple[Drawn, Drawn]:
    """Least-squares slope and value at dose 0 of a difference on the dose, draw by draw.

    Raises ValueError for fewer than two different doses.
    """
    x = np.asarray(doses, dtype=np.float64)
    if len(set(x.tolist())) < 2:
        raise ValueError("a slope needs two doses")
    centred = x - x.mean()
    weights = centred / (centred**2).sum()
    slope = _combined(weights, differences)
    at_zero = _combined(1 / len(x) - x.mean() * weights, differences)
    return slope, at_zero


def _combined(weights: np.ndarray, of: Sequence[Drawn]) -> Drawn:
    return Drawn(
        float(sum(weight * drawn.value for weight, drawn in zip(weights, of, strict=True))),
        np.sum([weight * drawn.draws for weight, drawn in zip(weights, of, strict=True)], axis=0),
    )


def crossing(slope: Drawn, at_zero: Drawn) -> Drawn | None:
    """The dose at which the line is 0; None unless the slope's interval excludes 0.

    Draws whose slope has the other sign (at most 2.5 %) cross on the wrong way and are left out
    (NaN). The dose may lie outside of 0 to 1: the line is straight, the doses are not all.
    """
    if not slope.excludes_zero:
        return None
    same_sign = np.sign(slope.draws) == np.sign(slope.value)
    drawn = np.full(len(slope.draws), np.nan)
    drawn[same_sign] = -at_zero.draws[same_sign] / slope.draws[same_sign]
    return Drawn(-at_zero.value / slope.value, drawn)
