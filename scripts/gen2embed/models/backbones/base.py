"""What the encoder and the trainer need of a backbone, and what all backbones share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from gen2embed.errors import InputError
from gen2embed.models.adapters import apply_adapter
from gen2embed.models.attention import best_attention
from gen2embed.models.chats import Parts, join
from gen2embed.models.prefix import only_last_token, split_prefix
from gen2embed.models.prompts import UserTurn

LEAST_PREFIX = 4  # tokens; a shorter beginning is not worth a pass of its own
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


class Backbone:
    """A loaded model with its processor and its way of writing a chat.

    A subclass names its ``image_token`` and gives ``parts`` and ``image_tokens``. Its model holds,
    as transformers' models do, everything but the language head in ``.model``.
    """

    name: str
    image_token: str  # the tokenizer's placeholder of an image
    # regular expression of the modules that LoRA adapts, by full name: the language model's alone
    adapted_modules = r".*\.language_model\.layers\..*\.(q_proj|k_proj|v_proj|o_proj|down_proj)"

    def __init__(self, model: torch.nn.Module, processor: Any, vision_wrapper: bool = True):
        self.model = model
        self.processor = processor
        self.vision_wrapper = vision_wrapper

    def parts(self, system: str | None, turn: UserTurn) -> Parts:
        """The prompt as named parts, image placeholder included, up to the open assistant turn."""
        raise NotImplementedError

    def image_tokens(self, width: int, height: int) -> int:
        """How many tokens an image of this size (pixels) becomes.

        Raises UnreadableImage for a shape that the backbone refuses.
        """
        raise NotImplementedError

    def render(self, system: str | None, turn: UserTurn) -> str:
        """The prompt as text."""
        return join(self.parts(system, turn))

    def load_adapter(self, folder: str, merge: bool = True) -> None:
        """Apply a PEFT adapter folder (LoRA, DoRA), merged into the weights or beside them."""
        self.model = apply_adapter(self.model, folder, merge)

    def collate(self, texts: Sequence[str], images: Sequence[Any]) -> dict[str, torch.Tensor]:
        """Rendered prompts and their images (in order of the prompts) as one padded batch."""
        return self.processor(
            text=list(texts), images=list(images) or None, padding=True, return_tensors="pt"
        ).data

    def last_hidden(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Last layer's hidden state at the last token, shape (batch, dim); no logits are made."""
        hidden = self.hidden(batch)
        return hidden[torch.arange(len(hidden), device=hidden.device), last_places(batch)]

    def embed(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """``last_hidden`` for inference, without what it does not need (``prefix.py``).

        That works on batches padded on the left, as ``collate`` gives them.
        """
        if not bool(batch["attention_mask"][:, -1].all()):
            return self.last_hidden(batch)
        image_id = self.processor.tokenizer.convert_tokens_to_ids(self.image_token)
        shared = split_prefix(batch, image_id, LEAST_PREFIX)
        if shared is None:
            with only_last_token(self.language_layers()[-1]):
                return self.hidden(batch)[:, -1]
        inner = self.model.model
        known = inner.language_model(input_ids=shared.prefix, use_cache=True).past_key_values
        known.batch_repeat_interleave(len(batch["input_ids"]))
        positions = self.positions(batch)[..., shared.length :]
        with only_last_token(self.language_layers()[-1]):
            out = inner(
                **shared.batch, position_ids=positions, past_key_values=known, use_cache=True
            )
        return out.last_hidden_state[:, -1]

    def positions(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Position ids of a padded batch: shape (batch, tokens), or (3, batch, tokens)."""
        return (batch["attention_mask"].cumsum(-1) - 1).clamp(min=0)

    def hidden(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Last layer's hidden states, shape (batch, tokens, dim), without the language head."""
        return self.model.model(**batch, use_cache=False).last_hidden_state

    @property
    def dim(self) -> int:
        """Width of the vectors."""
        return self.model.config.get_text_config().hidden_size

    def language_layers(self) -> Sequence[torch.nn.Module]:
        """The language model's layers, first to last; each has its attention in ``self_attn``."""
        return self.model.model.language_model.layers


def last_places(batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Where the last real token of each prompt stands, shape (batch,), whichever side is padded."""
    mask = batch["attention_mask"]
    return mask.shape[1] - 1 - mask.flip(1).argmax(1)


def load_model(
    kind: Any, model: str, revision: str | None, dtype: str, device: str, attention: str | None
) -> torch.nn.Module:
    """Weights of a folder or hub id as transformers' class ``kind``, ready for inference.

    attention: transformers' name of an implementation; None: the best one here.
    """
    if dtype not in DTYPES:
        raise InputError(f"unknown dtype {dtype!r}; known: {', '.join(DTYPES)}")
    loaded = kind.from_pretrained(
        model,
        revision=revision,
        dtype=DTYPES[dtype],
        attn_implementation=attention or best_attention(device, dtype),
        trust_remote_code=False,
    )
    return loaded.to(device).eval()
