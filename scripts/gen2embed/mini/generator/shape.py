"""Sizes of the small model: what its program takes as flags, without torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """Sizes of the small model (widths in units, depths in layers, patch in pixels)."""

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    intermediate: int
    vision_width: int
    vision_depth: int
    vision_heads: int
    patch: int
