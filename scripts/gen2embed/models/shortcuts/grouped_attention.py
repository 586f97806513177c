"""Vision attention over whole groups of equally long images instead of one image after the other.

transformers' ``sdpa`` path loops over the images of a batch. Registered under a name that holds
"flash", this function receives the whole packed sequence with its boundaries, as flash attention
does, and runs one scaled-dot-product call per distinct length. Same output, far fewer calls.
"""

from __future__ import annotations

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.utils import is_flash_attn_2_available
from transformers.utils.generic import is_flash_attention_requested

NAME = "flash_grouped_sdpa"


def grouped_attention(
    _module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    *,
    scaling: float,
    cu_seq_lens_q: torch.Tensor,
    dropout: float = 0.0,
    **_: object,
) -> tuple[torch.Tensor, None]:
    """Attention within each packed segment; query, key, value of shape (1, heads, tokens, width).

    ``cu_seq_lens_q`` (segments + 1) holds the segments' boundaries. Returns (1, tokens, heads,
    width). Source: ours, over torch's scaled_dot_product_attention.
    """
    lengths = (cu_seq_lens_q[1:] - cu_seq_lens_q[:-1]).tolist()
    packed = torch.stack((query[0], key[0], value[0])).transpose(1, 2)  # (3, tokens, heads, width)

    def attend(segments: torch.Tensor) -> torch.Tensor:
        q, k, v = segments.transpose(2, 3)  # each (segments, heads, length, width)
        out = scaled_dot_product_attention(q, k, v, dropout_p=dropout, scale=scaling)
        return out.transpose(1, 2)  # (segments, length, heads, width)

    if len(set(lengths)) == 1:
        out = attend(packed.unflatten(1, (len(lengths), lengths[0])))
        return out.flatten(0, 1).unsqueeze(0), None
    parts = list(packed.split(lengths, dim=1))
    results: list[torch.Tensor | None] = [None] * len(parts)
    for length in sorted(set(lengths)):
        chosen = [i for i, size in enumerate(lengths) if size == length]
        out = attend(torch.stack([parts[i] for i in chosen], dim=1))
        for i, result in zip(chosen, out, strict=True):
            results[i] = result
    return torch.cat(results).unsqueeze(0), None


def use_grouped_attention(vision_tower: torch.nn.Module) -> None:
    """Switch a loaded vision tower (its blocks share its configuration) to grouped attention.

    One that runs flash attention already takes all images in one call and is left alone.
    """
    if is_flash_attention_requested(vision_tower.config):
        return
    ALL_ATTENTION_FUNCTIONS.register(NAME, grouped_attention)
    vision_tower.config._attn_implementation = NAME


def best_attention(device: str, dtype: str) -> str:
    """transformers' name of the fastest implementation here.

    Flash attention where it is installed, on a GPU and in half precision; else torch's SDPA.
    """
    fits = device.startswith("cuda") and dtype == "bf16"
    return "flash_attention_2" if fits and is_flash_attn_2_available() else "sdpa"
