"""The same embedding taken at every layer: where discrimination arises."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch.nn.functional import normalize

from gen2embed.models.backbones.base import Backbone, last_places


@contextmanager
def watched(layers: Sequence[torch.nn.Module]) -> Iterator[list[torch.Tensor]]:
    """Yield a list that every forward pass fills with each layer's output (batch, tokens, dim)."""
    seen: list[torch.Tensor] = []

    def keep(_module: Any, _inputs: Any, output: torch.Tensor | tuple[torch.Tensor, ...]) -> None:
        seen.append(output if isinstance(output, torch.Tensor) else output[0])

    hooks = [layer.register_forward_hook(keep) for layer in layers]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


@torch.inference_mode()
def encode_layers(
    backbone: Backbone, batches: Iterable[tuple[list[int], dict[str, torch.Tensor]]], items: int
) -> np.ndarray:
    """Unit vectors at the last token after each layer: float32, shape (layers, items, dim).

    The last layer's are the embedding itself, final normalisation included; the others are the
    hidden states between layers, which have none.
    """
    layers = backbone.language_layers()
    vectors = np.zeros((len(layers), items, backbone.dim), dtype=np.float32)
    for rows, inputs in batches:
        with watched(layers) as seen:
            final = backbone.last_hidden(inputs)
        places = last_places(inputs)
        at = torch.arange(len(rows), device=places.device)
        for number, hidden in enumerate(seen):
            last = final if number == len(layers) - 1 else hidden[at, places]
            vectors[number, rows] = normalize(last.float(), dim=-1).cpu().numpy()
    return vectors
