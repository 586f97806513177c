"""Ways to embed an item, watched: this project's, sentence-transformers', vectors of a file.

Positions, last states and the pooled place are read off the model while it runs, not off settings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import normalize

from gen2embed.errors import InputError
from gen2embed.files import load_embeddings
from gen2embed.models.backbones.base import Backbone
from gen2embed.models.comparison.trace import Trace, cosine
from gen2embed.models.encoding.encoder import encode, plan_items
from gen2embed.models.export.check import load
from gen2embed.models.export.template import message_of
from gen2embed.prompts.images import load_rgb
from gen2embed.prompts.items import Item
from gen2embed.prompts.registry import Prompt
from gen2embed.prompts.resolutions import Resolution

GRIDS = ("image_grid_thw", "image_sizes")
ALONE = 1e-3  # of cosine, between an item alone and in a batch; number formats cost less
TASKS = {"query": "query", "target": "document"}


@contextmanager
def watched(base: torch.nn.Module) -> Iterator[dict[str, torch.Tensor]]:
    """Positions, and the last state before (``raw``) and after (``normed``) its normalisation."""
    language = getattr(base, "language_model", base)
    seen: dict[str, torch.Tensor] = {}

    def positions(_module: Any, inputs: tuple, named: dict[str, Any]) -> None:
        seen["positions"] = named["position_ids"] if "position_ids" in named else inputs[1]

    def states(_module: Any, inputs: tuple, out: torch.Tensor) -> None:
        seen["raw"], seen["normed"] = inputs[0], out

    hooks = [
        language.rotary_emb.register_forward_pre_hook(positions, with_kwargs=True),
        language.norm.register_forward_hook(states),
    ]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def pooled(seen: dict[str, torch.Tensor], vector: np.ndarray) -> tuple[Any, str | None]:
    """(place, state) whose unit vector is the item's; (None, None): none is."""
    best: tuple[float, Any, str | None] = (0.99, None, None)
    for state in ("normed", "raw"):
        hidden = seen[state][0].float()
        rows = normalize(torch.cat([hidden, hidden.mean(0, keepdim=True)]), dim=-1)
        cosines = (rows.cpu().numpy().astype(np.float64) @ vector.astype(np.float64)).tolist()
        for place in range(len(cosines) - 1, -1, -1):
            if cosines[place] > best[0] + 1e-6:
                named = "mean" if place == len(hidden) else place - len(hidden)
                best = (cosines[place], named, state)
    return best[1], best[2]


def traced(
    seen: dict[str, torch.Tensor], inputs: dict[str, Any], vector: np.ndarray, **known: Any
) -> Trace:
    place, state = pooled(seen, vector)
    positions = seen["positions"].reshape(-1, seen["positions"].shape[-1]).cpu().numpy()
    if (positions == positions[0]).all():  # of text, on one axis or on three
        positions = positions[:1]
    grids = [inputs[name].flatten().tolist() for name in GRIDS if name in inputs]
    pixels = inputs.get("pixel_values")
    return Trace(
        vector,
        ids=inputs["input_ids"][0].tolist(),
        grid=grids[0] if grids else [],
        pixels=np.empty(0) if pixels is None else pixels.float().cpu().numpy().ravel(),
        positions=positions,
        place=place,
        state=state,
        **known,
    )


class Own:
    """This project's way."""

    def __init__(self, backbone: Backbone, prompt: Prompt, resolution: Resolution, tokens: int):
        self.backbone, self.prompt, self.resolution = backbone, prompt, resolution
        self.tokens = tokens

    @torch.inference_mode()
    def traces(self, items: Sequence[Item], root: Path, source: str = "items") -> list[Trace]:
        backbone = self.backbone
        planned = plan_items(
            backbone, items, self.prompt, self.resolution, root, self.tokens, source
        )
        device = str(next(backbone.model.parameters()).device)
        whole = encode(backbone, planned, self.resolution, 8192, device, "in batches")
        found = []
        for plan, together in zip(planned, whole, strict=True):
            mode = backbone.form.image_mode
            images = [load_rgb(plan.image, self.resolution, mode)] if plan.image else []
            batch = backbone.collate([plan.rendered], images, [bool(images)])
            batch = backbone.to_device(batch, device)
            with watched(backbone.model.model) as seen:
                vector = normalize(backbone.last_hidden(batch).float(), dim=-1).cpu().numpy()[0]
            unchanged = cosine(vector, together) > 1 - ALONE
            known = {"rendered": plan.rendered, "form": _form(backbone.model)}
            known |= {"prompt": self.prompt.systems[items[plan.row].role] or ""}
            side = backbone.processor.tokenizer.padding_side
            found.append(traced(seen, batch, vector, padding=(side, unchanged), **known))
        return found


class SentenceTransformers:
    """A folder as sentence-transformers reads it."""

    def __init__(self, folder: str | Path, resolution: Resolution):
        self.model = load(Path(folder))
        self.resolution = resolution

    @torch.inference_mode()
    def traces(self, items: Sequence[Item], root: Path, source: str = "items") -> list[Trace]:  # noqa: ARG002
        model, found = self.model, []
        inputs = [self._input(item, root) for item in items]
        whole: list[Any] = [None] * len(items)
        for role in sorted({item.role for item in items}):
            at = [number for number, item in enumerate(items) if item.role == role]
            vectors = self._encode(role, [inputs[number] for number in at])
            for number, vector in zip(at, vectors, strict=True):
                whole[number] = vector
        first = model[0]
        for item, given, together in zip(items, inputs, whole, strict=True):
            task = TASKS[item.role]
            level = (model.prompts or {}).get(task) or ""
            turns = first.input_formatter.normalize_messages(given)
            if level:
                turns = first.input_formatter.prepend_prompt_to_messages([turns], level)[0]
            rendered = first.processor.apply_chat_template(
                turns, tokenize=False, task=task, add_generation_prompt=True
            )
            features = first.preprocess([given], prompt=level or None, task=task)
            with watched(first.model) as seen:
                vector = self._encode(item.role, [given])[0]
            unchanged = cosine(vector, together) > 1 - ALONE
            known = {"rendered": rendered, "form": _form(first.model), "prompt": level}
            side = first.tokenizer.padding_side
            found.append(traced(seen, features, vector, padding=(side, unchanged), **known))
        return found

    def _input(self, item: Item, root: Path) -> Any:
        path = root / item.image_path if item.image_path else None
        return message_of(item.text, load_rgb(path, self.resolution) if path else None)

    def _encode(self, role: str, inputs: list[Any]) -> np.ndarray:
        call = self.model.encode_query if role == "query" else self.model.encode_document
        return np.asarray(call(inputs, show_progress_bar=False, convert_to_numpy=True))


class Vectors:
    """Vectors alone: row = item."""

    def __init__(self, path: str):
        self.path, self.vectors = path, load_embeddings(path)

    def traces(self, items: Sequence[Item], root: Path, source: str = "items") -> list[Trace]:  # noqa: ARG002
        if len(items) > len(self.vectors):
            raise InputError(f"{self.path}: {len(self.vectors)} rows for {len(items)} items")
        return [Trace(self.vectors[number]) for number in range(len(items))]


def _form(model: torch.nn.Module) -> str:
    return str(next(model.parameters()).dtype).removeprefix("torch.")
