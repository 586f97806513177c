"""Images on disk: is every one there, and can it be decoded as the encoder will decode it?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from gen2embed.data.checks import ERROR, Finding
from gen2embed.errors import InputError
from gen2embed.models.images import load_rgb
from gen2embed.models.resolutions import get_resolution


def sample(n_images: int, wanted: int | None, seed: int) -> np.ndarray:
    """Which images are decoded, ascending; wanted None = all."""
    if wanted is None or wanted >= n_images:
        return np.arange(n_images)
    return np.sort(np.random.default_rng(seed).choice(n_images, wanted, replace=False))


def check_images(
    root: Path,
    paths: Sequence[str],
    rows: Sequence[int],
    wanted: int | None,
    seed: int,
    workers: int = 2,
    count: Callable[[], object] = lambda: None,
) -> tuple[list[Finding], int]:
    """Findings, and how many images were decoded.

    Every path must exist below ``root``; ``wanted`` of them (None: all), drawn by ``seed``, are
    decoded, as ``gen2embed.models.images`` does for the encoder.
    """
    with ThreadPoolExecutor(workers) as pool:
        there = list(pool.map(lambda path: (root / path).is_file(), paths))
        findings = _finding(
            "image_missing", paths, rows, [not one for one in there], "is not there"
        )
        present = [place for place, is_there in enumerate(there) if is_there]
        chosen = [present[place] for place in sample(len(present), wanted, seed)]
        faults = [None] * len(paths)

        def decode(place: int) -> str | None:
            count()
            try:
                load_rgb(root / paths[place], get_resolution("native"))
            except InputError as error:
                return str(error)
            return None

        for place, fault in zip(chosen, pool.map(decode, chosen), strict=True):
            faults[place] = fault
    broken = [fault is not None for fault in faults]
    findings += _finding("image_broken", paths, rows, broken, "cannot be decoded")
    return findings, len(chosen)


def _finding(
    check: str, paths: Sequence[str], rows: Sequence[int], bad: Sequence[bool], said: str
) -> list[Finding]:
    places = np.flatnonzero(bad)
    if not len(places):
        return []
    first = int(places[0])
    return [Finding(check, ERROR, len(places), int(rows[first]), f"image {paths[first]} {said}")]
