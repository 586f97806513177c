"""False-negative rates at equal hardness: standardised within each subset, then averaged.

Cosines of different subsets have different scales, so hardness is compared within a subset alone
(pooled bins would compare an easy subset's hardest with a hard one's easiest). Ours; direct
standardisation as in epidemiology.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gen2embed.evaluation.negatives import Negatives


@dataclass(frozen=True)
class Standard:
    """The hardness that all strategies are compared at, within one subset.

    edges: of the bins, float64, shape (bins + 1,); bin i holds what is above edge i and at most
    edge i + 1 (the first holds the lowest too). weights: of the bins, shape (bins,), summing to 1
    over the common ones; 0: a bin that some strategy of the standard lacks. share: of the subset,
    among all subsets.
    """

    edges: np.ndarray
    weights: np.ndarray
    share: float

    @property
    def common(self) -> np.ndarray:
        """bool, shape (bins,): the bins that count."""
        return self.weights > 0

    def bins(self) -> list[dict[str, float]]:
        """The common bins: low, high, weight."""
        return [
            {
                "low": round(float(self.edges[i]), 9),
                "high": round(float(self.edges[i + 1]), 9),
                "weight": round(float(self.weights[i]), 9),
            }
            for i in np.flatnonzero(self.common)
        ]


def standards(strategies: Mapping[str, Sequence[Negatives]], bins: int) -> list[Standard]:
    """The standard of each subset, made by ``strategies``: one part a subset, the same for all.

    The bins are quantiles of the hardness of these strategies' negatives in the subset, each
    strategy weighing the same. A bin is common if every strategy that mined anything there has a
    negative in it; its weight is the mean over the strategies of the share of their negatives in
    it. A subset's share is likewise the mean over the strategies of its share of their negatives;
    a subset without a common bin has none.
    """
    subsets = len(next(iter(strategies.values()), ()))
    totals = [sum(len(part.hardness) for part in parts) for parts in strategies.values()]
    found = []
    for subset in range(subsets):
        mined = [parts[subset] for parts in strategies.values() if len(parts[subset].hardness)]
        edges = _edges([negatives.hardness for negatives in mined], bins)
        counts = [counted(negatives, edges)[0].sum(axis=0) for negatives in mined]
        weights = np.zeros(max(len(edges) - 1, 0))
        if counts:
            common = np.all([by_bin > 0 for by_bin in counts], axis=0)
            weights = np.where(
                common, np.mean([by_bin / by_bin.sum() for by_bin in counts], axis=0), 0.0
            )
        share = np.mean(
            [
                len(parts[subset].hardness) / total if total else 0.0
                for parts, total in zip(strategies.values(), totals, strict=True)
            ]
        )
        total = weights.sum()
        found.append((edges, weights / total if total else weights, share if total else 0.0))
    whole = sum(share for _, _, share in found)
    return [
        Standard(edges, weights, float(share / whole) if whole else 0.0)
        for edges, weights, share in found
    ]


def counted(strategy: Negatives, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Negatives and false negatives by cluster and bin: float64, shape (n_clusters, bins).

    A negative outside of the edges (of a strategy that is not of the standard) is in no bin.
    """
    n_bins = max(len(edges) - 1, 0)
    shape = (strategy.n_clusters, n_bins)
    if not n_bins:
        return np.zeros(shape), np.zeros(shape)
    inside = (strategy.hardness >= edges[0]) & (strategy.hardness <= edges[-1])
    bin_of = np.searchsorted(edges[1:-1], strategy.hardness[inside], side="left")
    cell = strategy.cluster[inside] * n_bins + bin_of
    size = strategy.n_clusters * n_bins
    negatives = np.bincount(cell, minlength=size).reshape(shape)
    false = np.bincount(cell, weights=strategy.false[inside], minlength=size).reshape(shape)
    return negatives.astype(np.float64), false


def is_comparable(counts: Sequence[np.ndarray], of: Sequence[Standard]) -> bool:
    """Whether a strategy has a negative in every bin that counts, in every subset that counts.

    counts: its negatives by cluster and bin, a part a subset.
    """
    wanted = [standard for standard in zip(counts, of, strict=True) if standard[1].share > 0]
    return bool(wanted) and all(
        (negatives.sum(axis=0)[standard.common] > 0).all() for negatives, standard in wanted
    )


def standardised(
    negatives: Sequence[np.ndarray], false: Sequence[np.ndarray], of: Sequence[Standard]
) -> np.ndarray:
    """Rates at equal hardness, draw by draw: shape (draws,); NaN where nothing is left.

    negatives, false: one array a subset, shape (draws, bins). A bin that a draw leaves empty does
    not count in that draw, nor does a subset that it leaves without a bin.
    """
    rates = np.zeros(len(negatives[0]))
    weight = np.zeros(len(negatives[0]))
    for count, wrong, standard in zip(negatives, false, of, strict=True):
        weights = standard.weights * (count > 0)
        total = weights.sum(axis=1)
        of_bins = np.divide(wrong, count, out=np.zeros_like(wrong), where=count > 0)
        of_subset = np.divide(
            (of_bins * weights).sum(axis=1), total, out=np.zeros_like(total), where=total > 0
        )
        rates += standard.share * of_subset
        weight += standard.share * (total > 0)
    return np.divide(rates, weight, out=np.full(len(weight), np.nan), where=weight > 0)


def _edges(hardness: Sequence[np.ndarray], bins: int) -> np.ndarray:
    """Lowest value, inner quantiles, highest value, each strategy weighing the same."""
    if not hardness:
        return np.empty(0)
    values = np.concatenate(hardness)
    weights = np.concatenate([np.full(len(of_task), 1 / len(of_task)) for of_task in hardness])
    order = np.argsort(values, kind="stable")
    share = np.cumsum(weights[order]) / weights.sum()
    inner = np.unique(values[order][np.searchsorted(share, np.arange(1, bins) / bins - 1e-9)])
    highest = values.max()
    return np.array([values.min(), *inner[inner < highest], highest])
