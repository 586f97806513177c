"""Known equivalences of which a share is hidden: the dose of false negatives, data unchanged. Ours.

The data, the vectors and the pairs stay as they are; what is revealed is struck from mining like an
annotated positive and masked in the loss, what is hidden can be mined as a false negative.
"""

from __future__ import annotations

import numpy as np

from gen2embed.errors import InputError

Ids = tuple[np.ndarray, np.ndarray]  # query and target ids, int64, both of shape (n,)
GOLDEN = 0x9E3779B97F4A7C15  # splitmix64 (Steele, Lea and Flood 2014)


def _mixed(words: np.ndarray) -> np.ndarray:
    """splitmix64's finaliser: uint64 to uint64, shape kept; overflow is meant."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def places(query_id: np.ndarray, target_id: np.ndarray, seed: int) -> np.ndarray:
    """A number in [0, 1) for each pair of ids, from the pair and the seed alone: shape (n,)."""
    words = np.full(len(query_id), seed, dtype=np.uint64)
    for ids in (query_id, target_id):
        words = _mixed(words + ids.astype(np.uint64) * np.uint64(2) + np.uint64(GOLDEN))
    return (words >> np.uint64(11)).astype(np.float64) / 2.0**53


def revealed(known: Ids, hidden: float, seed: int) -> Ids:
    """The known pairs that are not hidden, in their order.

    hidden: the expected share that is. A pair is hidden if its place is below it, so what is hidden
    at one share is hidden at every larger one; at 0 nothing is, at 1 everything.
    """
    shown = places(*known, seed) >= hidden
    query, target = (of_side[shown] for of_side in known)
    return query, target


def check_dose(equivalences: object, hidden: float, seed: int) -> None:
    """What the three flags ask of one another. Raises InputError."""
    if hidden < 1 and not equivalences:
        raise InputError(
            f"--hidden {hidden:g}: there is nothing to reveal; name --equivalences, or leave "
            "--hidden out"
        )
    if not 0 <= seed < 2**32:
        raise InputError(f"--hidden-seed is {seed}; give a whole number from 0 to {2**32 - 1}")
