"""LLaVA-NeXT (1.6) on Mistral or Vicuna: transformers' own classes."""

from __future__ import annotations

import torch
from transformers import AutoTokenizer, LlavaNextForConditionalGeneration, LlavaNextProcessor
from transformers.models.llava_next.image_processing_pil_llava_next import (
    LlavaNextImageProcessorPil,
)

from gen2embed.errors import InputError
from gen2embed.models.backbones.base import Backbone, load_model
from gen2embed.prompts.markup import Chat, Parts, mistral, vicuna
from gen2embed.prompts.registry import UserTurn

CHATS: dict[str, Chat] = {"mistral": mistral, "llama": vicuna}  # by the language model's type
# Vicuna's USER: and ASSISTANT: are words that any text may hold
MARKUP_WORDS = {"mistral": ("[INST]", "[/INST]", "<<SYS>>", "<</SYS>>"), "llama": ()}
OTHER_CHATS = ("<|im_start|>", "<|start_header_id|>")  # tokens of LLaVA-NeXT's other relatives


class LlavaNext(Backbone):
    """See ``base.Backbone``. Its images have no wrapper and no grid: both forms are the same."""

    name = "llava_next"
    image_token = "<image>"

    @property
    def markup_words(self) -> tuple[str, ...]:
        return MARKUP_WORDS[self.model.config.text_config.model_type]

    def parts(self, system: str | None, turn: UserTurn) -> Parts:
        chat = CHATS[self.model.config.text_config.model_type]
        return chat(system, turn, self.image_token)

    def channels(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels.flatten(0, 1).flatten(2)

    def image_tokens(self, width: int, height: int) -> int:
        counted = self.processor._get_num_multimodal_tokens(image_sizes=[(height, width)])
        return counted["num_image_tokens"][0]


def load(
    model: str,
    revision: str | None,
    dtype: str,
    device: str,
    attention: str | None = None,
) -> LlavaNext:
    """Load weights and processor of a model folder or hub id; attention: see ``load_model``.

    Raises InputError for a LLaVA-NeXT on another language model, whose markup is not known here.
    """
    processor = load_processor(model, revision)
    loaded = load_model(
        LlavaNextForConditionalGeneration, model, revision, dtype, device, attention
    )
    kind = loaded.config.text_config.model_type
    known = processor.tokenizer.get_vocab()
    if kind not in CHATS or any(token in known for token in OTHER_CHATS):
        raise InputError(
            f"{model}: LLaVA-NeXT on {kind!r} with another chat markup is not supported; "
            "supported: llava-v1.6-mistral, llava-v1.6-vicuna"
        )
    return LlavaNext(loaded, processor)


def load_processor(model: str, revision: str | None) -> LlavaNextProcessor:
    """The processor of a model folder or hub id, padding on the left, images by Pillow."""
    tokenizer = AutoTokenizer.from_pretrained(model, revision=revision, padding_side="left")
    images = LlavaNextImageProcessorPil.from_pretrained(model, revision=revision)
    facts, _ = LlavaNextProcessor.get_processor_dict(model, revision=revision)
    names = ("patch_size", "vision_feature_select_strategy", "num_additional_image_tokens")
    settings = {name: facts[name] for name in names if name in facts}
    return LlavaNextProcessor(images, tokenizer, chat_template=tokenizer.chat_template, **settings)
