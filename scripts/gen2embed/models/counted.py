"""Items counted once and rendered when they are asked for: what a training of millions needs.

A plan of objects costs about two thousand bytes an item, in every process and, by and by, in every
loader worker. Kept here are ``COUNTS``, 13 bytes an item, in a file that all processes of all runs
of a study map into memory; a prompt is rendered again when its item is in a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np
from filelock import FileLock

from gen2embed.command_line import progress_bar
from gen2embed.files import write_npy
from gen2embed.models.backbones.base import Backbone
from gen2embed.models.planning import Planned, plan_items
from gen2embed.prompts.items import Items
from gen2embed.prompts.registry import Prompt
from gen2embed.prompts.resolutions import Resolution

BLOCK = 4096  # items that are rendered and tokenized together
COUNTS = np.dtype([("tokens", "i4"), ("width", "i4"), ("height", "i4"), ("truncated", "?")])


@dataclass(frozen=True)
class Inputs:
    """What one side's prompts are made of: see ``planning.plan_items``."""

    backbone: Backbone
    items: Items
    prompt: Prompt
    resolution: Resolution
    image_root: Path
    max_tokens: int
    source: str

    def plan(self, start: int, end: int) -> list[Planned]:
        """The items of these rows, as ``plan_items`` gives them."""
        return plan_items(
            self.backbone,
            self.items[start:end],
            self.prompt,
            self.resolution,
            self.image_root,
            self.max_tokens,
            self.source,
            first_row=start,
        )


class Counted(Sequence[Planned]):
    """The planned items of one side by row, rendered anew at each access.

    counts: shape (n,), ``COUNTS``, memory-mapped or not.
    """

    def __init__(self, inputs: Inputs, counts: np.ndarray):
        self.inputs = inputs
        self.counts = counts

    def __len__(self) -> int:
        return len(self.counts)

    @overload
    def __getitem__(self, row: int) -> Planned: ...

    @overload
    def __getitem__(self, row: slice) -> list[Planned]: ...

    def __getitem__(self, row: int | slice) -> Planned | list[Planned]:
        if isinstance(row, slice):
            return [self[one] for one in range(*row.indices(len(self)))]
        row = int(row)
        tokens, width, height, truncated = self.counts[row].item()
        inputs = self.inputs
        if truncated:
            (planned,) = inputs.plan(row, row + 1)
            return planned
        item = inputs.items[row]
        has_image = bool(item.image_path)
        turn = inputs.backbone.turn(inputs.prompt, item.role, item.text, has_image)
        rendered = inputs.backbone.render(inputs.prompt.system, turn)
        image = inputs.image_root / item.image_path if has_image else None
        return Planned(row, rendered, image, (width, height), tokens, False)


def count_all(inputs: Inputs, what: str) -> np.ndarray:
    """``COUNTS`` of all items, a block of them at a time. Raises InputError as ``plan_items``."""
    counts = np.zeros(len(inputs.items), dtype=COUNTS)
    with progress_bar(len(counts), what, "item") as bar:
        for start in range(0, len(counts), BLOCK):
            planned = inputs.plan(start, start + BLOCK)
            counts[start : start + len(planned)] = [
                (one.tokens, *one.image_size, one.truncated) for one in planned
            ]
            bar.update(len(planned))
    return counts


def counted(inputs: Inputs, path: Path, what: str) -> Counted:
    """The items, their counts from ``path``, which the first of all processes writes.

    path: its name must tell everything that determines the counts.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        if not path.is_file():
            write_npy(path, count_all(inputs, what))
    counts = np.load(path, mmap_mode="r", allow_pickle=False)
    return Counted(inputs, counts)
