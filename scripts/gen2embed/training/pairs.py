"""Pairs as what the trainer eats: rendered prompts and images, in chunks of similar items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from gen2embed.artifacts.judged import Judged
from gen2embed.errors import InputError
from gen2embed.mining.subset import Grouping
from gen2embed.models.backbones.base import Backbone
from gen2embed.models.encoding.encoder import Planned
from gen2embed.models.shortcuts.transport import Layout, pack, unpack
from gen2embed.prompts.images import load_rgb
from gen2embed.prompts.resolutions import Resolution
from gen2embed.training.batches import PairCluster, asking, pairs_of, shares
from gen2embed.training.caching import cut_chunks
from gen2embed.training.positives import other_positives

Chunk = dict[str, torch.Tensor]


class Shares(Dataset):
    """Item ``step * processes + rank`` is a step's batch and whose share of it is wanted.

    So the trainer's own sharding, which deals items out in turn, gives each process its own.
    """

    def __init__(self, batches: Sequence[list[PairCluster]], processes: int):
        self.batches = batches
        self.processes = processes

    def __len__(self) -> int:
        return len(self.batches) * self.processes

    def __getitem__(self, item: int) -> tuple[list[PairCluster], int]:
        step, rank = divmod(item, self.processes)
        return self.batches[step], rank


@dataclass(frozen=True)
class Side:
    """Items of one side of a share, each once: chunk by chunk as compact batches, on the CPU.

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
    None: see ``info_nce``. cluster (targets,) or None: number of each
    pair's cluster. Not a mapping: the trainer would move all of it to the device at once.
    """

    query: Side
    target: Side
    own: torch.Tensor
    excluded: torch.Tensor | None
    cluster: torch.Tensor | None = None
    judged: torch.Tensor | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """From a loader's worker it travels as one tensor (``transport.py``)."""
        sides = (self.query, self.target)
        optional = (self.excluded, self.cluster, self.judged)
        tensors = [self.own, *(tensor for tensor in optional if tensor is not None)]
        given = [tensor is not None for tensor in optional]
        for side in sides:
            tensors += [side.order, *(value for chunk in side.chunks for value in chunk.values())]
        names = [[list(chunk) for chunk in side.chunks] for side in sides]
        sizes = [side.sizes for side in sides]
        return _unpacked, (*pack(tensors), given, names, sizes)


def _unpacked(
    whole: torch.Tensor,
    layout: Layout,
    given: Sequence[bool],
    names: Sequence[Sequence[Sequence[str]]],
    sizes: Sequence[list[int]],
) -> Batch:
    tensors = iter(unpack(whole, layout))
    own = next(tensors)
    excluded, cluster, judged = (next(tensors) if is_given else None for is_given in given)
    sides = []
    for of_side, its_sizes in zip(names, sizes, strict=True):
        order = next(tensors)
        chunks = [{name: next(tensors) for name in of_chunk} for of_chunk in of_side]
        sides.append(Side(chunks, order, its_sizes))
    return Batch(*sides, own, excluded, cluster, judged)


@dataclass(frozen=True)
class Unreadable:
    """In a batch's place: why it could not be made. A worker's exceptions lose their type."""

    reason: str


@dataclass
class PairCollator:
    """Clusters of one batch to the inputs of one process.

    query_id, target_id: item of each pair, shape (n_pairs,); queries, targets: planned items by id;
    positives: annotated targets of each query, or None: nothing is masked; mode: see
    ``batches.MODES``; tells_clusters: whether batches say whose pairs are of one cluster;
    chunk, token_budget: see ``cut``.
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
    tells_clusters: bool = False
    judged: Judged | None = None

    def __call__(
        self, items: Sequence[tuple[list[PairCluster], int]]
    ) -> dict[str, Batch | Unreadable]:
        ((batch, rank),) = items
        try:
            return {"batch": self._batch(batch, rank)}
        except InputError as error:
            return {"batch": Unreadable(str(error))}

    def _batch(self, batch: list[PairCluster], rank: int) -> Batch:
        dealt = shares(batch, self.processes)
        pairs = pairs_of(batch)
        own = asking(batch, self.mode, self.query_id)
        excluded = None
        if self.positives is not None:
            found = other_positives(
                self.query_id[pairs[own]], self.target_id[pairs], own, self.positives
            )
            excluded = torch.from_numpy(found)
        askers = [pairs_of(share)[asking(share, self.mode, self.query_id)] for share in dealt]
        query_ids, target_ids = self.query_id[askers[rank]], self.target_id[pairs_of(dealt[rank])]
        return Batch(
            query=self._side(query_ids, self.queries, [len(cluster) for cluster in askers]),
            target=self._side(
                target_ids, self.targets, [len(pairs_of(cluster)) for cluster in dealt]
            ),
            own=torch.from_numpy(own),
            excluded=excluded,
            cluster=_numbers(batch) if self.tells_clusters else None,
            judged=None if self.judged is None else self._judged(pairs, own),
        )

    def _judged(self, pairs: np.ndarray, own: np.ndarray) -> torch.Tensor:
        """A judge's scores of the batch's queries and targets; NaN where it has none."""
        found = self.judged.of(self.query_id[pairs[own]], self.target_id[pairs])
        return torch.from_numpy(found.astype(np.float32))

    def _side(self, ids: np.ndarray, items: Sequence[Planned], sizes: list[int]) -> Side:
        """Chunks of items sorted by image size and length (less padding), and the way back."""
        unique, of_row = np.unique(ids, return_inverse=True)
        chosen = [items[item_id] for item_id in unique]
        order = sorted(
            range(len(chosen)), key=lambda i: (chosen[i].image_size, chosen[i].tokens, i)
        )
        tokens = [chosen[index].tokens for index in order]
        chunks = [
            self._collate([chosen[order[i]] for i in chunk])
            for chunk in cut_chunks(tokens, self.chunk, self.token_budget)
        ]
        return Side(chunks, torch.from_numpy(np.argsort(order)[of_row]), sizes)

    def _collate(self, items: Sequence[Planned]) -> Chunk:
        mode = self.backbone.form.image_mode
        shown = [item.image is not None for item in items]
        images = [
            load_rgb(item.image, self.resolution, mode) for item in items if item.image is not None
        ]
        return self.backbone.collate([item.rendered for item in items], images, shown, compact=True)


def _numbers(batch: Sequence[PairCluster]) -> torch.Tensor:
    """Of each pair of the batch, the number of its cluster in it."""
    return torch.from_numpy(np.repeat(np.arange(len(batch)), [len(cluster) for cluster in batch]))
