"""Qwen2-VL's processor for images and text, which does not need torchvision.

The stock processor insists on a video part that needs torchvision; without it AutoProcessor
silently returns a bare tokenizer. Where torchvision is present the two give the same pixels.
"""

from __future__ import annotations

from typing import Any

from transformers import AutoTokenizer, Qwen2VLProcessor
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.processing_utils import ProcessorMixin


class ImageTextProcessor(Qwen2VLProcessor):
    """Qwen2VLProcessor without its video processor."""

    def __init__(
        self,
        image_processor: Any = None,
        tokenizer: Any = None,
        chat_template: str | None = None,
        **kwargs: Any,
    ):
        self.image_token = "<|image_pad|>"
        self.video_token = "<|video_pad|>"
        self.image_token_id = tokenizer.convert_tokens_to_ids(self.image_token)
        self.video_token_id = tokenizer.convert_tokens_to_ids(self.video_token)
        ProcessorMixin.__init__(
            self, image_processor, tokenizer, chat_template=chat_template, **kwargs
        )


def load_processor(model: str, revision: str | None) -> ImageTextProcessor:
    """The processor of a model folder or hub id, padding on the left."""
    tokenizer = AutoTokenizer.from_pretrained(model, revision=revision, padding_side="left")
    images = Qwen2VLImageProcessorPil.from_pretrained(model, revision=revision)
    return ImageTextProcessor(images, tokenizer, chat_template=tokenizer.chat_template)
