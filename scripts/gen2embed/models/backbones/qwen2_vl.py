"""Qwen2-VL, from the mini experiment's 1.5 M parameters to 7B: transformers' own classes."""

from __future__ import annotations

from typing import Any

import torch
from transformers import Qwen2VLForConditionalGeneration

from gen2embed.errors import InputError
from gen2embed.models.adapters import merge_adapter
from gen2embed.models.attention import use_grouped_attention
from gen2embed.models.processor import load_processor
from gen2embed.models.prompts import UserTurn

IMAGE = "<|vision_start|><|image_pad|><|vision_end|>"
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def load(model: str, revision: str | None, dtype: str, device: str) -> Qwen2VL:
    """Load weights and processor; the vision tower uses grouped attention."""
    if dtype not in DTYPES:
        raise InputError(f"unknown dtype {dtype!r}; known: {', '.join(DTYPES)}")
    loaded = Qwen2VLForConditionalGeneration.from_pretrained(
        model, revision=revision, dtype=DTYPES[dtype], attn_implementation="sdpa"
    )
    return Qwen2VL(loaded.to(device).eval(), load_processor(model, revision))


class Qwen2VL:
    """See ``base.Backbone``."""

    name = "qwen2_vl"
    adapted_modules = r".*\.language_model\.layers\..*\.(q_proj|k_proj|v_proj|o_proj|down_proj)"

    def __init__(self, model: Qwen2VLForConditionalGeneration, processor: Any):
        self.model = model
        self.processor = processor
        use_grouped_attention(model.model.visual)

    def render(self, system: str | None, turn: UserTurn) -> str:
        image = IMAGE if turn.has_image else ""
        user = f"{turn.before}{image}{turn.after}{turn.closing}"
        level = f"<|im_start|>system\n{system}<|im_end|>\n" if system is not None else ""
        return f"{level}<|im_start|>user\n{user}<|im_end|>\n<|im_start|>assistant\n"

    def load_adapter(self, folder: str) -> None:
        """Merge a PEFT adapter (LoRA, DoRA) into the weights."""
        self.model = merge_adapter(self.model, folder)

    def image_tokens(self, width: int, height: int) -> int:
        images = self.processor.image_processor
        return images.get_number_of_image_patches(height, width) // images.merge_size**2

    def collate(self, texts: list[str], images: list[Any]) -> dict[str, torch.Tensor]:
        return self.processor(
            text=texts, images=images or None, padding=True, return_tensors="pt"
        ).data

    def last_hidden(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        # `.model` is the model without its language head; left padding puts the last token last
        return self.model.model(**batch, use_cache=False).last_hidden_state[:, -1]
