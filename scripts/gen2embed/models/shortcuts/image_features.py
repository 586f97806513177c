"""What a vision tower makes of a batch's images, computed apart from the language model.

A frozen tower need run only once where the language model runs several times.
"""

from __future__ import annotations

from typing import Any

import torch

from gen2embed.models.backbones.base import Backbone

PIXELS = "pixel_values"
GEOMETRY = ("image_grid_thw", "image_sizes")  # how transformers' models tell the images apart


def vision_is_frozen(model: torch.nn.Module) -> bool:
    """Whether nothing outside the language model is trained."""
    return not any(
        named_parameter.requires_grad
        for name, named_parameter in model.named_parameters()
        if ".language_model." not in name
    )


@torch.no_grad()
def with_image_features(backbone: Backbone, batch: dict[str, Any]) -> dict[str, Any]:
    """The batch with the images' features in place of their pixels; ``last_hidden`` takes either.

    A batch without images is returned as it is. No gradient reaches the vision tower.
    """
    if PIXELS not in batch:
        return batch
    geometry = {name: batch[name] for name in GEOMETRY if name in batch}
    seen = backbone.model.model.get_image_features(batch[PIXELS], **geometry, return_dict=True)
    for name in ("last_hidden_state", "hidden_states", "attentions"):
        seen[name] = None  # only what the language model reads is kept
    rest = {name: tensor for name, tensor in batch.items() if name != PIXELS}
    return {**rest, "mm_encoder_outputs": {"image": seen}}
