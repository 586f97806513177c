"""Which anchors a gallery of false negatives shows: pure choice, no drawing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gen2embed.mining.clusters import ClusterTable


@dataclass(frozen=True)
class Case:
    """An anchor pair, a false negative that one strategy mined, and what another kept instead.

    All are pairs; hardness and overlap are the false negative's; ``kept`` is the other strategy's
    hardest negative for the same anchor, with its own two numbers.
    """

    anchor: int
    false_negative: int
    hardness: float
    overlap: float
    kept: int
    kept_hardness: float
    kept_overlap: float


def find_cases(
    table: ClusterTable, false: np.ndarray, other: ClusterTable, other_false: np.ndarray
) -> list[Case]:
    """Anchors for which ``table`` holds a false negative and ``other`` a true negative.

    false, other_false: bool per negative. Hardest false negative of each anchor; cases in
    descending hardness, ties by anchor.
    """
    kept = _hardest(other, ~other_false)
    cases = []
    for anchor, at in _hardest(table, false).items():
        if anchor in kept:
            of_other = kept[anchor]
            cases.append(
                Case(
                    anchor=anchor,
                    false_negative=int(table.negative_pairs[at]),
                    hardness=float(table.hardness[at]),
                    overlap=float(table.overlap[at]),
                    kept=int(other.negative_pairs[of_other]),
                    kept_hardness=float(other.hardness[of_other]),
                    kept_overlap=float(other.overlap[of_other]),
                )
            )
    return sorted(cases, key=lambda case: (-case.hardness, case.anchor))


def _hardest(table: ClusterTable, wanted: np.ndarray) -> Mapping[int, int]:
    """Anchor pair -> place of its hardest wanted negative, in the order of mining."""
    found: dict[int, int] = {}
    cluster = np.repeat(np.arange(len(table)), table.negatives)
    for at in np.flatnonzero(wanted):
        anchor = int(table.anchor_pair[cluster[at]])
        if anchor not in found or table.hardness[at] > table.hardness[found[anchor]]:
            found[anchor] = int(at)
    return found
