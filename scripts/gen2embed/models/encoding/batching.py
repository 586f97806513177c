"""Batches of similar items by token budget, within windows of rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from gen2embed.models.encoding.planning import Planned

WORTH = 24  # characters more in common (about 6 tokens) for which items are batched apart
LEAST = 32  # items; fewer are no batch of their own


def batches_by_tokens(
    planned: Sequence[Planned],
    token_budget: int,
    window: int | None = None,
    *,
    by_beginning: bool = True,
) -> list[list[Planned]]:
    """Batches of similar items: sorted by image size and length, at most ``token_budget`` padded.

    A batch never reaches over the boundary of a window of ``window`` rows (None: all rows are
    one), so that whole windows can be encoded elsewhere, in the very same batches. The order
    depends on the items alone. An item longer than the budget is a batch of its own.
    by_beginning: items without image come together with those whose prompt begins alike
    (``families``), because what a batch begins with is run through once.
    """
    batches: list[list[Planned]] = []
    for _, rows in groupby(planned, key=lambda plan: plan.row // window if window else 0):
        for family in _families_of(list(rows), by_beginning):
            batches += _within_budget(family, token_budget)
    return batches


def _families_of(rows: list[Planned], by_beginning: bool) -> Iterator[list[Planned]]:
    """All that show an image, then families of what is text alone; or all rows as one."""
    if not by_beginning:
        yield rows
        return
    texts = [plan for plan in rows if plan.image is None]
    if pictured := [plan for plan in rows if plan.image is not None]:
        yield pictured
    for numbers in families([plan.rendered for plan in texts]):
        yield [texts[number] for number in numbers]


def _within_budget(family: list[Planned], token_budget: int) -> list[list[Planned]]:
    batches: list[list[Planned]] = []
    for plan in sorted(family, key=lambda item: (item.image_size, item.tokens, item.row)):
        if batches:
            batch = batches[-1]
            longest = max(plan.tokens, *(item.tokens for item in batch))
            alike = batch[0].image_size == plan.image_size
            if alike and longest * (len(batch) + 1) <= token_budget:
                batch.append(plan)
                continue
        batches.append([plan])
    return batches


def families(texts: Sequence[str], worth: int = WORTH, least: int = LEAST) -> list[list[int]]:
    """Numbers of the texts, grouped by a beginning that is long in common.

    A group splits off its parent where at least ``least`` texts share ``worth`` characters beyond
    what all of the parent share, and may split again; what is left stays together, and what would
    be too few comes last, in one group. Every number once; the texts' order decides nothing but
    which of equal texts is which. Source: ours.
    """
    waiting = [sorted(range(len(texts)), key=lambda number: (texts[number], number))]
    found: list[list[int]] = []
    rest: list[int] = []  # of groups that are too few without what split off
    while waiting:
        order = waiting.pop()
        common = _common(texts[order[0]], texts[order[-1]]) if order else 0
        left: list[int] = []
        for beginning, group in groupby(order, key=lambda number: texts[number][: common + worth]):
            numbers = list(group)
            if len(beginning) < common + worth or len(numbers) < least:
                left += numbers
            else:
                waiting.append(numbers)
        if len(left) >= least:
            found.append(left)
        else:
            rest += left
    return [*found, rest] if rest else found


def _common(first: str, second: str) -> int:
    """How many characters both begin with: of sorted texts' ends, what all begin with."""
    pairs = zip(first, second, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(first), len(second)))
