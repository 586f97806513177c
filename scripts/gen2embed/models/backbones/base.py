"""What the encoder and the trainer need of a backbone."""

from __future__ import annotations

from typing import Any, Protocol

import torch

from gen2embed.models.prompts import UserTurn


class Backbone(Protocol):
    """A loaded model with its processor and its way of writing a chat."""

    name: str
    model: torch.nn.Module
    processor: Any
    adapted_modules: str  # regular expression of the modules that LoRA adapts, by full name

    def render(self, system: str | None, turn: UserTurn) -> str:
        """The prompt as text, image placeholder included, up to the open assistant turn."""
        ...

    def load_adapter(self, folder: str) -> None:
        """Apply a PEFT adapter folder to the model."""
        ...

    def image_tokens(self, width: int, height: int) -> int:
        """How many tokens an image of this size (pixels) becomes."""
        ...

    def collate(self, texts: list[str], images: list[Any]) -> dict[str, torch.Tensor]:
        """Rendered prompts and their images (in order of the prompts) as one left-padded batch."""
        ...

    def last_hidden(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Last layer's hidden state at the last token, shape (batch, dim); no logits are made."""
        ...
