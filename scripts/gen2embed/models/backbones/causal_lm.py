"""Text alone: any decoder-only chat model that transformers' auto classes load.

Tried with the layouts of Llama, Qwen2, Gemma and Mistral; from a folder, a hub id or a GGUF file.
The chat markup is the model's own (``prompts/chat_template.py``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import torch
from jinja2 import TemplateError
from tokenizers.processors import TemplateProcessing
from transformers import AutoModelForCausalLM, AutoTokenizer

from gen2embed.errors import InputError
from gen2embed.models.backbones.base import Backbone, load_model
from gen2embed.models.folders.gguf_files import at, complete_tokenizer, is_gguf
from gen2embed.prompts.chat_template import ChatTemplate, Messages, read_template
from gen2embed.prompts.markup import Parts
from gen2embed.prompts.registry import Prompt, UserTurn

DAY = "01 Jan 2025"  # for templates that write today's date: a prompt is the same every day
CONTROL = re.compile(r"<[^<>\s]+>|\[/?[A-Z_]+\]")  # how words of markup look
WINDOWS = ("sliding_window", "attention_chunk_size")  # how transformers' models call theirs


class CausalLM(Backbone):
    """See ``base.Backbone``. No image token, no processor but the tokenizer; both forms of input
    are the same, and a mark without an image is left out."""

    name = "causal_lm"
    image_token = ""
    adapted_modules = r"model\.layers\..*\.(q_proj|k_proj|v_proj|o_proj|down_proj)"

    def __init__(self, model: torch.nn.Module, tokenizer: Any, template: ChatTemplate):
        super().__init__(model, SimpleNamespace(tokenizer=tokenizer))
        self.template = template

    def turn(self, prompt: Prompt, role: str, text: str, has_image: bool) -> UserTurn:
        """See ``base.Backbone``. Raises InputError for an item with an image."""
        if has_image:
            raise InputError(
                f"has an image, and {self.model.config.model_type!r} reads text alone; leave out "
                "such items, or name a multimodal model"
            )
        return super().turn(prompt, role, text, has_image)

    @property
    def markup_words(self) -> tuple[str, ...]:
        """Such as [INST], which is no token of its own in some vocabularies."""
        return tuple(sorted(set(CONTROL.findall(" ".join(vars(self.template).values())))))

    def parts(self, system: str | None, turn: UserTurn) -> Parts:
        return self.template.parts(system, turn)

    def collate(
        self,
        texts: Sequence[str],
        images: Sequence[Any] = (),
        shown: Sequence[bool] | None = None,  # noqa: ARG002  signature of Backbone
        compact: bool = False,  # noqa: ARG002
    ) -> dict[str, torch.Tensor]:
        """Rendered prompts as one batch, padded on the left; there are no images."""
        if images:
            raise ValueError(f"{len(images)} images for a model that reads text alone")
        found = self.processor.tokenizer(list(texts), padding=True, return_tensors="pt")
        return {name: found[name] for name in ("input_ids", "attention_mask")}

    @property
    def image_id(self) -> int:
        """No token's number."""
        return -1

    @property
    def language_model(self) -> torch.nn.Module:
        return self.model.model

    def embed(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """See ``base.Backbone``; prompts longer than an attention window share no beginning.

        What stands between a shared beginning and a shorter prompt's rest counts as distance there.
        """
        config = self.model.config.get_text_config()
        windows = [getattr(config, name, None) for name in WINDOWS]
        if any(window is not None and batch["input_ids"].shape[1] >= window for window in windows):
            return self.last_hidden(batch)
        return super().embed(batch)

    def hidden(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """See ``base.Backbone``; positions are counted without padding."""
        out = self.model.model(**batch, position_ids=self.positions(batch), use_cache=False)
        return out.last_hidden_state

    def save_processor(self, folder: Any) -> None:
        """There is none."""


def load(
    model: str, revision: str | None, dtype: str, device: str, attention: str | None = None
) -> CausalLM:
    """Load weights and tokenizer of a folder, hub id or GGUF file; attention: see ``load_model``.

    Raises InputError for a model without a chat template, or whose layers are not laid out as
    attention and MLP.
    """
    tokenizer = load_tokenizer(model, revision)
    template = template_of(model, tokenizer)
    loaded = load_model(AutoModelForCausalLM, model, revision, dtype, device, attention)
    layers = getattr(getattr(loaded, "model", None), "layers", [])
    if not layers or not all(
        hasattr(layer, "self_attn") and hasattr(layer, "mlp") for layer in layers
    ):
        raise InputError(
            f"{model}: its layers ({loaded.config.model_type}) are not laid out as those of Llama, "
            "Qwen2, Gemma and Mistral are; such a model is not supported"
        )
    return CausalLM(loaded, tokenizer, template)


def load_tokenizer(model: str, revision: str | None) -> Any:
    """The tokenizer, padding on the left; it adds no tokens of its own: the markup has them."""
    folder, more = at(model)
    tokenizer = AutoTokenizer.from_pretrained(
        folder, revision=revision, padding_side="left", trust_remote_code=False, **more
    )
    if not tokenizer.is_fast:
        raise InputError(f"{model}: has no fast tokenizer (tokenizer.json); convert it")
    if is_gguf(model):
        complete_tokenizer(tokenizer, model)
    if tokenizer("")["input_ids"]:
        nothing_more = TemplateProcessing(single="$A", pair="$A $B")
        tokenizer.backend_tokenizer.post_processor = nothing_more
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token  # whatever it is: the mask hides it
    return tokenizer


def template_of(model: str, tokenizer: Any) -> ChatTemplate:
    """The model's markup; InputError where it has no chat template, or none that is of use."""
    if not tokenizer.chat_template:
        raise InputError(f"{model}: has no chat template; take a chat model (an instruct version)")

    def render(messages: Messages, open_turn: bool) -> str | None:
        try:
            return tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=open_turn, date_string=DAY,
                strftime_now=lambda _: DAY,
            )  # fmt: skip
        except (TemplateError, ValueError, TypeError, LookupError):
            return None

    try:
        return read_template(render, tokenizer.bos_token or "")
    except InputError as error:
        raise InputError(f"{model}: {error}") from None
