"""How many mined negatives are in truth positives: a report, never an input of mining.

The paper has cosine proxies only (figure 5). Where a benchmark knows which targets are equivalent
to the annotated one, the true rate can be measured: of the anchors' negatives, of every ordered
pair of a cluster (in the loss each of its queries asks), and AT EQUAL HARDNESS: a strategy must not
look safe just because its negatives are easy. All of it is ours.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from math import hypot
from typing import Any

import numpy as np

from gen2embed.evaluation.equal_hardness import (
    Standard,
    counted,
    is_comparable,
    standardised,
    standards,
)
from gen2embed.evaluation.intervals import DRAWS, interval, resampled, wilson
from gen2embed.evaluation.negatives import Negatives

BINS = 10
MEASURES = ("overall", "in_clusters", "equal_hardness")


@dataclass(frozen=True)
class Rate:
    """A share or a mean with its 95 % interval; None where there is nothing to divide by."""

    value: float | None
    ci_low: float | None
    ci_high: float | None


NOTHING = Rate(None, None, None)


@dataclass(frozen=True)
class Report:
    """One strategy's row of the comparison.

    ``overall``: false negatives among those of the anchors. ``in_clusters``: among all ordered
    pairs of its clusters that are negatives of the loss. ``equal_hardness``: the first, at the
    hardness of the standard; ``coverage``: share of its negatives in bins that count.
    ``minimal_pairs``: share of its negatives that are minimal pairs; ``clusters_with_minimal``: of
    its clusters with negatives, those with one. ``overlap_*``: mean overlap of false negatives, of
    minimal pairs, of all others. ``by_hardness``: of a single subset, its rate in each bin that
    holds one of its negatives, easiest first.
    """

    clusters: int
    negatives: int
    false_negatives: int
    hardness_mean: Rate
    overall: Rate
    in_clusters: Rate
    equal_hardness: Rate
    coverage: float | None
    minimal_pairs: Rate
    clusters_with_minimal: Rate
    overlap_false: float | None
    overlap_minimal: float | None
    overlap_others: float | None
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


@dataclass(frozen=True)
class Comparison:
    """Reports by strategy; differences between the strategies of the standard; the standards."""

    reports: dict[str, Report]
    differences: list[dict[str, Any]]
    standards: list[Standard]


def compare(
    strategies: Mapping[str, Sequence[Negatives]],
    standard: Sequence[str] = (),
    *,
    bins: int = BINS,
    draws: int = DRAWS,
    seed: int = 0,
) -> Comparison:
    """Compare strategies over subsets: a part a subset, the same subsets in the same order.

    standard: the strategies whose hardness all are compared at (default: all); any other is
    comparable only where it has negatives in all of their common bins. Intervals are percentiles of
    a bootstrap over clusters within each subset, since the negatives of one anchor are not
    independent; where none or all are false, Wilson's over clusters. Differences are first minus
    second, of every two strategies of the standard.
    """
    chosen = {name: strategies[name] for name in standard or strategies}
    mined = {name: parts for name, parts in chosen.items() if any(len(p.hardness) for p in parts)}
    of = standards(mined, bins)
    measured = {
        name: _Measured(parts, of, draws, (seed, zlib.crc32(name.encode())))
        for name, parts in strategies.items()
    }
    return Comparison(
        {name: measurement.report() for name, measurement in measured.items()},
        [
            {"first": first, "second": second, "measure": measure, **found}
            for measure in MEASURES
            for first, second in combinations(mined, 2)
            if (found := _difference(*(measured[name].rate(measure) for name in (first, second))))
        ],
        of,
    )


class _Measured:
    """One strategy's counts and their bootstrap draws: values, and what was drawn of them."""

    def __init__(
        self,
        parts: Sequence[Negatives],
        of: Sequence[Standard],
        draws: int,
        seed: tuple[int, int],
    ):
        # a comparison without a negative has no standards
        of = of or [Standard(np.empty(0), np.empty(0), 0.0)] * len(parts)
        self.parts, self.of = parts, of
        counts = [counted(part, standard.edges) for part, standard in zip(parts, of, strict=True)]
        self.binned = counts
        facts = [_facts(part) for part in parts]
        drawn_facts, self.drawn = np.zeros((draws, facts[0].shape[1])), []
        for subset, (of_clusters, (negatives, false)) in enumerate(zip(facts, counts, strict=True)):
            every = np.concatenate([of_clusters, negatives, false], axis=1)
            drawn = np.zeros((draws, every.shape[1]))
            if len(every):
                drawn = resampled(len(every), draws, (*seed, subset)) @ every
            drawn_facts += drawn[:, : of_clusters.shape[1]]
            self.drawn.append(np.split(drawn[:, of_clusters.shape[1] :], 2, axis=1))
        sums = np.concatenate(facts).sum(axis=0)
        self.values: dict[str, float] = {}
        self.draws: dict[str, np.ndarray] = {}
        with np.errstate(invalid="ignore", divide="ignore"):
            for name, (top, below) in RATIOS.items():
                self.values[name] = float(sums[top] / sums[below])
                self.draws[name] = drawn_facts[:, top] / drawn_facts[:, below]
        self.values["equal_hardness"] = float("nan")
        self.draws["equal_hardness"] = np.full(draws, np.nan)
        if is_comparable([negatives for negatives, _ in counts], of):
            totals = [[part.sum(axis=0)[None] for part in of_part] for of_part in counts]
            self.values["equal_hardness"] = float(
                standardised(*map(list, zip(*totals, strict=True)), of)[0]
            )
            self.draws["equal_hardness"] = standardised(
                *map(list, zip(*self.drawn, strict=True)), of
            )

    @property
    def clusters(self) -> int:
        """Clusters with a negative: what is resampled and tells something."""
        return sum(len(np.unique(part.cluster)) for part in self.parts)

    def rate(self, name: str) -> Rate:
        return _rate(self.values[name], self.draws[name], self.clusters)

    def report(self) -> Report:
        false, minimal, overlap = (
            np.concatenate([getattr(part, name) for part in self.parts])
            for name in ("false", "minimal", "overlap")
        )
        covered = sum(
            float(negatives[:, standard.common].sum())
            for (negatives, _), standard in zip(self.binned, self.of, strict=True)
        )
        with_minimal = sum(len(np.unique(part.cluster[part.minimal])) for part in self.parts)
        return Report(
            clusters=sum(part.n_clusters for part in self.parts),
            negatives=len(false),
            false_negatives=int(false.sum()),
            hardness_mean=_mean(self.values["hardness_mean"], self.draws["hardness_mean"]),
            overall=self.rate("overall"),
            in_clusters=self.rate("in_clusters"),
            equal_hardness=self.rate("equal_hardness"),
            coverage=round(covered / len(false), 9) if len(false) else None,
            minimal_pairs=self.rate("minimal_pairs"),
            clusters_with_minimal=_counted(with_minimal, self.clusters),
            overlap_false=_of(overlap[false]),
            overlap_minimal=_of(overlap[minimal]),
            overlap_others=_of(overlap[~false & ~minimal]),
            by_hardness=tuple(self.bins()) if len(self.parts) == 1 else (),
        )

    def bins(self) -> Iterator[dict[str, float | int]]:
        """Each bin with its counts, rate and interval; bins without a negative are left out."""
        (negatives, false), (drawn, drawn_false) = self.binned[0], self.drawn[0]
        edges = self.of[0].edges
        totals, wrong = negatives.sum(axis=0), false.sum(axis=0)
        for column in np.flatnonzero(totals):
            filled = drawn[:, column] > 0
            rates = drawn_false[filled, column] / drawn[filled, column]
            units = int((negatives[:, column] > 0).sum())
            rate = _rate(float(wrong[column] / totals[column]), rates, units)
            yield {
                "low": round(float(edges[column]), 9),
                "high": round(float(edges[column + 1]), 9),
                "negatives": int(totals[column]),
                "false_negatives": int(wrong[column]),
                "rate": rate.value,
                "ci_low": rate.ci_low,
                "ci_high": rate.ci_high,
            }


# of a cluster: negatives, false ones, minimal pairs, sum of hardness, ordered pairs, false ones
RATIOS = {
    "overall": (1, 0),
    "minimal_pairs": (2, 0),
    "hardness_mean": (3, 0),
    "in_clusters": (5, 4),
}


def _facts(negatives: Negatives) -> np.ndarray:
    """The numbers of each cluster that RATIOS divides: float64, shape (n_clusters, 6)."""
    n = negatives.n_clusters
    columns = [
        np.bincount(negatives.cluster, weights=weights, minlength=n)
        for weights in (
            np.ones(len(negatives.cluster)),
            negatives.false,
            negatives.minimal,
            negatives.hardness,
        )
    ]
    return np.stack([*columns, negatives.asked, negatives.asked_false], axis=1).astype(np.float64)


def _difference(first: Rate, second: Rate) -> dict[str, float] | None:
    """First minus second with the interval that the two rates' own give (square-and-add: Newcombe
    1998, Zou and Donner 2008), which has width also where one of them is 0."""
    if first.value is None or second.value is None:
        return None
    value = first.value - second.value
    below = hypot(first.value - first.ci_low, second.ci_high - second.value)
    above = hypot(first.ci_high - first.value, second.value - second.ci_low)
    found = {"value": value, "ci_low": value - below, "ci_high": value + above}
    return {name: round(number, 9) for name, number in found.items()}


def _mean(value: float, drawn: np.ndarray) -> Rate:
    drawn = drawn[np.isfinite(drawn)]
    if not np.isfinite(value) or not len(drawn):
        return NOTHING
    low, high = interval(drawn)
    return Rate(round(value, 9), round(low, 9), round(high, 9))


def _rate(value: float, drawn: np.ndarray, units: int) -> Rate:
    if value in (0.0, 1.0):
        return _counted(int(value) * units, units)
    return _mean(value, drawn)


def _counted(hits: int, n: int) -> Rate:
    """So many of n independent ones, with Wilson's interval."""
    if not n:
        return NOTHING
    low, high = wilson(hits, n)
    return Rate(round(hits / n, 9), round(low, 9), round(high, 9))


def _of(values: np.ndarray) -> float | None:
    return round(float(values.mean()), 9) if len(values) else None
