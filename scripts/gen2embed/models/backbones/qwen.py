"""What the Qwen vision-language models share: markup, image grid, batched vision attention."""

from __future__ import annotations

from typing import Any

import torch

from gen2embed.errors import InputError
from gen2embed.models.backbones.base import PIXEL_BYTES, Backbone, load_model
from gen2embed.models.pixel_limits import PixelLimits
from gen2embed.models.processor import WithoutVideo, load_processor
from gen2embed.models.shortcuts.grouped_attention import use_grouped_attention
from gen2embed.prompts.images import UnreadableImage
from gen2embed.prompts.markup import Parts, chatml
from gen2embed.prompts.registry import UserTurn

WRAPPED = "<|vision_start|>{}<|vision_end|>"


class QwenVL(Backbone):
    """See ``base.Backbone``. In the authors' form the image token stands alone, positions run on.

    A patch's pixels are those of its frame, twice: a still image is a film of two frames.
    """

    image_token = "<|image_pad|>"

    def __init__(self, model: Any, processor: Any):
        super().__init__(model, processor)
        use_grouped_attention(model.model.visual)

    def parts(self, system: str | None, turn: UserTurn) -> Parts:
        return parts(system, turn, self.form.wrapped)

    def limit_pixels(self, limits: PixelLimits) -> None:
        images = self.processor.image_processor
        least = limits.least or images.size["shortest_edge"]
        most = limits.most or images.size["longest_edge"]
        if least > most:
            raise InputError(f"at least {least} pixels of an image, but at most {most}")
        images.size = {"shortest_edge": least, "longest_edge": most}

    def pixel_limits(self) -> list[int] | None:
        size = self.processor.image_processor.size
        return [size["shortest_edge"], size["longest_edge"]]

    def channels(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels.unflatten(1, (3, -1))

    def _as_bytes(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        found = super()._as_bytes(batch)
        found[PIXEL_BYTES] = found[PIXEL_BYTES].unflatten(1, (3, self._frames, -1))[:, :, 0]
        return found

    def _from_bytes(self, pixels: torch.Tensor) -> torch.Tensor:
        frame = self.pixel_table(pixels)
        return frame[:, :, None].expand(-1, -1, self._frames, -1).flatten(1)

    @property
    def _frames(self) -> int:
        return self.processor.image_processor.temporal_patch_size

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
        """Of time, height and width: those of images from their grid, those of text all alike.

        In the authors' form images are numbered as text is.
        """
        positions = super().positions(batch)
        if self.form.flat or "image_grid_thw" not in batch:
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
    has_image = is_image.any(1)
    height, width = grid.new_zeros(2, len(positions), 1)
    height[has_image], width[has_image] = grid[:, :1], grid[:, 1:]
    first = positions.gather(1, is_image.long().argmax(1, keepdim=True))
    within = positions - first
    after = has_image[:, None] & (within >= height * width)
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
) -> QwenVL:
    """Weights and processor of a folder or hub id.

    family: backbone, transformers' class of the model, processor; attention: see ``load_model``.
    """
    backbone, kind, processor = family
    loaded = load_model(kind, model, revision, dtype, device, attention)
    return backbone(loaded, load_processor(model, revision, processor))
