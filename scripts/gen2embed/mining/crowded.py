"""The best targets of a vector where (nearly) all are alike, at the price of one matrix product.

Within float32's error everything could then be among the best, and a canonical score for each of
all targets, for each anchor, costs time that grows with the square of the pairs. A float64 product
is off by some 1e-13 at most, so it decides every score that is not that close to a step of the
canonical grid. Ours.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gen2embed.canonical import DECIMALS, LONGEST, as_canonical, canonical
from gen2embed.mining.vectors import SideVectors

STEP = 10.0**-DECIMALS  # of the grid of canonical scores


def float64_error(dim: int) -> float:
    """Bound of the difference between two float64 dot products of the same ``dim`` numbers.

    Twice the bound of one (as ``canonical.float32_error``, u = 2^-53).
    """
    unit = dim * 2.0**-53
    return 2 * unit / (1 - unit) * LONGEST**2


def best_of_all(
    vectors: np.ndarray, targets: SideVectors, count: int, chunk: int
) -> Iterator[np.ndarray]:
    """For each vector the rows of its ``count`` best targets by canonical score, then lower row.

    vectors: float32, shape (n, dim); chunk: targets that are turned into float64 at once.
    """
    scores = np.empty((len(vectors), len(targets)))
    exact = vectors.astype(np.float64)
    for start, block in targets.chunks(chunk):
        for first in range(0, len(block), chunk):
            part = block[first : first + chunk].astype(np.float64)
            at = start + first
            np.matmul(exact, part.T, out=scores[:, at : at + len(part)])
    for vector, row in zip(exact, scores, strict=True):
        yield _best(vector, row, targets, count)


def _best(vector: np.ndarray, scores: np.ndarray, targets: SideVectors, count: int) -> np.ndarray:
    """scores: float64 products with all targets, shape (n_targets,)."""
    count = min(count, len(scores))
    rounded = as_canonical(scores)
    last = np.partition(rounded, len(rounded) - count)[len(rounded) - count]
    near = np.flatnonzero(rounded >= last - 1.5 * STEP)  # one step further: some may be misrounded
    off = np.abs(scores[near] / STEP - np.floor(scores[near] / STEP) - 0.5) * STEP
    unsure = near[off <= float64_error(targets.dim) + 4e-16]
    if len(unsure):
        rounded[unsure] = canonical(vector, targets.float64(unsure))
        last = np.partition(rounded, len(rounded) - count)[len(rounded) - count]
    above = np.flatnonzero(rounded > last)
    tied = np.flatnonzero(rounded == last)[: count - len(above)]
    return np.concatenate([above, tied])
