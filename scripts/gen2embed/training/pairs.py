"""Pairs as what the trainer eats: rendered prompts and images, in chunks of similar items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from gen2embed.models.backbones.base import Backbone
from gen2embed.models.encoder import Planned
from gen2embed.models.images import load_rgb
from gen2embed.models.resolutions import Resolution


class Batches(Dataset):
    """Whole batches, one per step, so that the trainer's own batching has nothing to do."""

    def __init__(self, batches: Sequence[np.ndarray]):
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, step: int) -> np.ndarray:
        return self.batches[step]


@dataclass
class PairCollator:
    """Pair numbers of one batch to model inputs of both sides.

    query_id, target_id: item of each pair, shape (n_pairs,); queries, targets: planned items by
    id; chunk: items per forward pass.
    """

    backbone: Backbone
    query_id: np.ndarray
    target_id: np.ndarray
    queries: Sequence[Planned]
    targets: Sequence[Planned]
    resolution: Resolution
    chunk: int

    def __call__(self, batches: Sequence[np.ndarray]) -> dict[str, Any]:
        pairs = np.concatenate(batches)
        target_ids = self.target_id[pairs]
        return {
            "query": self._side([self.queries[one] for one in self.query_id[pairs]]),
            "target": self._side([self.targets[one] for one in target_ids]),
            "target_ids": torch.from_numpy(target_ids),
        }

    def _side(self, items: Sequence[Planned]) -> dict[str, Any]:
        """Chunks of items sorted by image size and length (less padding), and the way back."""
        places = sorted(range(len(items)), key=lambda i: (items[i].image_size, items[i].tokens, i))
        chunks = [
            self._collate([items[place] for place in places[start : start + self.chunk]])
            for start in range(0, len(places), self.chunk)
        ]
        order = torch.empty(len(places), dtype=torch.long)
        order[torch.tensor(places)] = torch.arange(len(places))
        return {"chunks": chunks, "order": order}

    def _collate(self, items: Sequence[Planned]) -> dict[str, torch.Tensor]:
        images = [load_rgb(one.image, self.resolution) for one in items if one.image is not None]
        return self.backbone.collate([one.rendered for one in items], images)
