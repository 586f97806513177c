"""Items counted once and rendered when they are asked for: what a training of millions needs.

A plan of objects costs about 15,000 bytes an item (docs/performance.md), in every process and, by
and by, in every loader worker. Kept here are ``COUNTS``, 13 bytes an item, in a file that all
processes of all runs of a study map into memory; a prompt is rendered again when its item is in a
batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np
from filelock import FileLock

from gen2embed.below import below
from gen2embed.command_line import progress_bar
from gen2embed.errors import InputError
from gen2embed.files import (
    digest_facts,
    digest_file,
    digest_small_files,
    package_versions,
    read_npy,
    write_npy,
)
from gen2embed.models.backbones.base import Backbone
from gen2embed.models.encoding.planning import Planned, plan_items
from gen2embed.prompts.input_form import form_facts
from gen2embed.prompts.items import Items, digest_of_images
from gen2embed.prompts.registry import Prompt
from gen2embed.prompts.resolutions import Resolution, fixed_size

BLOCK = 4096  # items that are rendered and tokenized together
COUNTS = np.dtype([("tokens", "i4"), ("width", "i4"), ("height", "i4"), ("truncated", "?")])


@dataclass(frozen=True)
class Recipe:
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

    def __init__(self, recipe: Recipe, counts: np.ndarray):
        self.recipe = recipe
        self.counts = counts

    def __len__(self) -> int:
        return len(self.counts)

    @overload
    def __getitem__(self, row: int) -> Planned: ...

    @overload
    def __getitem__(self, row: slice) -> list[Planned]: ...

    def __getitem__(self, row: int | slice) -> Planned | list[Planned]:
        if isinstance(row, slice):
            return [self[row_number] for row_number in range(*row.indices(len(self)))]
        row = int(row)
        tokens, width, height, truncated = self.counts[row].item()
        recipe = self.recipe
        if truncated:
            (planned,) = recipe.plan(row, row + 1)
            return planned
        item = recipe.items[row]
        has_image = bool(item.image_path)
        turn = recipe.backbone.turn(recipe.prompt, item.role, item.text, has_image)
        rendered = recipe.backbone.render(recipe.prompt.systems[item.role], turn)
        image = below(recipe.image_root, item.image_path) if has_image else None
        return Planned(row, rendered, image, (width, height), tokens, False)


def count_all(recipe: Recipe, what: str) -> np.ndarray:
    """``COUNTS`` of all items, a block of them at a time. Raises InputError as ``plan_items``."""
    counts = np.zeros(len(recipe.items), dtype=COUNTS)
    with progress_bar(len(counts), what, "item") as bar:
        for start in range(0, len(counts), BLOCK):
            planned = recipe.plan(start, start + BLOCK)
            counts[start : start + len(planned)] = [
                (plan.tokens, *plan.image_size, plan.truncated) for plan in planned
            ]
            bar.update(len(planned))
    return counts


def counts_file(folder: Path, recipe: Recipe, model: str, revision: str | None) -> Path:
    """Where the counts of these items lie: its name tells everything that determines them."""
    facts: dict[str, Any] = {
        "items": digest_file(recipe.source),
        "model": digest_small_files(model),
        "revision": revision,
        "prompt": repr(recipe.prompt),
        "resolution": recipe.resolution,
        "limits": recipe.backbone.pixel_limits(),
        "input": form_facts(recipe.backbone.form),
        "max_tokens": recipe.max_tokens,
        "versions": package_versions("transformers", "tokenizers", "pillow"),
    }
    if fixed_size(recipe.resolution) is None:  # then an image's size decides
        facts["images"] = digest_of_images(recipe.image_root, recipe.items)
    return folder / f"{digest_facts(facts)}.npy"


def counted(recipe: Recipe, path: Path, what: str) -> Counted:
    """The items, their counts from ``path``, which the first of all processes writes.

    path: see ``counts_file``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        if not path.is_file():
            write_npy(path, count_all(recipe, what))
    counts = read_npy(path, mmap_mode="r")
    if counts.shape != (len(recipe.items),) or counts.dtype != COUNTS:
        raise InputError(f"{path}: does not hold the counts of these items; remove it")
    return Counted(recipe, counts)
