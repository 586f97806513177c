"""Gradient caching: batches larger than memory, with the gradients of the whole batch.

Each chunk of items is encoded without keeping its activations; in the backward pass it is encoded
again, with the same random numbers, one chunk after another. That is Gao et al. 2021 (GradCache),
and exactly what torch's activation checkpointing does when its unit is a chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import torch
from torch.utils.checkpoint import checkpoint

Inputs = Mapping[str, object]  # of one forward pass


def cut_chunks(tokens: Sequence[int], most: int, token_budget: int) -> list[range]:
    """Consecutive chunks of at most ``most`` items and ``token_budget`` padded tokens (0: any).

    tokens: length of each item. An item longer than the budget is a chunk of its own.
    """
    chunks: list[range] = []
    start = longest = 0
    for index, length in enumerate(tokens):
        padded = max(longest, length) * (index - start + 1)
        if index > start and (index - start == most or (token_budget and padded > token_budget)):
            chunks.append(range(start, index))
            start, longest = index, 0
        longest = max(longest, length)
    return [*chunks, range(start, len(tokens))] if tokens else []


def encode_chunks(
    encode: Callable[[Inputs], torch.Tensor],
    chunks: Iterable[Inputs],
    order: torch.Tensor,
    caching: bool,
) -> torch.Tensor:
    """Vectors of all rows, shape (rows, dim), in the batch's order.

    encode: chunk -> (items of the chunk, dim). order: row i of the batch is row ``order[i]`` of the
    chunks one after another; there is at least one chunk. A chunk is kept for the backward pass as
    it is given: what need not be computed twice is computed before. caching False keeps all
    activations: the same gradients, more memory, a third less time.
    """
    if caching:
        parts = [checkpoint(encode, chunk, use_reentrant=False) for chunk in chunks]
    else:
        parts = [encode(chunk) for chunk in chunks]
    return torch.cat(parts)[order]
