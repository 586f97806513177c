"""How many mined negatives are in truth positives: a report, never an input of mining.

The paper has cosine proxies only (figure 5). Where a benchmark knows which targets are equivalent
to the annotated one, the true rate can be measured, and compared between strategies AT EQUAL
HARDNESS: a strategy must not look safe just because its negatives are easy. All of it is ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from gen2embed.mining.clusters import ClusterTable

DRAWS = 1000
CONFIDENCE = 0.95
BINS = 10


@dataclass(frozen=True)
class Negatives:
    """The mined negatives of one strategy, flat; shapes (n_negatives,)."""

    cluster: np.ndarray  # int64: which cluster each belongs to, 0..n_clusters-1
    hardness: np.ndarray  # cosine of anchor query and negative target
    false: np.ndarray  # bool: the target is a true positive of the anchor query
    n_clusters: int


@dataclass(frozen=True)
class Rate:
    """A false-negative rate; None where there is nothing to divide by."""

    value: float | None
    ci_low: float | None
    ci_high: float | None


@dataclass(frozen=True)
class Report:
    """One strategy's row of the comparison within a subset.

    ``overall``: over all its negatives. ``equal_hardness``: the rates of the common hardness bins,
    weighted alike for all strategies. ``coverage``: share of its negatives in common bins.
    ``hardness_mean``: over all its negatives. ``by_hardness``: its rate in each hardness bin that
    holds one of its negatives, easiest first.
    """

    clusters: int
    negatives: int
    false_negatives: int
    hardness_mean: float | None
    overall: Rate
    equal_hardness: Rate
    coverage: float | None
    by_hardness: tuple[Mapping[str, float | int], ...]

    def flat(self) -> dict[str, float | int | None]:
        """One level of names, for a table; without the bins."""
        found: dict[str, float | int | None] = {}
        for name, value in asdict(self).items():
            if name == "by_hardness":
                continue
            if isinstance(value, dict):
                found |= {
                    name if key == "value" else f"{name}_{key}": v for key, v in value.items()
                }
            else:
                found[name] = value
        return found


def label_negatives(
    table: ClusterTable,
    query_id: np.ndarray,
    target_id: np.ndarray,
    known_query: np.ndarray,
    known_target: np.ndarray,
) -> Negatives:
    """Mark the negatives whose target is known to be right for the anchor query.

    ``query_id``, ``target_id``: of the pairs, shape (n_pairs,). ``known_query``, ``known_target``:
    true positives beyond the annotated ones, shape (n_known,). Annotated pairs count as positives
    as well (mining strikes them, but other people's clusters may not).
    """
    cluster = np.repeat(np.arange(len(table)), table.negatives)
    anchor = query_id[table.anchor_pair][cluster]
    target = target_id[table.negative_pairs]
    positive_query = np.concatenate([query_id, known_query])
    positive_target = np.concatenate([target_id, known_target])
    width = int(max(positive_target.max(initial=0), target.max(initial=0))) + 1
    false = np.isin(anchor * width + target, positive_query * width + positive_target)
    return Negatives(cluster, np.asarray(table.hardness, dtype=np.float64), false, len(table))


def compare(
    strategies: Mapping[str, Negatives], *, bins: int = BINS, draws: int = DRAWS, seed: int = 0
) -> tuple[dict[str, Report], list[dict[str, float]]]:
    """Reports by strategy, and the common hardness bins (low, high, weight).

    The bins are quantiles of the hardness of all strategies' negatives, each strategy weighing
    the same. A bin is common if every strategy that mined anything has a negative in it; its
    weight is the mean over the strategies of the share of their negatives in it. Intervals are
    percentiles of a bootstrap over clusters, since the negatives of one anchor are not
    independent; bins that a draw leaves empty do not count in that draw.
    """
    mined = {name: strategy for name, strategy in strategies.items() if len(strategy.hardness)}
    edges = _edges([value.hardness for value in mined.values()], bins)
    counts = {name: _by_bin(item, edges) for name, item in mined.items()}
    totals = {name: negatives.sum(axis=0) for name, (negatives, _) in counts.items()}
    n_bins = max(len(edges) - 1, 0)
    common = np.ones(n_bins, dtype=bool)
    weights = np.zeros(n_bins)
    for total in totals.values():
        common &= total > 0
        weights += total / total.sum() / len(totals)
    weights = np.where(common, weights, 0.0)
    weights = weights / weights.sum() if weights.sum() > 0 else weights
    reports = {}
    for name, strategy in strategies.items():
        if name in mined:
            reports[name] = _report(strategy, *counts[name], edges, weights, draws, seed)
        else:
            nothing = Rate(None, None, None)
            reports[name] = Report(strategy.n_clusters, 0, 0, None, nothing, nothing, None, ())
    table = [
        {"low": float(edges[i]), "high": float(edges[i + 1]), "weight": float(weights[i])}
        for i in np.flatnonzero(common)
    ]
    return reports, table


def _edges(hardness: list[np.ndarray], bins: int) -> np.ndarray:
    """Lowest value, inner quantiles, highest value, each strategy weighing the same.

    Bin i holds what is above edge i and at most edge i + 1 (the first holds the lowest too).
    """
    if not hardness:
        return np.empty(0)
    values = np.concatenate(hardness)
    weights = np.concatenate([np.full(len(values), 1 / len(values)) for values in hardness])
    order = np.argsort(values, kind="stable")
    share = np.cumsum(weights[order]) / weights.sum()
    inner = np.unique(values[order][np.searchsorted(share, np.arange(1, bins) / bins - 1e-9)])
    highest = values.max()
    return np.array([values.min(), *inner[inner < highest], highest])


def _by_bin(strategy: Negatives, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Negatives and false negatives by cluster and bin: float64, shape (n_clusters, n_bins)."""
    n_bins = len(edges) - 1
    bin_ = np.searchsorted(edges[1:-1], strategy.hardness, side="left")
    cell = strategy.cluster * n_bins + bin_
    size = strategy.n_clusters * n_bins
    shape = (strategy.n_clusters, n_bins)
    negatives = np.bincount(cell, minlength=size).reshape(shape)
    false = np.bincount(cell, weights=strategy.false, minlength=size).reshape(shape)
    return negatives.astype(np.float64), false


def _report(
    strategy: Negatives,
    negatives: np.ndarray,
    false: np.ndarray,
    edges: np.ndarray,
    weights: np.ndarray,
    draws: int,
    seed: int,
) -> Report:
    drawn_negatives, drawn_false = _bootstrap(negatives, false, draws, seed)
    with np.errstate(invalid="ignore", divide="ignore"):
        overall = drawn_false.sum(axis=1) / drawn_negatives.sum(axis=1)
    return Report(
        clusters=strategy.n_clusters,
        negatives=len(strategy.hardness),
        false_negatives=int(strategy.false.sum()),
        hardness_mean=round(float(strategy.hardness.mean()), 9),
        overall=_rate(float(strategy.false.mean()), overall),
        equal_hardness=_rate(
            float(_weighted(negatives.sum(axis=0)[None], false.sum(axis=0)[None], weights)[0]),
            _weighted(drawn_negatives, drawn_false, weights),
        ),
        coverage=round(float(negatives[:, weights > 0].sum() / negatives.sum()), 9),
        by_hardness=tuple(_bins(negatives, false, drawn_negatives, drawn_false, edges)),
    )


def _bins(
    negatives: np.ndarray,
    false: np.ndarray,
    drawn_negatives: np.ndarray,
    drawn_false: np.ndarray,
    edges: np.ndarray,
) -> Iterator[dict[str, float | int]]:
    """Each bin with its counts, rate and interval; bins without a negative are left out."""
    totals, wrong = negatives.sum(axis=0), false.sum(axis=0)
    for bin_ in np.flatnonzero(totals):
        filled = drawn_negatives[:, bin_] > 0
        drawn = drawn_false[filled, bin_] / drawn_negatives[filled, bin_]
        rate = _rate(float(wrong[bin_] / totals[bin_]), drawn)
        yield {
            "low": round(float(edges[bin_]), 9),
            "high": round(float(edges[bin_ + 1]), 9),
            "negatives": int(totals[bin_]),
            "false_negatives": int(wrong[bin_]),
            "rate": rate.value,
            "ci_low": rate.ci_low,
            "ci_high": rate.ci_high,
        }


def pool(parts: Sequence[Negatives]) -> Negatives:
    """The negatives of several subsets as one: clusters are numbered on."""
    starts = np.cumsum([0, *(part.n_clusters for part in parts)])
    return Negatives(
        cluster=np.concatenate(
            [part.cluster + start for part, start in zip(parts, starts[:-1], strict=True)]
        ),
        hardness=np.concatenate([part.hardness for part in parts]),
        false=np.concatenate([part.false for part in parts]),
        n_clusters=int(starts[-1]),
    )


def _bootstrap(
    negatives: np.ndarray, false: np.ndarray, draws: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Both counts by draw and bin, clusters drawn with replacement: shape (draws, n_bins)."""
    generator = np.random.default_rng(seed)
    n_clusters = len(negatives)
    both = np.concatenate([negatives, false], axis=1)
    drawn = np.empty((draws, both.shape[1]))
    for draw in drawn:
        picks = generator.integers(0, n_clusters, n_clusters)
        draw[:] = np.bincount(picks, minlength=n_clusters) @ both
    return drawn[:, : negatives.shape[1]], drawn[:, negatives.shape[1] :]


def _weighted(negatives: np.ndarray, false: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean of the bins' rates by ``weights``; NaN where no weighted bin holds a negative."""
    filled = negatives > 0
    rates = np.divide(false, negatives, out=np.zeros_like(false), where=filled)
    weights = weights * filled
    total = weights.sum(axis=1)
    return np.divide(
        (rates * weights).sum(axis=1), total, out=np.full(len(total), np.nan), where=total > 0
    )


def _rate(value: float, drawn: np.ndarray) -> Rate:
    drawn = drawn[np.isfinite(drawn)]
    if not np.isfinite(value) or not len(drawn):
        return Rate(None, None, None)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Rate(round(value, 9), round(float(low), 9), round(float(high), 9))
