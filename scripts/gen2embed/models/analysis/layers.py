"""The same embedding taken at every layer: where discrimination arises."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch.nn.functional import normalize

from gen2embed.models.analysis.watching import watched
from gen2embed.models.backbones.base import Backbone, last_places
from gen2embed.models.encoding.numbers_given import check_given


def hidden_states(output: torch.Tensor | tuple[torch.Tensor, ...]) -> torch.Tensor:
    """A layer's output, shape (batch, tokens, dim)."""
    return output if isinstance(output, torch.Tensor) else output[0]


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
        with watched(layers, hidden_states) as seen:
            final = backbone.last_hidden(inputs)
        positions = last_places(inputs)
        at = torch.arange(len(rows), device=positions.device)
        for number, hidden in enumerate(seen):
            last = final if number == len(layers) - 1 else hidden[at, positions]
            of_layer = normalize(last.float(), dim=-1).cpu().numpy()
            check_given(of_layer, rows, f"layer {number + 1}, item")
            vectors[number, rows] = of_layer
    return vectors
