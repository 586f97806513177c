"""The Qwen family's processors for images and text, which do not need torchvision.

The stock processors insist on a video part that needs torchvision; without it AutoProcessor
silently returns a bare tokenizer. Where torchvision is present, the stock ones are used.
"""

from __future__ import annotations

from typing import Any

from transformers import AutoTokenizer, Qwen2VLProcessor
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.processing_utils import ProcessorMixin
from transformers.utils import is_torchvision_available


class WithoutVideo:
    """Mixed into a stock processor (also named in ``stock``): a constructor without video."""

    stock: type[ProcessorMixin]

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

    stock = Qwen2VLProcessor


def load_processor(
    model: str, revision: str | None, kind: type[WithoutVideo] = ImageTextProcessor
) -> Any:
    """The processor of a model folder or hub id, padding on the left.

    kind: of the model's family; the family's members share an image processor.
    """
    if is_torchvision_available():
        processor = kind.stock.from_pretrained(model, revision=revision)
        processor.tokenizer.padding_side = "left"
        return processor
    tokenizer = AutoTokenizer.from_pretrained(model, revision=revision, padding_side="left")
    images = Qwen2VLImageProcessorPil.from_pretrained(model, revision=revision)
    return kind(images, tokenizer, chat_template=tokenizer.chat_template)
