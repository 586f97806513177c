"""Rows and gradients of several processes as if they were one's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
import torch.distributed as dist


def gather_rows(own: torch.Tensor, sizes: Sequence[int]) -> torch.Tensor:
    """All processes' rows in the order of the processes, shape (sum(sizes), dim).

    own: this process's rows, (sizes[rank], dim); some may have none. Only they carry gradients: a
    loss over all rows has, in each process, its whole derivative by that process's rows, so the sum
    over processes (``sum_gradients``) is the gradient of one process with all rows.
    """
    if len(sizes) == 1:
        return own
    padded = own.new_zeros(max(sizes), own.shape[1])
    padded[: len(own)] = own.detach()
    parts = [torch.empty_like(padded) for _ in sizes]
    dist.all_gather(parts, padded)
    rows = [part[:size] for part, size in zip(parts, sizes, strict=True)]
    rows[dist.get_rank()] = own
    return torch.cat(rows)


def sum_gradients(parameters: Iterable[torch.nn.Parameter]) -> None:
    """Replace each trained parameter's gradient by its sum over all processes, in one message."""
    if not (dist.is_initialized() and dist.get_world_size() > 1):
        return
    trained = [weights for weights in parameters if weights.requires_grad]
    for weights in trained:
        if weights.grad is None:
            weights.grad = torch.zeros_like(weights)
    flat = torch.cat([weights.grad.flatten() for weights in trained])
    dist.all_reduce(flat)
    for weights, summed in zip(
        trained, flat.split([weights.numel() for weights in trained]), strict=True
    ):
        weights.grad.copy_(summed.view_as(weights))
