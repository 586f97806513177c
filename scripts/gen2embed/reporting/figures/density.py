"""How points lie in a plane, as contours that hold a share of them: no cloud hides another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BINS = 80  # of each axis
MARGIN = 0.15  # of the span, around the outermost points: smoothing reaches beyond them
FEWEST = 20  # points that have a density


@dataclass(frozen=True)
class Density:
    """A smoothed histogram: ``grid[i, j]`` at (xs[j], ys[i]), mass per bin, sum 1."""

    xs: np.ndarray
    ys: np.ndarray
    grid: np.ndarray

    def level(self, share: float) -> float:
        """The densest region that holds this share of the mass has at least this density."""
        ordered = np.sort(self.grid, axis=None)[::-1]
        return float(ordered[np.searchsorted(np.cumsum(ordered), share)])

    def corners(self, level: float) -> np.ndarray:
        """Least and greatest (x, y) of the region that is at least so dense: shape (2, 2)."""
        inside = self.grid >= level
        xs, ys = self.xs[inside.any(axis=0)], self.ys[inside.any(axis=1)]
        return np.array([[xs[0], ys[0]], [xs[-1], ys[-1]]])


def density(x: np.ndarray, y: np.ndarray) -> Density | None:
    """Of points (x, y), shapes (n,); None where they are too few, or all alike on an axis.

    A normal kernel by Scott's rule: on each axis the standard deviation times n ** (-1/6).
    Source: Scott 1992, Multivariate Density Estimation; regions: Hyndman 1996.
    """
    from scipy.ndimage import gaussian_filter

    points = np.stack([y, x]).astype(np.float64)
    spread = points.std(axis=1)
    if points.shape[1] < FEWEST or not spread.all():
        return None
    low, high = points.min(axis=1), points.max(axis=1)
    low, high = low - MARGIN * (high - low), high + MARGIN * (high - low)
    counts, ys, xs = np.histogram2d(*points, bins=BINS, range=np.stack([low, high], axis=1))
    width = (high - low) / BINS
    sigma = spread * points.shape[1] ** (-1 / 6) / width
    grid = gaussian_filter(counts / points.shape[1], sigma, mode="constant")
    middles = ((edges[1:] + edges[:-1]) / 2 for edges in (xs, ys))
    return Density(*middles, grid / grid.sum())
