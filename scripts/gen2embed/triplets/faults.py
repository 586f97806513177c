"""What is wrong with the negatives of a triplet file: pure functions over its rows.

A negative is *false* if it answers the query. That is so where it is a positive of the same query
anywhere in the file, or of a query that differs in writing alone: the owner's likeness that SaHa
(Ju and Lee 2025) goes by, on words in place of vectors. What shares most letters with a positive
may be false or a minimal pair, which is a good negative: told, and removed only where asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gen2embed.triplets.items import Item, Row, key, near

KINDS = {  # of a negative; the first that holds is told
    "empty": "no text and no image",
    "positive": "is a positive of the same query",
    "rewritten": "differs from a positive of the same query in writing alone",
    "query": "is the query itself",
    "of_like_query": "is a positive of a query that differs in writing alone",
    "repeated": "stands in its row before",
    "near_positive": "shares most of its letters with a positive of the same query",
    "outscores": "has a score above the positive's, by the file's own scores",
}
CERTAIN = ("empty", "positive", "rewritten", "query", "of_like_query", "repeated")
ROW_KINDS = {
    "empty_query": "no text and no image",
    "no_positive": "no positive, or an empty one",
    "no_negatives": "no negative",
    "repeated_row": "query, positives and negatives stand there before",
}


class Fault(NamedTuple):
    row: int
    negative: int  # place in the row; -1: of the whole row
    kind: str
    item: str  # the negative's text and images, shortened


@dataclass(frozen=True)
class Known:
    """What the file says of its queries and targets."""

    positives: dict[Item, set[Item]]  # of each query
    by_likeness: dict[Item, set[Item]]  # of each query as ``key`` sees it
    targets: set[Item]  # that are a positive of some query

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Known:
        positives, alike = defaultdict(set), defaultdict(set)
        for row in rows:
            positives[row.query].update(row.positives)
            alike[key(row.query)].update(row.positives)
        targets = set().union(*positives.values()) if positives else set()
        return cls(dict(positives), dict(alike), targets)


def find_faults(rows: Sequence[Row], known: Known, least: float) -> list[Fault]:
    """Every faulty negative, with the first of ``KINDS`` that holds, and every faulty row.

    least: share of character grams from which on two texts are nearly the same, 0 to 1.
    """
    found, seen = [], set()
    for number, row in enumerate(rows):
        found += [Fault(number, -1, kind, shown(row.query)) for kind in of_row(row, seen)]
        seen.add(row[:3])
        before: set[Item] = set()
        for place, negative in enumerate(row.negatives):
            kind = of_negative(row, place, known, before, least)
            before.add(negative)
            if kind:
                found.append(Fault(number, place, kind, shown(negative)))
    return found


def of_row(row: Row, seen: set) -> list[str]:
    kinds = ["empty_query"] if row.query.empty else []
    if not row.positives or any(positive.empty for positive in row.positives):
        kinds.append("no_positive")
    if not row.negatives:
        kinds.append("no_negatives")
    if row[:3] in seen:
        kinds.append("repeated_row")
    return kinds


def of_negative(row: Row, place: int, known: Known, before: set[Item], least: float) -> str | None:
    negative = row.negatives[place]
    positives = known.positives[row.query]
    if negative.empty:
        return "empty"
    if negative in positives:
        return "positive"
    if key(negative) in map(key, positives):
        return "rewritten"
    if key(negative) == key(row.query):
        return "query"
    if negative in known.by_likeness[key(row.query)]:
        return "of_like_query"
    if negative in before:
        return "repeated"
    if any(near(negative, positive, least) for positive in positives):
        return "near_positive"
    if row.positive_scores and row.negative_scores:
        return "outscores" if row.negative_scores[place] > max(row.positive_scores) else None
    return None


def shown(item: Item) -> str:
    return " ".join([*item.text.split(), *item.images])[:200]


def kept_places(rows: Sequence[Row], faults: Sequence[Fault], kinds: set[str]) -> list[list[int]]:
    """Of each row, the places of the negatives without a fault of these kinds."""
    out = {(fault.row, fault.negative) for fault in faults if fault.kind in kinds}
    return [
        [place for place in range(len(row.negatives)) if (number, place) not in out]
        for number, row in enumerate(rows)
    ]
