"""Pairs as what the trainer eats: rendered prompts and images, in chunks of similar items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import Dataset

from gen2embed.mining.subset import Grouping
from gen2embed.models.backbones.base import Backbone
from gen2embed.models.encoder import Planned
from gen2embed.models.images import load_rgb
from gen2embed.models.resolutions import Resolution
from gen2embed.training.batches import Cluster, asking, pairs_of, shares
from gen2embed.training.chunks import cut
from gen2embed.training.positives import other_positives

Chunk = dict[str, torch.Tensor]


class Shares(Dataset):
    """Item ``step * processes + rank`` is a step's batch and whose share of it is wanted.

    So the trainer's own sharding, which deals items out in turn, gives each process its own.
    """

    def __init__(self, batches: Sequence[list[Cluster]], processes: int):
        self.batches = batches
        self.processes = processes

    def __len__(self) -> int:
        return len(self.batches) * self.processes

    def __getitem__(self, item: int) -> tuple[list[Cluster], int]:
        step, rank = divmod(item, self.processes)
        return self.batches[step], rank


@dataclass(frozen=True)
class Side:
    """Items of one side of a share, each once: chunk by chunk as model inputs, on the CPU.

    Row i of the share is row ``order[i]`` of the chunks one after another; sizes: rows of each
    process's share.
    """

    chunks: list[Chunk]
    order: torch.Tensor
    sizes: list[int]


@dataclass(frozen=True)
class Batch:
    """One process's share, and how all queries and targets of the batch belong together.

    own (queries,): row of each query's target among all targets. excluded (queries, targets) or
    None: see ``info_nce``. Not a mapping: the trainer would move all of it to the device at once.
    """

    query: Side
    target: Side
    own: torch.Tensor
    excluded: torch.Tensor | None


@dataclass
class PairCollator:
    """Clusters of one batch to the inputs of one process.

    query_id, target_id: item of each pair, shape (n_pairs,); queries, targets: planned items by id;
    positives: annotated targets of each query, or None: nothing is masked; mode: see
    ``batches.MODES``; chunk, token_budget: see ``cut``.
    """

    backbone: Backbone
    query_id: np.ndarray
    target_id: np.ndarray
    queries: Sequence[Planned]
    targets: Sequence[Planned]
    resolution: Resolution
    processes: int
    mode: str
    positives: Grouping | None
    chunk: int
    token_budget: int

    def __call__(self, items: Sequence[tuple[list[Cluster], int]]) -> dict[str, Batch]:
        ((batch, rank),) = items
        dealt = shares(batch, self.processes)
        pairs = pairs_of(batch)
        own = asking(batch, self.mode)
        excluded = None
        if self.positives is not None:
            found = other_positives(
                self.query_id[pairs[own]], self.target_id[pairs], own, self.positives
            )
            excluded = torch.from_numpy(found)
        askers = [pairs_of(share)[asking(share, self.mode)] for share in dealt]
        query_ids, target_ids = self.query_id[askers[rank]], self.target_id[pairs_of(dealt[rank])]
        found = Batch(
            query=self._side(query_ids, self.queries, [len(one) for one in askers]),
            target=self._side(target_ids, self.targets, [len(pairs_of(one)) for one in dealt]),
            own=torch.from_numpy(own),
            excluded=excluded,
        )
        return {"batch": found}

    def _side(self, ids: np.ndarray, items: Sequence[Planned], sizes: list[int]) -> Side:
        """Chunks of items sorted by image size and length (less padding), and the way back."""
        unique, of_row = np.unique(ids, return_inverse=True)
        chosen = [items[one] for one in unique]
        places = sorted(
            range(len(chosen)), key=lambda i: (chosen[i].image_size, chosen[i].tokens, i)
        )
        tokens = [chosen[place].tokens for place in places]
        chunks = [
            self._collate([chosen[places[i]] for i in chunk])
            for chunk in cut(tokens, self.chunk, self.token_budget)
        ]
        return Side(chunks, torch.from_numpy(np.argsort(places)[of_row]), sizes)

    def _collate(self, items: Sequence[Planned]) -> Chunk:
        images = [load_rgb(one.image, self.resolution) for one in items if one.image is not None]
        return self.backbone.collate([one.rendered for one in items], images)
