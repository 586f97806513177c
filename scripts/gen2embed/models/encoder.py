"""Items to unit vectors: last layer, last token after the open assistant turn, L2-normalised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import normalize

from gen2embed.errors import InputError
from gen2embed.models.backbones.base import Backbone
from gen2embed.models.images import displayed_size, load_rgb, open_image
from gen2embed.models.items import Item
from gen2embed.models.partial import Blocks
from gen2embed.models.prompts import Prompt, UserTurn, user_turn
from gen2embed.models.resolutions import Resolution, target_size
from gen2embed.program import progress_bar


@dataclass(frozen=True)
class Planned:
    """An item ready to be batched: its rendered prompt and what it costs."""

    row: int
    rendered: str
    image: Path | None
    image_size: tuple[int, int]  # after the resolution's resizing, pixels; (0, 0) = no image
    tokens: int
    truncated: bool


def plan_items(
    backbone: Backbone,
    items: Sequence[Item],
    prompt: Prompt,
    resolution: Resolution,
    image_root: Path,
    max_tokens: int,
    source: str,
) -> list[Planned]:
    """Render every prompt and check every image's header before the first forward pass.

    Raises InputError that names ``source`` and the row: unreadable image, misplaced image mark, or
    an item whose prompt and image alone exceed ``max_tokens``.
    """
    sizes: dict[str, tuple[int, int]] = {}
    planned = []
    for row, item in enumerate(items):
        try:
            if item.image_path and item.image_path not in sizes:
                with open_image(image_root / item.image_path) as image:
                    sizes[item.image_path] = target_size(resolution, *displayed_size(image))
            size = sizes.get(item.image_path, (0, 0))
            turn = user_turn(prompt, item.role, item.text, bool(item.image_path))
            turn, tokens, truncated = fit(backbone, prompt.system, turn, size, max_tokens)
        except InputError as error:
            raise InputError(f"{source}: row {row}: {error}") from None
        rendered = backbone.render(prompt.system, turn)
        image_path = image_root / item.image_path if item.image_path else None
        planned.append(Planned(row, rendered, image_path, size, tokens, truncated))
    return planned


def fit(
    backbone: Backbone,
    system: str | None,
    turn: UserTurn,
    image_size: tuple[int, int],
    max_tokens: int,
) -> tuple[UserTurn, int, bool]:
    """Cut the data set's own text, from its end, until the prompt has at most ``max_tokens``.

    Returns the turn, its number of tokens with the image, and whether anything was cut. The
    system level, the closing line, the image and the assistant turn are never cut.
    """
    tokenizer = backbone.processor.tokenizer
    image = backbone.image_tokens(*image_size) - 1 if turn.has_image else 0  # one is in the text

    def count(candidate: UserTurn) -> int:
        return len(tokenizer(backbone.render(system, candidate))["input_ids"]) + image

    tokens = count(turn)
    if tokens <= max_tokens:
        return turn, tokens, False
    bare = count(replace(turn, before="", after=""))
    if bare > max_tokens:
        raise InputError(
            f"the prompt and the image alone need {bare} tokens, more than the limit of "
            f"{max_tokens}; raise --max-tokens or choose a smaller resolution"
        )
    while tokens > max_tokens and (turn.before or turn.after):
        part = "after" if turn.after else "before"
        text = getattr(turn, part)
        starts = [
            start
            for start, _ in tokenizer(text, return_offsets_mapping=True, add_special_tokens=False)[
                "offset_mapping"
            ]
        ]
        keep = max(0, len(starts) - (tokens - max_tokens))
        cut = text[: starts[keep]].rstrip() if keep < len(starts) else ""
        turn = replace(turn, **{part: cut})
        tokens = count(turn)
    return turn, tokens, True


def form_batches(planned: Sequence[Planned], token_budget: int) -> list[list[Planned]]:
    """Batches of similar items: sorted by image size and length, at most ``token_budget`` padded.

    The order depends on the items alone, so the result does not depend on the run. An item longer
    than the budget is a batch of its own.
    """
    batches: list[list[Planned]] = []
    for one in sorted(planned, key=lambda item: (item.image_size, item.tokens, item.row)):
        if batches:
            batch = batches[-1]
            longest = max(one.tokens, *(item.tokens for item in batch))
            alike = batch[0].image_size == one.image_size
            if alike and longest * (len(batch) + 1) <= token_budget:
                batch.append(one)
                continue
        batches.append([one])
    return batches


@torch.inference_mode()
def encode(
    backbone: Backbone,
    planned: Sequence[Planned],
    resolution: Resolution,
    token_budget: int,
    device: str,
    what: str,
    blocks: Blocks | None = None,
) -> np.ndarray:
    """Unit vectors of the planned items in their original order: float32, shape (items, dim).

    blocks: where finished vectors are kept and taken up again.
    Raises RuntimeError when the model gives a vector that is not finite.
    """
    batches = form_batches(planned, token_budget)
    done, rows, known = blocks.load() if blocks else (0, np.empty(0, dtype=np.int64), None)
    vectors: np.ndarray | None = None
    with progress_bar(len(planned), what, "item") as bar:
        bar.update(len(rows))
        for number, batch in enumerate(batches[done:], start=done + 1):
            images = [load_rgb(one.image, resolution) for one in batch if one.image is not None]
            inputs = backbone.collate([one.rendered for one in batch], images)
            inputs = {name: tensor.to(device) for name, tensor in inputs.items()}
            hidden = normalize(backbone.last_hidden(inputs).float(), dim=-1).cpu().numpy()
            if not np.isfinite(hidden).all():
                raise RuntimeError(f"{what}: the model gave vectors that are not finite")
            if vectors is None:
                vectors = np.zeros((len(planned), hidden.shape[1]), dtype=np.float32)
            at = np.array([one.row for one in batch])
            vectors[at] = hidden
            if blocks:
                blocks.add(number, at, hidden)
            bar.update(len(batch))
    if vectors is None:
        vectors = np.zeros((len(planned), known.shape[1]), dtype=np.float32)
    if len(rows):
        vectors[rows] = known
    return vectors
