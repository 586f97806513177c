"""A model as an embedder in Python: what ``embed_items.py`` does, without files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from gen2embed.errors import InputError
from gen2embed.models.backbones import load_backbone
from gen2embed.models.device import resolve_device
from gen2embed.models.encoding.encoder import encode, plan_items
from gen2embed.models.folders.adapters import check_model
from gen2embed.models.pixel_limits import limits_of_folder
from gen2embed.prompts.items import Item
from gen2embed.prompts.registry import ROLES, get_prompt
from gen2embed.prompts.resolutions import get_resolution
from gen2embed.settings import default

MAX_TOKENS, TOKEN_BUDGET, RESOLUTION, DTYPE = (
    default("embed", key) for key in ("max_tokens", "token_budget", "resolution", "dtype")
)
Input = str | Path | Mapping[str, str | Path]


class Embedder:
    """A folder or hub id read under a named prompt.

    adapter: PEFT folder, merged. prompt, resolution: names of the registries. Raises InputError
    for a model, adapter or name that is not known.

    >>> embedder = Embedder("results/mini/generator")  # doctest: +SKIP
    >>> embedder.encode(["red", {"text": "What is it?", "image": "photo.jpg"}])  # doctest: +SKIP
    """

    def __init__(
        self,
        model: str | Path,
        *,
        revision: str | None = None,
        adapter: str | Path | None = None,
        prompt: str = "hierarchical",
        prompt_file: str | Path | None = None,
        resolution: str = RESOLUTION,
        max_tokens: int = MAX_TOKENS,
        token_budget: int = TOKEN_BUDGET,
        dtype: str = DTYPE,
        device: str = "auto",
    ):
        self.prompt = get_prompt(prompt, prompt_file)
        self.resolution = get_resolution(resolution)
        self.max_tokens, self.token_budget = max_tokens, token_budget
        self.device = resolve_device(device)
        folder = None if adapter is None else str(adapter)
        limits = limits_of_folder(folder)
        self.backbone = load_backbone(str(model), revision, dtype, self.device, limits=limits)
        if folder is not None:
            check_model(str(model), folder, lambda _: None)
            self.backbone.load_adapter(folder)

    @property
    def dim(self) -> int:
        """Width of the vectors."""
        return self.backbone.dim

    def encode(
        self, inputs: Sequence[Input], role: str = "query", *, image_root: str | Path = ""
    ) -> np.ndarray:
        """Unit vectors, float32, shape (len(inputs), dim).

        inputs: a text (str), an image (Path), or a dictionary of ``text`` and ``image`` (a path
        below image_root). role: "query" or "target". Raises InputError that names the input's row.
        """
        if role not in ROLES:
            raise InputError(f"unknown role {role!r}; known: {', '.join(ROLES)}")
        if isinstance(inputs, str | Path | Mapping):
            raise InputError("inputs: give a list, of one thing too")
        items = [_item(row, given, role) for row, given in enumerate(inputs)]
        if not items:
            return np.zeros((0, self.dim), dtype=np.float32)
        planned = plan_items(
            self.backbone, items, self.prompt, self.resolution, Path(image_root), self.max_tokens,
            "inputs",
        )  # fmt: skip
        return encode(
            self.backbone, planned, self.resolution, self.token_budget, self.device, "encode",
            source="inputs",
        )  # fmt: skip


def _item(row: int, given: Input, role: str) -> Item:
    if isinstance(given, str):
        return Item(given, "", role)
    if isinstance(given, Path):
        return Item("", str(given), role)
    if isinstance(given, Mapping) and given and not set(given) - {"text", "image"}:
        return Item(str(given.get("text", "")), str(given.get("image", "")), role)
    raise InputError(f"inputs: row {row}: give a text, a Path, or a dictionary of text and image")
