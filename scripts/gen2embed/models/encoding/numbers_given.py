"""What a model gives must be numbers: half precision overflows, and checkpoints break. Ours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gen2embed.errors import InputError

NEAR = 1e-2  # of length 1; a vector of zeros stays one when it is brought to length 1


def check_given(vectors: np.ndarray, rows: Sequence[int], what: str) -> None:
    """Raise InputError for the first vector that is not finite, or all zeros.

    vectors: brought to length 1, shape (len(rows), dim); rows: their numbers, named in the error
    after ``what``.
    """
    lengths = np.linalg.norm(vectors, axis=1)
    bad = ~(np.abs(lengths - 1) < NEAR)  # nan is near nothing
    if bad.any():
        first = int(bad.argmax())
        kind = "zeros" if lengths[first] < NEAR else "values that are not finite"
        raise InputError(
            f"{what} {rows[first]}: the model gives {kind}; take --dtype fp32, or check its weights"
        )
