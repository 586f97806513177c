"""Filters that other miners have, as one pure function with settings, and their recipes by name.

sentence-transformers (``mine_hard_negatives``, 6.2), FlagEmbedding (``scripts/hn_mine.py``), NeMo
(NVIDIA-NeMo/Automodel, ``recipes/retrieval/mine_hard_negatives.py``). NV-Retriever's TopK-PercPos
is the strategy ``perc_pos``.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from gen2embed.canonical import as_canonical
from gen2embed.errors import InputError

KEPT, RETRIEVED = RANKS_OF = ("kept", "retrieved")
TOP, RANDOM = DRAWS = ("top", "random")


@dataclass(frozen=True)
class Recipe:
    """What a candidate must fulfil, and how the negatives are drawn from those that do.

    Scores are cosines. absolute_margin: a negative scores at most the positive's score minus it;
    relative_margin: minus this share of the positive's magnitude; least_score, greatest_score:
    bounds, both included. range_min, range_max: ranks from 0, the first included, the last not;
    ranks_of: among those that the bounds left (``kept``, as in sentence-transformers), or as the
    search found them, positives counted (``retrieved``, as in FlagEmbedding). draw: the hardest of
    them, or at random. None: no bound. The fields are the keys of the configuration's ``mine``.
    """

    absolute_margin: float | None = None
    relative_margin: float | None = None
    least_score: float | None = None
    greatest_score: float | None = None
    range_min: int = 0
    range_max: int | None = None
    ranks_of: str = KEPT
    draw: str = TOP

    def check(self, k: int) -> None:
        """Raises InputError for settings that no candidate, or not k of them, can fulfil."""
        if self == Recipe():
            raise InputError(
                "the strategy filtered has no filter, which is hns; set a margin, a score, a range "
                "or draw"
            )
        if self.range_max is not None and self.range_max - self.range_min < k:
            raise InputError(
                f"range_min {self.range_min} and range_max {self.range_max} leave fewer than k "
                f"({k}) candidates; widen the range or lower k"
            )
        bounds = self.least_score, self.greatest_score
        if None not in bounds and bounds[0] > bounds[1]:
            raise InputError(
                f"least_score {bounds[0]:g} is above greatest_score {bounds[1]:g}; exchange them"
            )

    def pool_size(self, standard: int, positives: int) -> int:
        """Targets that a search must bring: what the range needs, else the frame's own number.

        positives: the most of a query, which take ranks as well.
        """
        if self.range_max is not None:
            return self.range_max + positives
        return standard + self.range_min

    def facts(self) -> dict[str, Any]:
        """What it says beyond nothing: for statistics."""
        return {key: value for key, value in asdict(self).items() if value != getattr(_NONE, key)}


_NONE = Recipe()

PRESETS = {
    "st_default": _NONE,  # mine_hard_negatives' defaults: the hardest, annotated positives struck
    "st_example": Recipe(  # the example of its docstring
        relative_margin=0.05, greatest_score=0.8, range_min=10, range_max=50, draw=RANDOM
    ),
    "flag_embedding": Recipe(  # hn_mine.py as its README runs it: --range_for_sampling 2-200
        range_min=2, range_max=200, ranks_of=RETRIEVED, draw=RANDOM
    ),
    "nemo": Recipe(relative_margin=0.05),  # hard_neg_margin 0.95 of the least positive, "perc"
}


def eligible(
    scores: np.ndarray, ranks: np.ndarray, least_positive: float, recipe: Recipe
) -> np.ndarray:
    """Places of the candidates that a recipe may draw from, in their order: int64.

    scores: of the candidates, none of them a known positive, descending, shape (n,); ranks: of each
    as the search found it, from 0, shape (n,); least_positive: the least score of the query's known
    positives, from which margins are measured. Limits are put on the grid of the scores
    (``canonical.py``). Source: sentence-transformers' ``mine_hard_negatives`` 6.2; for the ranks
    as retrieved, FlagEmbedding's ``find_knn_neg``.
    """
    stays = np.ones(len(scores), dtype=bool)
    limits = [recipe.greatest_score]
    if recipe.absolute_margin is not None:
        limits.append(least_positive - recipe.absolute_margin)
    if recipe.relative_margin is not None:
        limits.append(least_positive - recipe.relative_margin * abs(least_positive))
    for limit in limits:
        if limit is not None:
            stays &= scores <= as_canonical(np.float64(limit))
    if recipe.least_score is not None:
        stays &= scores >= as_canonical(np.float64(recipe.least_score))
    if recipe.ranks_of == RETRIEVED:
        last = np.inf if recipe.range_max is None else recipe.range_max
        return np.flatnonzero(stays & (ranks >= recipe.range_min) & (ranks < last))
    return np.flatnonzero(stays)[: recipe.range_max][recipe.range_min :]


def draw(places: np.ndarray, k: int, recipe: Recipe, seed: int, pair_id: int) -> np.ndarray:
    """k of the places, in their order: the first, or at random by the seed and the anchor pair."""
    if recipe.draw == TOP or len(places) <= k:
        return places[:k]
    generator = np.random.default_rng([seed, pair_id])
    return places[np.sort(generator.choice(len(places), k, replace=False))]
