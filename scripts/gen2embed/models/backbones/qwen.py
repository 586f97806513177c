"""What the Qwen vision-language models share: markup, image grid, batched vision attention."""

from __future__ import annotations

from typing import Any

import torch

from gen2embed.models.attention import use_grouped_attention
from gen2embed.models.backbones.base import Backbone, load_model
from gen2embed.models.chats import Parts, chatml
from gen2embed.models.images import UnreadableImage
from gen2embed.models.processor import WithoutVideo, load_processor
from gen2embed.models.prompts import UserTurn

WRAPPED = "<|vision_start|>{}<|vision_end|>"


class QwenVL(Backbone):
    """See ``base.Backbone``. Without the vision wrapper the image token stands alone."""

    image_token = "<|image_pad|>"

    def __init__(self, model: Any, processor: Any, vision_wrapper: bool = True):
        super().__init__(model, processor, vision_wrapper)
        use_grouped_attention(model.model.visual)

    def parts(self, system: str | None, turn: UserTurn) -> Parts:
        return parts(system, turn, self.vision_wrapper)

    def image_tokens(self, width: int, height: int) -> int:
        images = self.processor.image_processor
        try:
            patches = images.get_number_of_image_patches(height, width, {})
        except ValueError as error:  # extreme aspect ratios
            raise UnreadableImage(
                f"an image of {width}x{height} pixels is refused by {self.name}'s processor "
                f"({error}); crop it or choose another resolution"
            ) from None
        return patches // images.merge_size**2

    def positions(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Of time, height and width: those of images from their grid, those of text all alike."""
        positions = super().positions(batch)
        if "image_grid_thw" not in batch:
            return positions.expand(3, -1, -1)
        merge = self.processor.image_processor.merge_size
        return image_positions(
            positions, batch["mm_token_type_ids"] == 1, batch["image_grid_thw"][:, 1:] // merge
        )


def image_positions(
    positions: torch.Tensor, is_image: torch.Tensor, grid: torch.Tensor
) -> torch.Tensor:
    """Rotary positions of prompts with at most one image each, shape (3, batch, tokens).

    positions: of plain text, (batch, tokens); is_image: bool, likewise; grid: tokens of each image
    in height and width, (images, 2), in order of the prompts. An image's tokens share the time at
    which it begins; height and width count up from there; text goes on after the largest of them.
    The same numbers as the models' own ``get_rope_index``, without its loop over tokens.
    """
    has = is_image.any(1)
    height, width = grid.new_zeros(2, len(positions), 1)
    height[has], width[has] = grid[:, :1], grid[:, 1:]
    first = positions.gather(1, is_image.long().argmax(1, keepdim=True))
    within = positions - first
    after = has[:, None] & (within >= height * width)
    text = torch.where(after, positions - height * width + torch.maximum(height, width), positions)
    rows = first + within // width.clamp(min=1)
    columns = first + within % width.clamp(min=1)
    image = torch.stack([first.expand_as(positions), rows, columns])
    return torch.where(is_image, image, text)


def parts(system: str | None, turn: UserTurn, vision_wrapper: bool) -> Parts:
    """A prompt in Qwen's markup, the image wrapped in vision start and end tokens or bare."""
    image = WRAPPED.format(QwenVL.image_token) if vision_wrapper else QwenVL.image_token
    return chatml(system, turn, image)


def load_qwen(
    family: tuple[type[QwenVL], Any, type[WithoutVideo]],
    model: str,
    revision: str | None,
    dtype: str,
    device: str,
    attention: str | None = None,
    vision_wrapper: bool = True,
) -> QwenVL:
    """Weights and processor of a folder or hub id.

    family: backbone, transformers' class of the model, processor; attention: see ``load_model``.
    """
    backbone, kind, processor = family
    loaded = load_model(kind, model, revision, dtype, device, attention)
    return backbone(loaded, load_processor(model, revision, processor), vision_wrapper)
