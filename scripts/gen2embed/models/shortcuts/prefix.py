"""What an embedding does not need is left out: repeated beginnings, and unread tokens' last MLP.

What all prompts of a batch begin with (chat markup, system level) is run through once: causal
attention sees to it that its keys and values are the same in every prompt. Under the hierarchical
prompt that is half of a short text's tokens. And of the last layer only the last token is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch.utils.hooks import RemovableHandle

LITERAL = "literal_image_tokens"  # key of a batch: image tokens that stand for no image


@dataclass(frozen=True)
class Shared:
    """A left-padded batch without its common beginning.

    prefix: token ids, shape (1, length). batch: the inputs of what follows; its tokens are those of
    the batch from ``length`` on, its mask (batch, length + tokens) covers the prefix, too. For a
    prompt shorter than the longest, left-over tokens of the prefix take the place of padding.
    """

    prefix: torch.Tensor
    batch: dict[str, torch.Tensor]

    @property
    def length(self) -> int:
        return self.prefix.shape[1]


def split_prefix(batch: dict[str, torch.Tensor], image_id: int, least: int) -> Shared | None:
    """The batch without its common beginning; None where that is shorter than ``least`` tokens.

    batch: padded on the left. The beginning ends before the first image token and before any
    prompt's last token.
    """
    ids, mask = batch["input_ids"], batch["attention_mask"]
    if len(ids) == 1:
        return None
    width = ids.shape[1]
    starts = width - mask.sum(1)
    shortest = width - int(starts.max())
    first = starts[:, None] + torch.arange(shortest - 1, device=ids.device)
    heads = ids.gather(1, first)  # every prompt's first tokens, unpadded
    alike = ((heads == heads[0]) & (heads != image_id)).all(0)
    length = int(alike.long().cumprod(0).sum())
    if length < least:
        return None
    columns = torch.arange(length, width, device=ids.device)
    own = (columns >= starts[:, None] + length).to(mask.dtype)
    rest = {**batch, "input_ids": ids[:, length:]}
    rest["attention_mask"] = torch.cat([mask.new_ones(len(ids), length), own], dim=1)
    for name in ("mm_token_type_ids", LITERAL):
        if name in batch:
            rest[name] = batch[name][:, length:]
    return Shared(heads[:1, :length], rest)


def narrow_to_last_token(layer: torch.nn.Module) -> RemovableHandle:
    """From now on the layer's MLP sees the last token alone; all others' outputs mean nothing.

    For left-padded batches. Of the MLP's one row per prompt (batch, 1, width) the residual sum
    makes as many as there are tokens. Removing the handle undoes it.
    """
    return layer.mlp.register_forward_pre_hook(lambda _, inputs: (inputs[0][:, -1:],))


@contextmanager
def only_last_token(layer: torch.nn.Module) -> Iterator[None]:
    """``narrow_to_last_token`` within the block."""
    hook = narrow_to_last_token(layer)
    try:
        yield
    finally:
        hook.remove()
