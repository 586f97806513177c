"""What the encoder and the trainer need of a backbone, and what all backbones share."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gen2embed.errors import InputError
from gen2embed.models.folders.adapters import apply_adapter
from gen2embed.models.folders.gguf_files import weights_at
from gen2embed.models.pixel_limits import PixelLimits
from gen2embed.models.shortcuts.grouped_attention import best_attention
from gen2embed.models.shortcuts.pixel_table import RAW, PixelTable
from gen2embed.models.shortcuts.prefix import LITERAL, only_last_token, split_prefix
from gen2embed.prompts.input_form import STOCK
from gen2embed.prompts.mark import IMAGE_MARK
from gen2embed.prompts.markup import Parts, as_letters, join
from gen2embed.prompts.registry import Prompt, UserTurn, user_turn

PIXEL_BYTES = "pixel_bytes"  # key of a compact batch
LEAST_PREFIX = 4  # tokens; a shorter beginning is not worth a pass of its own
HEAD = "lm_head."
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


class Backbone:
    """A loaded model with its processor and its way of writing a chat.

    A subclass names its ``image_token`` and gives ``parts`` and ``image_tokens``. Its model holds,
    as transformers' models do, everything but the language head in ``.model``.
    """

    name: str
    image_token: str  # the tokenizer's placeholder of an image; "": it reads text alone
    markup_words: tuple[str, ...] = ()  # of the chat's markup, where they are no tokens
    # regular expression of the modules that LoRA adapts, by full name: the language model's alone
    adapted_modules = r".*\.language_model\.layers\..*\.(q_proj|k_proj|v_proj|o_proj|down_proj)"

    def __init__(self, model: torch.nn.Module, processor: Any):
        self.model = model
        self.processor = processor
        self.form = STOCK

    def turn(self, prompt: Prompt, role: str, text: str, has_image: bool) -> UserTurn:
        """The user level of an item in this model's words (``prompts.user_turn``).

        What the tokenizer would read as a control token in the data's text becomes letters.
        """
        text = as_letters(text, self.control_tokens)
        token = self.image_token if self.form.mark_without_image == "token" else ""
        return user_turn(prompt, role, text, has_image, token)

    @cached_property
    def control_tokens(self) -> re.Pattern[str]:
        """Everything that opens or closes turns, or stands for more than its letters."""
        return re.compile("|".join(map(re.escape, self.control_words)) or "(?!)")

    @property
    def control_words(self) -> list[str]:
        """The same as words, longest first."""
        tokenizer = self.processor.tokenizer
        added = (
            value.content for value in tokenizer.added_tokens_decoder.values() if value.special
        )
        names = {*tokenizer.all_special_tokens, *added, *self.markup_words} - {IMAGE_MARK}
        words = sorted(name for name in names if len(name) > 1)
        return sorted(words, key=len, reverse=True)

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

    def limit_pixels(self, limits: PixelLimits) -> None:
        """Resize images within these limits instead of the processor's own, where any is given.

        Raises InputError for a backbone that knows none.
        """
        if limits:
            raise InputError(
                f"{self.name} has no limits of pixels; leave out --min-pixels and --max-pixels"
            )

    def pixel_limits(self) -> list[int] | None:
        """Least and most pixels of an image, for manifests; None: there are none."""
        return None

    def save_processor(self, folder: str | Path) -> None:
        """Save with an adapter what says how its images were processed."""
        self.processor.image_processor.save_pretrained(folder)

    def channels(self, pixels: torch.Tensor) -> torch.Tensor:
        """``pixel_values`` as (n, 3, values)."""
        raise NotImplementedError

    def collate(
        self,
        texts: Sequence[str],
        images: Sequence[Any],
        shown: Sequence[bool] | None = None,
        compact: bool = False,
    ) -> dict[str, torch.Tensor]:
        """Rendered prompts and their images (in order of the prompts) as one padded batch.

        shown: which prompts have an image; default: those that hold the image token, or none where
        there are no images. An image token of any other prompt is a token like others, of which
        ``LITERAL`` tells the places (batch, tokens). compact: pixels as bytes (``to_device`` makes
        them floats), where the processor allows it.
        """
        raw = compact and self.pixel_table is not None
        marked = [self.image_token in text for text in texts]
        if shown is None:
            if images and sum(marked) != len(images):
                raise ValueError(
                    f"{len(images)} images for {sum(marked)} marked prompts: say which"
                )
            shown = marked if images else [False] * len(texts)
        more = RAW if raw and images else {}
        if all(image or not mark for image, mark in zip(shown, marked, strict=True)):
            batch = self.processor(
                text=list(texts), images=list(images) or None, padding=True, return_tensors="pt",
                **more,
            ).data  # fmt: skip
        else:
            batch = self._collate_literal(texts, images, shown, more)
        return self._as_bytes(batch) if more else batch

    def _collate_literal(
        self,
        texts: Sequence[str],
        images: Sequence[Any],
        shown: Sequence[bool],
        more: dict[str, bool],
    ) -> dict[str, torch.Tensor]:
        """A batch with image tokens that stand for no image: the processor never sees those texts.

        It would count them and refuse.
        """
        tokenizer = self.processor.tokenizer
        seen = [text for text, image in zip(texts, shown, strict=True) if image]
        batch: dict[str, Any] = {}
        if seen:
            batch = dict(self.processor(text=seen, images=list(images), **more).data)
        of_images = iter(batch.pop("input_ids", []))
        batch.pop("attention_mask", None)
        kinds = batch.pop("mm_token_type_ids", None)
        rows = [
            next(of_images) if image else tokenizer(text)["input_ids"]
            for text, image in zip(texts, shown, strict=True)
        ]
        padded = tokenizer.pad({"input_ids": rows}, padding=True, return_tensors="pt").data
        batch = {name: torch.as_tensor(np.asarray(item)) for name, item in batch.items()}
        is_image = padded["input_ids"] == self.image_id
        has_image = torch.tensor(list(shown))[:, None]
        if kinds is not None:
            padded["mm_token_type_ids"] = (is_image & has_image).to(padded["input_ids"])
        return {**padded, **batch, LITERAL: is_image & ~has_image}

    @cached_property
    def pixel_table(self) -> PixelTable | None:
        """The processor's floats by channel and byte; None where they are no such table."""
        try:
            return PixelTable(self.processor.image_processor, self.channels)
        except ValueError:
            return None

    def _as_bytes(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """The batch with ``pixel_values``, not rescaled, as bytes: ``PIXEL_BYTES``."""
        rest = {name: item for name, item in batch.items() if name != "pixel_values"}
        return {**rest, PIXEL_BYTES: batch["pixel_values"].to(torch.uint8)}

    def _from_bytes(self, pixels: torch.Tensor) -> torch.Tensor:
        """``pixel_values`` as the processor would have made them, float32."""
        return self.pixel_table(self.channels(pixels)).reshape(pixels.shape)

    def to_device(
        self, batch: Mapping[str, torch.Tensor], device: str | torch.device
    ) -> dict[str, torch.Tensor]:
        """A collated batch where the model is, its pixels as floats."""
        found = {name: item.to(device, non_blocking=True) for name, item in batch.items()}
        if PIXEL_BYTES in found:
            found["pixel_values"] = self._from_bytes(found.pop(PIXEL_BYTES))
        return found

    @property
    def image_id(self) -> int:
        """The image token's number."""
        return self.processor.tokenizer.convert_tokens_to_ids(self.image_token)

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
        shared = split_prefix(batch, self.image_id, LEAST_PREFIX)
        if shared is None:
            with only_last_token(self.language_layers()[-1]):
                return self.hidden(batch)[:, -1]
        inner = self.model.model
        known = self.language_model(input_ids=shared.prefix, use_cache=True).past_key_values
        known.batch_repeat_interleave(len(batch["input_ids"]))
        positions = self.positions(batch)[..., shared.length :]
        with only_last_token(self.language_layers()[-1]), self._inputs(shared.batch) as inputs:
            out = inner(**inputs, position_ids=positions, past_key_values=known, use_cache=True)
        return out.last_hidden_state[:, -1]

    def positions(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Position ids of a padded batch: shape (batch, tokens), or (3, batch, tokens)."""
        return (batch["attention_mask"].cumsum(-1) - 1).clamp(min=0)

    def hidden(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Last layer's hidden states, shape (batch, tokens, dim), without the language head.

        In the stock form the model numbers positions itself: the same but for the last bits.
        """
        positions = {"position_ids": self.positions(batch)} if self.form.flat else {}
        with self._inputs(batch) as inputs:
            out = self.model.model(**inputs, **positions, use_cache=False)
        return out.last_hidden_state

    @contextmanager
    def _inputs(self, batch: Mapping[str, torch.Tensor]) -> Iterator[dict[str, torch.Tensor]]:
        """What the model takes of a batch. Image tokens without image are embedded as tokens.

        The model would count them among the places of its images; so it is given another token
        there, whose embedding is replaced by the image token's.
        """
        if PIXEL_BYTES in batch:  # the model would take it for an option and see no image
            raise RuntimeError("a compact batch must go through to_device first")
        inputs = {name: item for name, item in batch.items() if name != LITERAL}
        literal = batch.get(LITERAL)
        if literal is None:
            yield inputs
            return
        tokens = self.model.get_input_embeddings()

        def put_back(_module: Any, _inputs: Any, out: torch.Tensor) -> torch.Tensor:
            return torch.where(literal[..., None], tokens.weight[self.image_id].to(out), out)

        inputs["input_ids"] = inputs["input_ids"].masked_fill(
            literal, self.processor.tokenizer.pad_token_id
        )
        hook = tokens.register_forward_hook(put_back)
        try:
            yield inputs
        finally:
            hook.remove()

    @property
    def dim(self) -> int:
        """Width of the vectors."""
        return self.model.config.get_text_config().hidden_size

    @property
    def language_model(self) -> torch.nn.Module:
        """The decoder: token embeddings, layers, final normalisation."""
        return self.model.model.language_model

    def language_layers(self) -> Sequence[torch.nn.Module]:
        """The language model's layers, first to last; each has its attention in ``self_attn``."""
        return self.language_model.layers


def last_places(batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Where the last real token of each prompt stands, shape (batch,), whichever side is padded."""
    mask = batch["attention_mask"]
    return mask.shape[1] - 1 - mask.flip(1).argmax(1)


def load_model(
    kind: Any, model: str, revision: str | None, dtype: str, device: str, attention: str | None
) -> torch.nn.Module:
    """Weights of a folder, hub id or GGUF file as transformers' class ``kind``, for inference.

    attention: transformers' name of an implementation; None: the best one here.
    """
    if dtype not in DTYPES:
        raise InputError(f"unknown dtype {dtype!r}; known: {', '.join(DTYPES)}")
    folder, more = weights_at(model)
    loaded, found = kind.from_pretrained(
        folder,
        **more,
        revision=revision,
        dtype=DTYPES[dtype],
        attn_implementation=attention or best_attention(device, dtype),
        trust_remote_code=False,
        output_loading_info=True,
    )
    check_whole(model, found)
    return loaded.to(device).eval()


def check_whole(model: str, found: Mapping[str, Collection[Any]]) -> None:
    """Raise InputError where weights that an embedding needs were not in the checkpoint.

    transformers draws those at random and says so in a warning alone. found: its loading info. The
    language head is not needed.
    """
    missing = sorted(name for name in found["missing_keys"] if not name.startswith(HEAD))
    if missing:
        strange = sorted(map(str, found["unexpected_keys"]))
        held = f", and it holds others that fit nothing, such as {strange[0]}" if strange else ""
        raise InputError(
            f"{model}: {len(missing)} weights are not in the checkpoint, such as "
            f"{missing[0]}{held}; it is not whole, or of another class than its config.json says: "
            "fetch it again"
        )
