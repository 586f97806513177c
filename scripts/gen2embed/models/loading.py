"""Batches made ready for the device by worker processes that run ahead of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from gen2embed.errors import InputError
from gen2embed.models.images import load_rgb
from gen2embed.models.planning import Planned
from gen2embed.models.resolutions import Resolution

AHEAD = 4  # batches that each worker keeps ready
Collate = Callable[[Sequence[str], Sequence[Any]], dict[str, torch.Tensor]]


class Prepared(Dataset):
    """Batch number -> (rows, model inputs, unreadable rows with the reason)."""

    def __init__(self, batches: Sequence[Sequence[Planned]], collate: Collate, size: Resolution):
        self.batches = batches
        self.collate = collate
        self.size = size

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(
        self, number: int
    ) -> tuple[list[int], dict[str, torch.Tensor], list[tuple[int, str]]]:
        """Each image file is decoded and resized once; a broken one leaves its items out."""
        decoded: dict[Any, Any] = {None: None}
        broken: dict[Any, str] = {}
        for path in dict.fromkeys(one.image for one in self.batches[number]):
            try:
                decoded.setdefault(path, None if path is None else load_rgb(path, self.size))
            except InputError as error:  # as a value: a worker's exceptions lose their type
                broken[path] = str(error)
        whole = [one for one in self.batches[number] if one.image not in broken]
        unreadable = [
            (one.row, broken[one.image]) for one in self.batches[number] if one.image in broken
        ]
        images = [decoded[one.image] for one in whole if one.image is not None]
        inputs = self.collate([one.rendered for one in whole], images) if whole else {}
        return [one.row for one in whole], inputs, unreadable


def load_batches(
    batches: Sequence[Sequence[Planned]],
    collate: Collate,
    resolution: Resolution,
    workers: int,
    device: str,
) -> Iterator[tuple[list[int], dict[str, torch.Tensor], list[tuple[int, str]]]]:
    """The batches in order, prepared by ``workers`` processes (0: by this one, when asked for)."""
    loader = DataLoader(
        Prepared(batches, collate, resolution),
        batch_size=None,
        num_workers=workers,
        prefetch_factor=AHEAD if workers else None,
        collate_fn=_as_it_is,
        pin_memory=device.startswith("cuda"),
    )
    yield from loader


def _as_it_is(prepared: Any) -> Any:
    return prepared
