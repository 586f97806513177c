"""Pixels travel as the bytes they are: rescaled and normalised on the device, by a table.

What a processor makes of a pixel after resizing depends on its channel and its byte alone. So the
workers hand over bytes (a quarter of float32), and 3 x 256 numbers, taken from the processor
itself, give the very same floats.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from PIL import Image

RAW = {"do_rescale": False, "do_normalize": False}
SIDE = 64  # pixels of the picture that the table is tried on


class PixelTable:
    """as_channels: ``pixel_values`` of the processor as (n, 3, values).

    Raises ValueError for a processor whose floats do not follow from channel and byte.
    """

    def __init__(self, processor: Any, as_channels: Callable[[torch.Tensor], torch.Tensor]):
        self.table = _normalised(processor)
        noise = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        picture = [Image.fromarray(noise)]
        raw, done = (
            as_channels(torch.as_tensor(np.asarray(processor(picture, **more)["pixel_values"])))
            for more in (RAW, {})
        )
        if not torch.equal(self(raw.to(torch.uint8)), done.float()):
            raise ValueError("pixels are not a table of channel and byte")

    def __call__(self, raw: torch.Tensor) -> torch.Tensor:
        """Bytes (n, 3, values) to the processor's float32, on the bytes' device."""
        table = self.table.to(raw.device).flatten()
        start = torch.arange(3, device=raw.device).mul_(256)[:, None]
        return table[raw.long() + start]


def _normalised(processor: Any) -> torch.Tensor:
    """Every byte in every channel, rescaled and normalised by the processor: float32 (3, 256)."""
    every = np.tile(np.arange(256, dtype=np.uint8).reshape(16, 16), (3, 1, 1))
    mean, std = processor.image_mean, processor.image_std
    done = processor.rescale(every, processor.rescale_factor) if processor.do_rescale else every
    done = processor.normalize(done, mean, std) if processor.do_normalize else done
    return torch.as_tensor(done).reshape(3, 256).float()
