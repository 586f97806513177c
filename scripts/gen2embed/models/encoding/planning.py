"""From items to what the encoder batches: rendered prompts, image sizes, token counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gen2embed.below import below
from gen2embed.errors import InputError
from gen2embed.models.backbones.base import Backbone
from gen2embed.prompts.images import UnreadableImage, open_image, shown_size
from gen2embed.prompts.items import Item
from gen2embed.prompts.registry import Prompt, UserTurn
from gen2embed.prompts.resolutions import Resolution, fixed_size, target_size


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
    first_row: int = 0,
    unreadable: dict[int, str] | None = None,
) -> list[Planned]:
    """Render every prompt and check every image's header before the first forward pass.

    Where the resolution is one size for all, no header is opened: a broken image is found later.

    first_row: row of ``items[0]`` in ``source``. unreadable: rows whose image cannot be read are
    noted here (row -> why) and left out; None: they are an error.
    Raises InputError that names ``source`` and the row: unreadable image, several image marks, or
    an item whose prompt and image alone exceed ``max_tokens``, an image path out of its root.
    """
    sizes: dict[str, tuple[int, int]] = {}
    fixed = fixed_size(resolution)
    form = backbone.form
    turns: list[tuple[int, Item, UserTurn, tuple[int, int], int]] = []
    for row, item in enumerate(items, start=first_row):
        try:
            if item.image_path and item.image_path not in sizes:
                path = below(image_root, item.image_path)
                sizes[item.image_path] = fixed or _size_of(path, resolution, form.image_mode)
            size = sizes.get(item.image_path, (0, 0))
            if backbone.image_token and backbone.image_token in item.text:
                raise InputError(f"text holds {backbone.image_token}, which means an image")
            turn = backbone.turn(prompt, item.role, item.text, bool(item.image_path))
            of_image = backbone.image_tokens(*size) if turn.has_image else 0
        except InputError as error:
            if unreadable is not None and isinstance(error, UnreadableImage):
                unreadable[row] = str(error)
                continue
            raise InputError(f"{source}: row {row}: {error}") from None
        turns.append((row, item, turn, size, of_image))
    rendered = [backbone.render(prompt.systems[item.role], turn) for _, item, turn, _, _ in turns]
    counted = backbone.processor.tokenizer(rendered)["input_ids"] if rendered else []
    planned = []
    for (row, item, turn, size, of_image), text, ids in zip(turns, rendered, counted, strict=True):
        tokens = len(ids) + of_image - turn.has_image  # one placeholder is in the text
        truncated = tokens > max_tokens
        if truncated:
            cut = None
            if form.truncate == "right":
                cut = cut_right(backbone, text, turn.has_image, of_image, max_tokens)
            try:
                if cut is None:
                    system = prompt.systems[item.role]
                    turn, tokens, _ = fit(backbone, system, turn, size, max_tokens)
                    cut = backbone.render(system, turn), tokens
            except InputError as error:
                raise InputError(f"{source}: row {row}: {error}") from None
            text, tokens = cut
        path = image_root / item.image_path if item.image_path else None
        planned.append(Planned(row, text, path, size, tokens, truncated))
    return planned


def _size_of(path: Path, resolution: Resolution, mode: str) -> tuple[int, int]:
    """(width, height) that an image is given to the model in, from its header."""
    with open_image(path) as image:
        return target_size(resolution, *shown_size(image, mode))


def cut_right(
    backbone: Backbone, text: str, has_image: bool, of_image: int, max_tokens: int
) -> tuple[str, int] | None:
    """Cut a rendered prompt at its end, assistant turn and all, as the authors' tokenizer does.

    Only that theirs may end within a character of several tokens (1 to 3 tokens more).
    of_image: tokens of its image. Returns the prompt and its number of tokens with the image; None
    where the image itself would be cut: such an item, which the authors' program cannot take,
    loses the end of the data set's text instead.
    """
    tokenizer = backbone.processor.tokenizer
    keep = max_tokens - (of_image - has_image)
    found = tokenizer(text, return_offsets_mapping=True)
    while len(found["input_ids"]) > keep:
        end = found["offset_mapping"][max(keep, 0)][0]
        keep_image = text.find(backbone.image_token) + len(backbone.image_token)
        if keep < 1 or (has_image and end < keep_image):
            return None
        text = text[:end]
        found = tokenizer(text, return_offsets_mapping=True)
    return text, len(found["input_ids"]) + of_image - has_image


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
