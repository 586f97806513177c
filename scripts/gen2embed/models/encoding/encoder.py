"""Items to unit vectors: last layer, last token after the open assistant turn, L2-normalised."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import torch
from torch.nn.functional import normalize

from gen2embed.command_line import progress_bar
from gen2embed.errors import InputError
from gen2embed.models.backbones.base import Backbone
from gen2embed.models.encoding.batching import batches_by_tokens
from gen2embed.models.encoding.blocks import Blocks
from gen2embed.models.encoding.loading import PATIENCE, load_batches
from gen2embed.models.encoding.numbers_given import check_given
from gen2embed.models.encoding.planning import Planned, plan_items
from gen2embed.prompts.resolutions import Resolution

__all__ = ["Planned", "batches_by_tokens", "encode", "plan_items"]
LOG = logging.getLogger(__name__)


@torch.inference_mode()
def encode(
    backbone: Backbone,
    planned: Sequence[Planned],
    resolution: Resolution,
    token_budget: int,
    device: str,
    what: str,
    blocks: Blocks | None = None,
    *,
    source: str = "items",
    rows: range | None = None,
    window: int | None = None,
    workers: int = 0,
    unreadable: dict[int, str] | None = None,
    share_prefix: bool = True,
    round_vectors: bool = False,
    seconds: float = PATIENCE,
) -> np.ndarray:
    """Unit vectors of the planned items: float32, shape (len(rows), dim), row i that of rows[i].

    what: named in progress and errors. blocks: where finished vectors are kept and taken up again.
    source: named in errors of a row. rows: the rows of the file that are
    wanted (default: 0 to the number of planned items); those not planned or not readable are zero.
    window: see ``batches_by_tokens``. workers: processes that prepare batches ahead of the device.
    unreadable: rows whose image turns out broken are noted here; None: they are an error.
    share_prefix: leave out what embeddings do not need (``prefix.py``). round_vectors: to
    bf16, as the authors' program compares them. seconds: for a batch of the workers.
    Out of GPU memory, the token budget is halved for all that is left.
    Raises InputError for a broken image, and for a vector that is not finite, or all zeros.
    """
    rows = range(len(planned)) if rows is None else rows
    vectors = np.zeros((len(rows), backbone.dim), dtype=np.float32)
    done, at, known = blocks.load() if blocks else (0, np.empty(0, dtype=np.int64), None)
    if len(at):
        vectors[at - rows.start] = known
    forward = backbone.embed if share_prefix else backbone.last_hidden
    left = _without(
        batches_by_tokens(planned, token_budget, window, by_beginning=share_prefix),
        set(at.tolist()),
    )
    with progress_bar(len(planned), what, "item") as bar:
        bar.update(len(at))
        while left:
            finished = 0
            try:
                loaded = load_batches(left, backbone, resolution, workers, device, seconds)
                for numbers, inputs, broken in loaded:
                    _note(broken, unreadable, source)
                    if numbers:
                        hidden = _unit(forward(inputs), round_vectors)
                        check_given(hidden, numbers, f"{source}: row")
                        at = np.array(numbers)
                        vectors[at - rows.start] = hidden
                        done += 1
                        if blocks:
                            blocks.add(done, at, hidden)
                    bar.update(len(left[finished]))
                    finished += 1
                left = []
            except torch.cuda.OutOfMemoryError:
                token_budget = _smaller(token_budget, left[finished], what)
                torch.cuda.empty_cache()
                rest = [plan for batch in left[finished:] for plan in batch]
                left = batches_by_tokens(
                    sorted(rest, key=lambda plan: plan.row),
                    token_budget,
                    window,
                    by_beginning=share_prefix,
                )
    return vectors


def _unit(hidden: torch.Tensor, rounded: bool) -> np.ndarray:
    """Unit vectors of one batch, shape (batch, dim), float32; rounded: to bf16, then to length 1.

    Rounding alone may leave a vector of few large components 0.2 % too long.
    """
    unit = normalize(hidden.float(), dim=-1)
    if rounded:
        unit = normalize(unit.bfloat16().float(), dim=-1)
    return unit.cpu().numpy()


def _without(batches: list[list[Planned]], known: set[int]) -> list[list[Planned]]:
    """What of the batches is not known yet."""
    left = ([item for item in batch if item.row not in known] for batch in batches)
    return [batch for batch in left if batch]


def _note(broken: list[tuple[int, str]], unreadable: dict[int, str] | None, source: str) -> None:
    for row, why in broken:
        if unreadable is None:
            raise InputError(f"{source}: row {row}: {why}")
        unreadable[row] = why


def _smaller(token_budget: int, batch: Sequence[Planned], what: str) -> int:
    """Half the tokens that the failed batch had, at least one item's.

    Raises InputError when it was a single item.
    """
    if len(batch) == 1:
        raise InputError(
            f"{what}: row {batch[0].row} alone ({batch[0].tokens} tokens) does not fit into the "
            "GPU's memory; choose a smaller resolution or model"
        ) from None
    held = len(batch) * max(item.tokens for item in batch)
    smaller = max(1, min(token_budget, held) // 2)
    LOG.warning("%s: out of GPU memory; going on with %d tokens per batch", what, smaller)
    return smaller
