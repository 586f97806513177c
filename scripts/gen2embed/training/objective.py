"""InfoNCE with what other recipes add to it: weights, masks, terms within a side, prefixes of the
vectors. Each is off unless it is asked for; all of it is plain differentiable arithmetic on the
vectors of a whole batch, so gradient caching stays exact. None of it is the paper's.
"""

from __future__ import annotations

import torch
from torch.nn.functional import cross_entropy, normalize

from gen2embed.training.loss import info_nce
from gen2embed.training.options import LossOptions

PLAIN = LossOptions()


def contrastive_loss(
    queries: torch.Tensor,
    targets: torch.Tensor,
    temperature: float | torch.Tensor,
    own: torch.Tensor,
    excluded: torch.Tensor | None,
    symmetric: bool,
    options: LossOptions = PLAIN,
    cluster: torch.Tensor | None = None,
) -> torch.Tensor:
    """A scalar; first arguments as of ``info_nce``, whose value it has where all options are off.

    cluster (targets,): which cluster each pair of the batch is of; ``mask_margin`` needs it.
    matryoshka: the mean over the whole vectors and their first so many numbers, each normed anew
    (Kusupati et al. 2022, Matryoshka representation learning).
    """
    rest = (temperature, own, excluded, symmetric, options, cluster)
    losses = [_of_vectors(queries, targets, *rest)]
    for dim in options.matryoshka:
        shorter = (normalize(side[:, :dim], dim=-1) for side in (queries, targets))
        losses.append(_of_vectors(*shorter, *rest))
    return torch.stack(losses).mean() if len(losses) > 1 else losses[0]


def _of_vectors(
    queries: torch.Tensor,
    targets: torch.Tensor,
    temperature: float | torch.Tensor,
    own: torch.Tensor,
    excluded: torch.Tensor | None,
    symmetric: bool,
    options: LossOptions,
    cluster: torch.Tensor | None,
) -> torch.Tensor:
    """Source of each option, all in one softmax:

    hardness: weight exp(hardness * cosine) of each negative target, the cosine as a constant
    (Lan et al. 2025, LLaVE, arXiv 2503.04812, equation 5: 9). mask_margin: no negatives are those
    above the positive's cosine plus this (Zhang et al. 2025, Qwen3 Embedding, arXiv 2506.05176:
    0.1), but for the query's own cluster, which was mined. query_query, target_target: the query
    against the other queries, its own target against the other targets (likewise; Li et al. 2023,
    GTE, arXiv 2308.03281); back to queries (symmetric) has neither.
    """
    within = options.query_query or options.target_target
    if not options.hardness and options.mask_margin is None and not within:
        return info_nce(queries, targets, temperature, own, excluded, symmetric)
    rows = torch.arange(len(queries), device=queries.device)
    if excluded is None:
        excluded = torch.zeros(len(queries), len(targets), dtype=torch.bool, device=queries.device)
    cosines = queries @ targets.T
    highest = None
    if options.mask_margin is not None:
        highest = cosines.detach()[rows, own] + options.mask_margin
    places = None if cluster is None else cluster[own]  # of the queries
    positive = torch.zeros_like(excluded)
    positive[rows, own] = True
    out = excluded | _likely_false(cosines, highest, places, cluster) & ~positive
    logits = cosines / temperature
    if options.hardness:
        logits = logits + (options.hardness * cosines.detach()).masked_fill(positive, 0.0)
    logits = logits.masked_fill(out, float("-inf"))
    columns = [logits]
    if options.query_query:
        same_question = excluded[
            :, own
        ]  # the other's target is right for this one: both ask for the same
        out = (
            same_question
            | same_question.T
            | torch.eye(len(queries), dtype=torch.bool, device=queries.device)
        )
        columns.append(_within(queries, queries, out, temperature, highest, places, places))
    if options.target_target:
        out = excluded | positive
        columns.append(_within(targets[own], targets, out, temperature, highest, places, cluster))
    loss = cross_entropy(torch.cat(columns, dim=1), own)
    if not symmetric:
        return loss
    return (loss + cross_entropy(logits[:, own].T, rows)) / 2


def _within(
    left: torch.Tensor,
    right: torch.Tensor,
    out: torch.Tensor,
    temperature: float | torch.Tensor,
    highest: torch.Tensor | None,
    of_left: torch.Tensor | None,
    of_right: torch.Tensor | None,
) -> torch.Tensor:
    """Logits of negatives from one's own side, shape (left, right)."""
    cosines = left @ right.T
    out = out | _likely_false(cosines, highest, of_left, of_right)
    return (cosines / temperature).masked_fill(out, float("-inf"))


def _likely_false(
    cosines: torch.Tensor,
    highest: torch.Tensor | None,
    of_left: torch.Tensor | None,
    of_right: torch.Tensor | None,
) -> torch.Tensor:
    """True above each row's ``highest`` (None: nowhere), but within a cluster: bool, as cosines."""
    if highest is None:
        return torch.zeros_like(cosines, dtype=torch.bool)
    return (cosines.detach() > highest[:, None]) & (of_left[:, None] != of_right[None, :])


def soft_label_loss(
    queries: torch.Tensor,
    targets: torch.Tensor,
    temperature: float | torch.Tensor,
    judged: torch.Tensor,
) -> torch.Tensor:
    """Kullback-Leibler divergence of the queries' softmax from a judge's, over what it has scored.

    judged (queries, targets): its scores, NaN where there is none; as logits, so their scale is the
    judge's temperature. The mean over queries with two scores or more; 0 where there is none.
    Source: Lin et al. 2020 (sentence-transformers' DistillKLDivLoss); UniME-V2 for images.
    """
    scored = ~judged.isnan()
    scored_twice = scored.sum(dim=1) > 1
    if not scored_twice.any():
        return (queries.sum() + targets.sum()) * 0
    logits = (queries @ targets.T / temperature)[scored_twice].masked_fill(
        ~scored[scored_twice], float("-inf")
    )
    labels = judged[scored_twice].masked_fill(~scored[scored_twice], float("-inf")).softmax(dim=1)
    kept = scored[scored_twice]
    apart = labels.clamp_min(1e-30).log() - logits.log_softmax(dim=1).masked_fill(~kept, 0.0)
    return (labels * apart).masked_fill(~kept, 0.0).sum(dim=1).mean()
