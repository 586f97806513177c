"""How the items of one side are cut into forward passes."""

from __future__ import annotations

from collections.abc import Sequence


def cut(tokens: Sequence[int], most: int, token_budget: int) -> list[range]:
    """Consecutive chunks of at most ``most`` items and ``token_budget`` padded tokens (0: any).

    tokens: length of each item. An item longer than the budget is a chunk of its own.
    """
    chunks: list[range] = []
    start = longest = 0
    for place, length in enumerate(tokens):
        padded = max(longest, length) * (place - start + 1)
        if place > start and (place - start == most or (token_budget and padded > token_budget)):
            chunks.append(range(start, place))
            start, longest = place, 0
        longest = max(longest, length)
    return [*chunks, range(start, len(tokens))] if tokens else []
