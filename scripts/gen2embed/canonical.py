"""Canonical scores: what every order in mining and every prediction is by (mining step 0).

A canonical score is the dot product of two stored vectors, computed in float64 and rounded to
9 decimals. It does not depend on block size, threads or device, so neither does anything mined.
Fast float32 scores may propose, never decide; ``float32_error`` says how far off they can be.
"""

from __future__ import annotations

import numpy as np

DECIMALS = 9
LONGEST = 1.002  # vectors are of length 1 within 1e-3, which is itself measured in float32


def canonical(vector: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Scores of one vector with many: float64 (dim,) and (n, dim) -> float64 (n,).

    Each row is summed on its own (no matrix product), so neighbours cannot change a score.
    """
    return as_canonical(np.einsum("ij,j->i", rows, vector))


def as_canonical(values: np.ndarray) -> np.ndarray:
    """Round to the grid of canonical scores; minus zero becomes zero."""
    return np.round(values, DECIMALS) + 0.0


def float32_error(dim: int) -> float:
    """Upper bound of |float32 dot product - canonical score| for unit vectors of ``dim`` numbers.

    The classic bound for any order of summation, n·u / (1 - n·u) with u = 2^-24 (Higham, Accuracy
    and Stability of Numerical Algorithms, section 3.1), times the lengths, plus the rounding.
    """
    unit = dim * 2.0**-24
    return unit / (1 - unit) * LONGEST**2 + 10.0**-DECIMALS
