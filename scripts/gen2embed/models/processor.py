"""The Qwen family's processors for images and text, the same with torchvision and without it.

The stock processors insist on a video part: without torchvision AutoProcessor silently returns a
bare tokenizer, with it a folder without ``video_preprocessor_config.json`` is refused. And its
image processors resize in another way than Pillow: vectors would depend on what is installed.
"""

from __future__ import annotations

from typing import Any

from transformers import AutoTokenizer, Qwen2VLProcessor
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.processing_utils import ProcessorMixin


class WithoutVideo:
    """Mixed into a stock processor: a constructor without video."""

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


class ImageTextProcessor(WithoutVideo, Qwen2VLProcessor):
    """Qwen2VLProcessor without its video processor."""


def load_processor(
    model: str, revision: str | None, kind: type[WithoutVideo] = ImageTextProcessor
) -> Any:
    """The processor of a model folder or hub id, padding on the left.

    kind: of the model's family; the family's members share an image processor.
    """
    tokenizer = AutoTokenizer.from_pretrained(model, revision=revision, padding_side="left")
    images = Qwen2VLImageProcessorPil.from_pretrained(model, revision=revision)
    return kind(images, tokenizer, chat_template=tokenizer.chat_template)
