"""What a training costs, counted from its batches before it starts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gen2embed.training.batches import PairCluster, asking, pairs_of, shares


def count_effort(
    batches: Sequence[Sequence[PairCluster]],
    query_id: np.ndarray,
    target_id: np.ndarray,
    mode: str,
    processes: int,
    caching: bool,
) -> dict[str, int]:
    """Pairs, queries and encoded items of a whole training.

    pairs_seen: pairs of all batches. queries_trained: queries that entered the loss. items_encoded:
    items put through the encoder, each once per step, side and process. encoder_passes: forward
    passes of items; gradient caching needs two for each.
    """
    counts = {"pairs_seen": 0, "queries_trained": 0, "items_encoded": 0}
    for batch in batches:
        for share in shares(batch, processes):
            pairs = pairs_of(share)
            queries = pairs[asking(share, mode, query_id)]
            counts["pairs_seen"] += len(pairs)
            counts["queries_trained"] += len(queries)
            for ids in (query_id[queries], target_id[pairs]):
                counts["items_encoded"] += len(np.unique(ids))
    return counts | {"encoder_passes": counts["items_encoded"] * (2 if caching else 1)}
