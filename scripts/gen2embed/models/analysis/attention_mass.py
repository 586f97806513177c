"""Where the last token looks: its attention to system, image and user level, layer by layer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate

import numpy as np
import torch

from gen2embed.errors import InputError
from gen2embed.models.analysis.watching import watched
from gen2embed.models.backbones.base import Backbone, last_places
from gen2embed.prompts.markup import SEGMENTS, Parts, join


def token_segments(backbone: Backbone, parts: Parts, image_tokens: int) -> list[str]:
    """The segment of every token of a prompt, its image placeholder standing for many.

    A token belongs where its last character does; tokens around the image, and those that the
    tokenizer adds, are markup.
    """
    ends = list(accumulate(len(text) for _, text in parts))
    tokenizer = backbone.processor.tokenizer
    placeholder = backbone.image_id
    found = tokenizer(join(parts), return_offsets_mapping=True)
    segments: list[str] = []
    for token, (start, end) in zip(found["input_ids"], found["offset_mapping"], strict=True):
        if token == placeholder:
            segments += ["image"] * image_tokens
            continue
        segment_index = next(i for i, limit in enumerate(ends) if end <= limit)
        name = parts[segment_index][0] if end > start else "markup"
        segments.append("markup" if name == "image" else name)
    return segments


def mean_over_heads(output: tuple[torch.Tensor, torch.Tensor | None]) -> torch.Tensor:
    """Weights (batch, tokens, tokens) of an attention's output; only eager attention has them."""
    if output[1] is None:
        raise RuntimeError("no attention weights: load the model with eager attention")
    return output[1].float().mean(1)


@torch.inference_mode()
def attention_mass(
    backbone: Backbone,
    batches: Iterable[tuple[list[int], dict[str, torch.Tensor]]],
    segments: Sequence[Sequence[str]],
) -> tuple[np.ndarray, np.ndarray]:
    """Mass from the last token to each segment, and the segments' sizes.

    segments: of every token, by item; batches: (items, model inputs).
    Returns (items, layers, segments), which sums to 1 over segments, and token counts (items,
    segments), both in the order of ``SEGMENTS``.
    """
    layers = backbone.language_layers()
    member = [np.array([[s == segment for segment in SEGMENTS] for s in of]) for of in segments]
    mass = np.zeros((len(segments), len(layers), len(SEGMENTS)))
    for items, inputs in batches:
        with watched((layer.self_attn for layer in layers), mean_over_heads) as seen:
            backbone.hidden(inputs)
        last = last_places(inputs).cpu()
        real = inputs["attention_mask"].bool().cpu()
        for number, weights in enumerate(seen):
            rows = weights[torch.arange(len(items)), last].cpu()
            if not torch.isfinite(rows).all():
                raise InputError(
                    f"layer {number + 1}: the model's attention is not finite; take --dtype fp32, "
                    "or check its weights"
                )
            for row, kept, item in zip(rows, real, items, strict=True):
                mass[item, number] = row[kept].double().numpy() @ member[item]
    return mass, np.stack([segment.sum(axis=0) for segment in member])
