"""Pools of negatives: how large, how evenly used, and whether they are harder than chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np

from gen2embed.triplets.items import Row, jaccard, words

MANY = 0.05  # of the rows: a negative in more is in nearly every batch
NO_HARDER = 0.01  # likeness: below this, negatives are as easy as drawn ones
Z = 1.96
SMALL = 2  # times the negatives of a row: fewer different ones in the whole file are few


def describe_pool(rows: Sequence[Row]) -> dict[str, Any]:
    """Counts of negatives; ``small`` and ``overused`` are the verdicts, with what they rest on."""
    used = Counter(negative for row in rows for negative in set(row.negatives))
    total = sum(len(row.negatives) for row in rows)
    most = max((len(row.negatives) for row in rows), default=0)
    often = [item for item, count in used.items() if count > max(1, MANY * len(rows))]
    return {
        "negatives": total,
        "different_negatives": len(used),
        "least_in_a_row": min((len(row.negatives) for row in rows), default=0),
        "most_in_a_row": most,
        "used_most_often": max(used.values(), default=0),
        "overused": len(often),
        "small": bool(used) and len(rows) > 1 and len(used) < SMALL * most,
    }


def harder_than_chance(rows: Sequence[Row], seed: int) -> dict[str, Any]:
    """Words that negatives share with their query and positives, less what other rows' share.

    Of each row with texts: the mean Jaccard likeness of its negatives to query and positives, minus
    that of as many negatives drawn from the other rows. ``difference`` with its 95 % interval over
    rows (normal). It sees words alone: negatives that are hard for another reason (images,
    paraphrases) are not seen, so "no harder" is a reason to look, not a proof.
    """
    texts = [
        (words([row.query, *row.positives]), [words([negative]) for negative in row.negatives])
        for row in rows
    ]
    texts = [(own, its) for own, its in texts if own and any(its)]
    if len(texts) < 2:
        return {"rows": len(texts), "verdict": "not told: fewer than 2 rows have texts"}
    generator = np.random.default_rng(seed)
    pool = [(number, grams) for number, (_, its) in enumerate(texts) for grams in its]
    owners = np.array([number for number, _ in pool])
    differences = np.empty(len(texts))
    for number, (own, its) in enumerate(texts):
        drawn = generator.integers(len(pool), size=4 * len(its))
        drawn = drawn[owners[drawn] != number][: len(its)]
        others = [jaccard(own, pool[place][1]) for place in drawn]
        mine = np.mean([jaccard(own, negative) for negative in its])
        differences[number] = mine - np.mean(others) if others else np.nan
    differences = differences[np.isfinite(differences)]
    if len(differences) < 2:
        return {"rows": len(differences), "verdict": "not told: one row holds all negatives"}
    spread = Z * float(differences.std(ddof=1)) / sqrt(len(differences))
    low, high = differences.mean() - spread, differences.mean() + spread
    verdict = "undecided"
    if low > 0:
        verdict = "harder than chance"
    elif high <= NO_HARDER:
        verdict = "no harder than chance, in words"
    return {
        "rows": len(differences),
        "difference": round(float(differences.mean()), 6),
        "ci_low": round(float(low), 6),
        "ci_high": round(float(high), 6),
        "verdict": verdict,
    }
