"""InfoNCE over all pairs of a batch (METHOD section 3; van den Oord 2018), and what it looks at.

Paper: number not known here.
"""

from __future__ import annotations

import torch
from torch.nn.functional import cross_entropy


def info_nce(
    queries: torch.Tensor,
    targets: torch.Tensor,
    temperature: float,
    own: torch.Tensor | None = None,
    excluded: torch.Tensor | None = None,
    symmetric: bool = False,
) -> torch.Tensor:
    """Mean cross entropy of each query's own target among all targets; a scalar.

    queries, targets: unit vectors, shapes (queries, dim) and (targets, dim). own (queries,): row of
    each query's target; None: its own row. excluded (queries, targets), bool, where given: no
    negatives, they leave the denominator. symmetric: the mean of this and of each own target's
    query among all queries.
    """
    scores = queries @ targets.T / temperature
    if own is None:
        own = torch.arange(len(queries), device=queries.device)
    if excluded is not None:
        scores = scores.masked_fill(excluded, float("-inf"))
    loss = cross_entropy(scores, own)
    if not symmetric:
        return loss
    back = scores[:, own].T
    return (loss + cross_entropy(back, torch.arange(len(back), device=back.device))) / 2


@torch.no_grad()
def similarities(
    queries: torch.Tensor, targets: torch.Tensor, own: torch.Tensor, excluded: torch.Tensor | None
) -> dict[str, float]:
    """Mean cosines of the queries: to their own target, to their negatives, to the hardest of them.

    Arguments as of ``info_nce``. Queries without a negative count for their own target alone.
    """
    scores = queries @ targets.T
    rows = torch.arange(len(queries), device=queries.device)
    negative = torch.ones_like(scores, dtype=torch.bool) if excluded is None else ~excluded
    negative[rows, own] = False
    counts = negative.sum(dim=1)
    with_negatives = counts > 0
    means = (scores * negative).sum(dim=1)[with_negatives] / counts[with_negatives]
    hardest = scores.masked_fill(~negative, float("-inf")).amax(dim=1)[with_negatives]
    found = {
        "positive_similarity": scores[rows, own],
        "negative_similarity": means,
        "hardest_negative_similarity": hardest,
    }
    return {name: item.mean().item() if len(item) else 0.0 for name, item in found.items()}
