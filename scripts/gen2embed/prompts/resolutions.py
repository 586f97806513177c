"""Named resolutions (``resolutions.yaml``): what size an image is given to the model in."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from gen2embed.errors import InputError
from gen2embed.text_files import read_yaml

REGISTRY = Path(__file__).with_name("resolutions.yaml")
Resolution = Mapping[str, Any]


def get_resolution(name: str) -> Resolution:
    resolutions = _shipped()
    if name not in resolutions:
        raise InputError(f"unknown resolution {name!r}; known: {', '.join(resolutions)}")
    return resolutions[name]


@cache
def _shipped() -> dict[str, Resolution]:
    return read_yaml(REGISTRY)


def fixed_size(resolution: Resolution) -> tuple[int, int] | None:
    """(width, height) that every image is given, whatever its own; None: it depends on that."""
    return target_size(resolution, 1, 1) if resolution["kind"] == "squash" else None


def target_size(resolution: Resolution, width: int, height: int) -> tuple[int, int]:
    """(width, height) in pixels that an image of the given size is resized to.

    Source: paper's program, evaluation and training images (METHOD: evaluation); rounding is ours.
    """
    kind = resolution["kind"]
    if kind == "native":
        return width, height
    if kind == "squash":
        return resolution["side"], resolution["side"]
    if kind != "bounded":
        raise InputError(f"unknown kind of resolution {kind!r}; see {REGISTRY.name}")
    longest = max(width, height)
    wide, high = max(width, longest / 2), max(height, longest / 2)
    scale = min(1.0, resolution["long_at_most"] / longest)
    scale = max(scale, resolution["short_at_least"] / min(wide, high))
    return round(wide * scale), round(high * scale)
