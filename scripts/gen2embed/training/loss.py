"""InfoNCE over all pairs of a batch, query to target (METHOD section 3; van den Oord 2018)."""

from __future__ import annotations

import torch
from torch.nn.functional import cross_entropy


def info_nce(
    queries: torch.Tensor,
    targets: torch.Tensor,
    temperature: float,
    target_ids: torch.Tensor | None = None,
) -> torch.Tensor:
    """Mean cross entropy of each query's own target among all targets; a scalar.

    queries, targets: unit vectors, shape (pairs, dim); pair i is row i of both. target_ids
    (pairs,), where given: other targets with the id of a query's own are no negatives of it
    (labels repeat in a batch) and leave its denominator.
    """
    scores = queries @ targets.T / temperature
    own = torch.arange(len(queries), device=queries.device)
    if target_ids is not None:
        same = target_ids[:, None] == target_ids[None, :]
        same.fill_diagonal_(False)
        scores = scores.masked_fill(same, float("-inf"))
    return cross_entropy(scores, own)
