"""Batches made ready for the device by worker processes that run ahead of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from gen2embed.errors import InputError
from gen2embed.models.backbones.base import Backbone
from gen2embed.models.encoding.planning import Planned
from gen2embed.models.shortcuts.transport import (
    Layout,
    loader_faults,
    pack,
    prepare_sharing,
    unpack,
)
from gen2embed.prompts.images import load_rgb
from gen2embed.prompts.resolutions import Resolution

AHEAD = 4  # batches that each worker keeps ready
PATIENCE = 600.0  # seconds for a batch


@dataclass
class Parcel:
    """A prepared batch on its way: model inputs as one tensor (``transport.py``)."""

    rows: list[int]
    names: list[str]
    whole: torch.Tensor
    layout: Layout
    unreadable: list[tuple[int, str]]

    def pin_memory(self) -> Parcel:
        self.whole = self.whole.pin_memory()
        return self


class Prepared(Dataset):
    """Batch number -> its parcel."""

    def __init__(self, batches: Sequence[Sequence[Planned]], backbone: Backbone, size: Resolution):
        self.batches = batches
        self.backbone = backbone
        self.size = size

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, number: int) -> Parcel:
        """Each image file is decoded and resized once; a broken one leaves its items out."""
        mode = self.backbone.form.image_mode
        decoded: dict[Any, Any] = {None: None}
        broken: dict[Any, str] = {}
        for path in dict.fromkeys(plan.image for plan in self.batches[number]):
            try:
                decoded.setdefault(path, path and load_rgb(path, self.size, mode))
            except InputError as error:  # as a value: a worker's exceptions lose their type
                broken[path] = str(error)
        whole = [plan for plan in self.batches[number] if plan.image not in broken]
        unreadable = [
            (plan.row, broken[plan.image]) for plan in self.batches[number] if plan.image in broken
        ]
        images = [decoded[plan.image] for plan in whole if plan.image is not None]
        inputs: dict[str, torch.Tensor] = {}
        if whole:
            inputs = self.backbone.collate(
                [plan.rendered for plan in whole],
                images,
                [plan.image is not None for plan in whole],
                compact=True,
            )
        return Parcel(
            [plan.row for plan in whole], list(inputs), *pack(list(inputs.values())), unreadable
        )


def load_batches(
    batches: Sequence[Sequence[Planned]],
    backbone: Backbone,
    resolution: Resolution,
    workers: int,
    device: str,
    seconds: float = PATIENCE,
) -> Iterator[tuple[list[int], dict[str, torch.Tensor], list[tuple[int, str]]]]:
    """(rows, model inputs on the device, unreadable rows with the reason) of the batches, in order.

    workers: processes that prepare them (0: this one, when asked for), each batch within
    ``seconds``. Raises InputError for a worker that is late or gone.
    """
    if workers:
        prepare_sharing()
    loader = DataLoader(
        Prepared(batches, backbone, resolution),
        batch_size=None,
        num_workers=workers,
        prefetch_factor=AHEAD if workers else None,
        collate_fn=_as_it_is,
        pin_memory=device.startswith("cuda"),
        timeout=seconds if workers else 0,
    )
    with loader_faults(seconds):
        for parcel in loader:
            inputs = dict(zip(parcel.names, unpack(parcel.whole, parcel.layout), strict=True))
            yield parcel.rows, backbone.to_device(inputs, device), parcel.unreadable


def _as_it_is(prepared: Any) -> Any:
    return prepared
