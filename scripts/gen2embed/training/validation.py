"""Clusters that are held out of a training, their loss at every so many steps, and when to stop.

Which step is kept is the one of least loss on clusters that were not trained on; the training ends
when several measurements in a row are no better (early stopping: Prechelt 1998).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gen2embed.errors import InputError
from gen2embed.files import read_json, write_json
from gen2embed.training.batches import PairCluster

STREAM_VALIDATION = 32
FILE = "validation.json"  # in a state to resume from


def hold_out(
    clusters: Sequence[PairCluster], query_id: np.ndarray, share: float, seed: int
) -> tuple[list[PairCluster], list[PairCluster]]:
    """Clusters to train on and clusters held out, in their order; no query is in both.

    Whole clusters are drawn until about ``share`` of all pairs is held out. Of the others those
    pairs are left out whose query is held out, with their cluster where that is the anchor; targets
    may be in both. query_id: of each pair, -1 for a target that nobody asks for. Raises InputError
    where one part is empty.
    """
    order = np.random.default_rng([seed, STREAM_VALIDATION]).permutation(len(clusters))
    filled = np.cumsum([len(clusters[index]) for index in order])
    chosen = set(order[: int((filled <= share * filled[-1]).sum())].tolist())
    held = [clusters[index] for index in sorted(chosen)]
    asked = np.unique(query_id[np.concatenate([np.empty(0, np.int64), *held])])
    asked = asked[asked >= 0]
    kept = []
    for index, cluster in enumerate(clusters):
        if index in chosen or np.isin(query_id[cluster[0]], asked):
            continue
        kept.append(cluster[~np.isin(query_id[cluster], asked)])
    if not held or not kept:
        raise InputError(
            f"--validation-share {share:g} leaves {len(kept)} clusters to train on and {len(held)} "
            "to validate on; choose another share"
        )
    return kept, held


@dataclass
class History:
    """Losses of the held-out clusters by step; ``patience``: measurements without a better one."""

    patience: int
    losses: dict[int, float] = field(default_factory=dict)

    @property
    def best(self) -> int:
        """The step of the least loss, of equals the first."""
        return min(self.losses, key=lambda step: (self.losses[step], step))

    @property
    def over(self) -> bool:
        """Whether the last ``patience`` measurements were no better than one before them."""
        steps = sorted(self.losses)
        return len(steps) - 1 - steps.index(self.best) >= self.patience if steps else False

    def save(self, state: str | Path) -> None:
        write_json(Path(state) / FILE, {str(step): loss for step, loss in self.losses.items()})

    def load(self, state: str | Path) -> None:
        self.losses = {int(step): loss for step, loss in read_json(Path(state) / FILE).items()}
