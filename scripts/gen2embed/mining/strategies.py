"""Which candidates become negatives (step 3): the registry of strategies.

A strategy is one function with the signature of ``Choose`` and one line in ``STRATEGIES``, which
also says where its candidates come from. Every strategy makes the same cluster file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gen2embed.canonical import as_canonical
from gen2embed.errors import InputError
from gen2embed.mining.filters import PRESETS, Recipe, draw, eligible
from gen2embed.mining.owners import Candidates
from gen2embed.mining.saha import least_overlap

LEFT_OUT_ABOVE = (7, 10)  # of both_sides: rank over candidates; chosen on seed 100, docs/when.md
MARGIN = 0.05  # of margin (cosine) and of perc_pos (share of the positive's score): METHOD 2

SEARCH, CHANCE, NOWHERE = "search", "chance", "nowhere"


@dataclass(frozen=True)
class Settings:
    """What a choice may depend on besides the candidates."""

    k: int
    labelled: bool
    seed: int
    recipe: Recipe | None = None  # of filtered: the configuration's; of a preset: its own


Choose = Callable[[Candidates, Settings], np.ndarray]
"""Places of the kept candidates, at most ``k``, in the order in which they shall stand."""


@dataclass(frozen=True)
class Strategy:
    name: str
    choose: Choose
    candidates: str  # SEARCH, CHANCE or NOWHERE
    source: str
    recipe: Recipe | None = None  # of a preset


def saha(candidates: Candidates, settings: Settings) -> np.ndarray:
    """The k whose owner query is least like the anchor query; labelled subsets as ``hns``."""
    if settings.labelled:
        return hns(candidates, settings)
    return least_overlap(candidates.overlap, settings.k)


def hns(candidates: Candidates, settings: Settings) -> np.ndarray:
    """The k hardest, as retrieved."""
    return np.arange(min(settings.k, len(candidates)))


def both_sides(candidates: Candidates, settings: Settings) -> np.ndarray:
    """The k hardest but those that resemble the anchor on both sides; labelled subsets as ``hns``.

    Left out is a candidate whose owner query is among the 30 % most like the anchor query AND whose
    target is among the 30 % most like the anchor's own target. A minimal pair (the same thing,
    changed as the query asks) has a like owner query but another target: it may stay.
    """
    if settings.labelled:
        return hns(candidates, settings)
    suspicion = np.minimum(_ranks(candidates.overlap), _ranks(candidates.target_likeness))
    stays = LEFT_OUT_ABOVE[1] * suspicion <= LEFT_OUT_ABOVE[0] * len(candidates)
    return np.flatnonzero(stays)[: settings.k]


def margin(candidates: Candidates, settings: Settings) -> np.ndarray:
    """The k hardest that score at most the positive's score minus 0.05."""
    return _at_most(candidates, candidates.positive_score - MARGIN, settings.k)


def perc_pos(candidates: Candidates, settings: Settings) -> np.ndarray:
    """The k hardest that score at most 95 % of the positive's score."""
    positive = candidates.positive_score
    return _at_most(candidates, positive - MARGIN * abs(positive), settings.k)


def pool_tail(candidates: Candidates, settings: Settings) -> np.ndarray:
    """The k least hard of the candidates, in the order of retrieval."""
    return np.arange(max(0, len(candidates) - settings.k), len(candidates))


def pool_random(candidates: Candidates, settings: Settings) -> np.ndarray:
    """k random candidates, in the order of retrieval; drawn from the seed and the anchor pair."""
    if len(candidates) <= settings.k:
        return np.arange(len(candidates))
    pair_id = int(candidates.subset.pair_ids[candidates.row])
    generator = np.random.default_rng([settings.seed, pair_id])
    return np.sort(generator.choice(len(candidates), settings.k, replace=False))


def filtered(candidates: Candidates, settings: Settings) -> np.ndarray:
    """k of those that the recipe's filters leave, the hardest or at random (``filters.py``)."""
    recipe = settings.recipe
    if recipe is None:
        raise InputError("the strategy filtered needs filters; give some, or take hns")
    places = eligible(candidates.scores, candidates.ranks, candidates.least_positive_score, recipe)
    pair_id = int(candidates.subset.pair_ids[candidates.row])
    return draw(places, settings.k, recipe, settings.seed, pair_id)


def same_task(candidates: Candidates, settings: Settings) -> np.ndarray:
    """k random free pairs of the subset (the candidates come in random order)."""
    return hns(candidates, settings)


def in_batch(candidates: Candidates, settings: Settings) -> np.ndarray:  # noqa: ARG001
    """No mined negatives: every pair alone."""
    return np.arange(0)


def _ranks(values: np.ndarray) -> np.ndarray:
    """1 for the least to n for the greatest; of equals the first in retrieval is the lower."""
    ranks = np.empty(len(values), dtype=np.int64)
    ranks[np.argsort(values, kind="stable")] = np.arange(1, len(values) + 1)
    return ranks


def _at_most(candidates: Candidates, limit: float, k: int) -> np.ndarray:
    """The limit is put on the grid of the scores, so that "at most" means what it says."""
    return np.flatnonzero(candidates.scores <= as_canonical(np.float64(limit)))[:k]


STRATEGIES = {
    strategy.name: strategy
    for strategy in (
        Strategy("saha", saha, SEARCH, "Ju and Lee 2025, algorithm 1"),
        Strategy("hns", hns, SEARCH, "hardest negatives; Xiong et al. 2021 (ANCE)"),
        Strategy("both_sides", both_sides, SEARCH, "ours; docs/when.md"),
        Strategy("margin", margin, SEARCH, "absolute margin; Moreira et al. 2024 (NV-Retriever)"),
        Strategy("perc_pos", perc_pos, SEARCH, "95 % rule; Moreira et al. 2024 (NV-Retriever)"),
        Strategy("filtered", filtered, SEARCH, "the filters of mine.*; filters.py"),
        *(
            Strategy(name, filtered, SEARCH, source, PRESETS[name])
            for name, source in (
                ("st_default", "sentence-transformers 6.2, mine_hard_negatives: its defaults"),
                ("st_example", "likewise, the example of its docstring"),
                ("flag_embedding", "FlagEmbedding, hn_mine.py: ranks 2 to 200 at random"),
                ("nemo", "NeMo Automodel, mine_hard_negatives: 95 % of the least positive"),
            )
        ),
        Strategy("pool_tail", pool_tail, SEARCH, "control of ours"),
        Strategy("pool_random", pool_random, SEARCH, "control of ours"),
        Strategy("same_task", same_task, CHANCE, "control of ours; batches of one task"),
        Strategy("in_batch", in_batch, NOWHERE, "no mining; Oord et al. 2018 (InfoNCE)"),
    )
}


def get_strategy(name: str) -> Strategy:
    """Raises InputError for a name that is not registered."""
    if not isinstance(name, str) or name not in STRATEGIES:
        raise InputError(f"unknown strategy {name!r}; known: {', '.join(STRATEGIES)}")
    return STRATEGIES[name]
