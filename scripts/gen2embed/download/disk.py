"""How much disk a download needs, and whether it is there: asked before the first byte."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from gen2embed.errors import InputError

RESERVE = 1.05  # what file systems take for themselves


def gigabytes(size: float) -> str:
    """Bytes as they are read: 12.3 GB, 4.5 MB."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size:.0f} bytes"


def check_disk(needed: Mapping[Path, int]) -> None:
    """Raise InputError if a disk lacks room; needed: bytes by folder (they need not exist yet)."""
    by_disk: dict[int, tuple[Path, int]] = {}
    for folder, size in needed.items():
        existing = _nearest(Path(folder))
        first, so_far = by_disk.get(existing.stat().st_dev, (existing, 0))
        by_disk[existing.stat().st_dev] = (first, so_far + size)
    for folder, size in by_disk.values():
        free = shutil.disk_usage(folder).free
        if size * RESERVE > free:
            raise InputError(
                f"{folder}: {gigabytes(size * RESERVE)} are needed on this disk, {gigabytes(free)} "
                "are free; make room, move the cache (HF_HOME) or the images (--store), or ask for "
                "fewer data sets"
            )


def _nearest(folder: Path) -> Path:
    """The folder, or the closest one above it that exists."""
    folder = folder.absolute()
    while not folder.exists():
        folder = folder.parent
    return folder
