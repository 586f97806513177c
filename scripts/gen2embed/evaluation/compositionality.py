"""SugarCrepe's and SugarCrepe++'s accuracies from vectors (arXiv 2306.14610 and 2406.11171).

Image-to-text: a row is right if every true caption (one, or in SugarCrepe++ both) scores above the
false one with the image. Text-only (SugarCrepe++): right if the two true captions are closer to
each other than either is to the false one. Scores are canonical, so a tie is a tie on any machine;
a tie is a miss, and the value with ties given to the true captions is told beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gen2embed.canonical import canonical


@dataclass(frozen=True)
class Outcomes:
    """What came out, row by row; shapes (n_rows,)."""

    margin: np.ndarray  # float64: the worst true score minus the best false one
    chances: np.ndarray  # float64: of guessing the row right

    @property
    def right(self) -> np.ndarray:
        """bool: true scores are above the false ones."""
        return self.margin > 0

    @property
    def index0_right(self) -> np.ndarray:
        """bool: no false score is above a true one (ties go to the true captions)."""
        return self.margin >= 0

    @property
    def ties(self) -> np.ndarray:
        """bool: undecided."""
        return self.margin == 0


def image_to_text(
    captions: np.ndarray,
    images: np.ndarray,
    image_ids: np.ndarray,
    true_ids: Sequence[np.ndarray],
    false_ids: np.ndarray,
) -> Outcomes:
    """Margin: the lowest true caption's score with the image minus the false caption's.

    captions, images: unit vectors by id, shape (n, dim); image_ids, false_ids: int64, shape
    (n_rows,); true_ids: per row int64, shape (1,) or (2,). The chance that the false caption is
    not among the best is 1 / (1 + true captions): any order of all captions is as likely.
    """
    margin = np.empty(len(image_ids))
    chances = np.empty(len(image_ids))
    for row, (image, true, false) in enumerate(zip(image_ids, true_ids, false_ids, strict=True)):
        scores = canonical(
            images[image].astype(np.float64), captions[[*true, false]].astype(np.float64)
        )
        margin[row] = scores[:-1].min() - scores[-1]
        chances[row] = 1 / len(scores)
    return Outcomes(margin, chances)


def text_only(
    captions: np.ndarray, true_ids: Sequence[np.ndarray], false_ids: np.ndarray
) -> Outcomes:
    """Margin: the true captions' score with each other minus the higher of theirs with the false.

    Arguments as in ``image_to_text``; every row has two true captions (ValueError otherwise).
    Chance is 1/3: the closest of three pairs is as likely to be any of them.
    """
    margin = np.empty(len(false_ids))
    for row, (true, false) in enumerate(zip(true_ids, false_ids, strict=True)):
        if len(true) != 2:
            raise ValueError(f"row {row} has {len(true)} true captions; text-only compares two")
        first, second, other = captions[[*true, false]].astype(np.float64)
        of_first = canonical(first, np.stack([second, other]))
        of_second = canonical(second, other[None])
        margin[row] = of_first[0] - max(of_first[1], of_second[0])
    return Outcomes(margin, np.full(len(margin), 1 / 3))
