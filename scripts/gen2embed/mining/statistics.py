"""What mining did with a subset, as numbers for the statistics file."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from gen2embed.mining.clusters import ClusterTable
from gen2embed.mining.owners import RANKS

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def describe(table: ClusterTable, tally: Counter) -> dict[str, Any]:
    """Counts and distributions of one subset's clusters; the same for any block size or threads.

    ``tally`` holds the proposer's counts: anchors whose search was used (both passes), targets
    passed by because no owner of theirs was free, candidates passed over because the negative
    pair's target is a known positive of the anchor, and the positive's rank in pass 1's searches.
    """
    sizes, counts = np.unique(table.negatives + 1, return_counts=True)
    histogram = {str(size): int(count) for size, count in zip(sizes, counts, strict=True)}
    return {
        "clusters": len(table),
        "clusters_phase_1": int((table.phase == 1).sum()),
        "clusters_phase_2": int((table.phase == 2).sum()),
        "singles": histogram.get("1", 0),
        "negatives": len(table.negative_pairs),
        "cluster_sizes": histogram,
        "searches": tally["searches"],
        "owner_taken": tally["owner_taken"],
        "passed_over": tally["passed_over"],
        "positive_rank": {
            "searched_anchors": tally["searched_anchors"],
            **{f"top_{rank}": tally[f"positive_in_top_{rank}"] for rank in RANKS},
        },
        "hardness": spread(table.hardness),
        "overlap": spread(table.overlap),
    }


def spread(values: np.ndarray) -> dict[str, float] | None:
    """Mean and quantiles, rounded to 9 decimals; None where there are no values."""
    if not len(values):
        return None
    quantiles = np.quantile(values, QUANTILES)
    found = {"mean": values.mean()} | {
        f"q{round(100 * share):02d}": value
        for share, value in zip(QUANTILES, quantiles, strict=True)
    }
    return {name: round(float(value), 9) for name, value in found.items()}
