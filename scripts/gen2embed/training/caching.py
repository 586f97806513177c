"""Gradient caching: batches larger than memory, with the gradients of the whole batch.

Each chunk of items is encoded without keeping its activations; in the backward pass it is encoded
again, with the same random numbers, one chunk after another. That is Gao et al. 2021 (GradCache),
and exactly what torch's activation checkpointing does when its unit is a chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch.utils.checkpoint import checkpoint

Chunk = Mapping[str, torch.Tensor]


def encode_chunks(
    encode: Callable[[Chunk], torch.Tensor],
    chunks: Sequence[Chunk],
    order: torch.Tensor,
    caching: bool,
) -> torch.Tensor:
    """Vectors of all items, shape (items, dim), in the batch's order.

    encode: chunk -> (items of the chunk, dim). order: item i of the batch is row ``order[i]`` of
    the chunks one after another. caching False keeps all activations: the same gradients, more
    memory, a third less time.
    """
    if caching:
        parts = [checkpoint(encode, chunk, use_reentrant=False) for chunk in chunks]
    else:
        parts = [encode(chunk) for chunk in chunks]
    return torch.cat(parts)[order]
