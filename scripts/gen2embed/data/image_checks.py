"""Images on disk: is every one there, and can it be decoded as the encoder will decode it?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from gen2embed.below import below
from gen2embed.data.checks import ERROR, NOTE, Finding
from gen2embed.errors import InputError
from gen2embed.prompts.images import USUAL_PIXELS, TooLargeImage, UnreadableImage, load_rgb
from gen2embed.prompts.resolutions import get_resolution

SAID = {
    "image_outside": (ERROR, "leads out of its folder, or is no regular file"),
    "image_missing": (ERROR, "is not there"),
    "image_too_large": (ERROR, "is too large"),
    "image_broken": (ERROR, "cannot be decoded"),
    "large_image": (NOTE, f"has more than {USUAL_PIXELS:,} pixels: it needs much memory"),
}


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
) -> tuple[list[Finding], int, int]:
    """Findings, how many images there are, and how many of them were decoded.

    paths, rows: of every use of an image (``checks.used_images``). Every path must exist below
    ``root``; ``wanted`` of the images (None: all), drawn by ``seed``, are decoded, as
    ``gen2embed.prompts.images`` does for the encoder. A finding counts images.
    """
    images = list(dict.fromkeys(paths))
    with ThreadPoolExecutor(workers) as pool:
        where = dict(zip(images, pool.map(lambda path: placed(root, path), images), strict=True))
        present = [path for path in images if where[path] is None]
        chosen = [present[index] for index in sample(len(present), wanted, seed)]

        def look(path: str) -> str | None:
            count()
            return looked_at(root / path)

        looked = dict(zip(chosen, pool.map(look, chosen), strict=True))
    found = {path: where[path] or looked.get(path) for path in images}
    return _findings(found, paths, rows), len(images), len(chosen)


def placed(root: Path, path: str) -> str | None:
    """Whether an image is where it may be: which of the checks finds something, or None."""
    try:
        return None if below(root, path).is_file() else "image_missing"
    except (InputError, OSError):
        return "image_outside"


def looked_at(path: Path) -> str | None:
    """Decode an image: which of the checks (keys of SAID) finds something, or None."""
    try:
        width, height = load_rgb(path, get_resolution("native")).size
    except TooLargeImage:
        return "image_too_large"
    except UnreadableImage:
        return "image_broken"
    return "large_image" if width * height > USUAL_PIXELS else None


def _findings(
    found: Mapping[str, str | None], paths: Sequence[str], rows: Sequence[int]
) -> list[Finding]:
    """found: image -> check; a finding per check, with the rows that use such an image."""
    findings = []
    for check, (severity, wording) in SAID.items():
        bad = [path for path, of_path in found.items() if of_path == check]
        if not bad:
            continue
        known, of_rows = set(bad), {}
        for path, row in zip(paths, rows, strict=True):
            if path in known:
                of_rows.setdefault(int(row), f"image {path} {wording}")
        row, text = next(iter(of_rows.items()))
        faults = of_rows if severity == ERROR else {}
        findings.append(Finding(check, severity, len(bad), row, text, faults))
    return findings
