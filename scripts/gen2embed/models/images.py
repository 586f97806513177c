"""From an image file to RGB pixels of a named resolution."""

from __future__ import annotations

import warnings
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from gen2embed.errors import InputError
from gen2embed.models.resolutions import Resolution, target_size


def open_image(path: str | Path) -> Image.Image:
    """Open an image lazily: its header is read and checked, its pixels are not.

    Raises InputError for a missing file, one that is no image, or a decompression bomb.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return Image.open(path)
    except FileNotFoundError:
        raise InputError(f"{path}: no such image") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InputError(f"{path}: refused, it may be a decompression bomb ({error})") from None
    except (UnidentifiedImageError, OSError) as error:
        raise InputError(f"{path}: not a readable image ({error})") from None


def displayed_size(image: Image.Image) -> tuple[int, int]:
    """(width, height) after the EXIF orientation is applied, from the header alone."""
    turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
    return image.size[::-1] if turned else image.size


def load_rgb(path: str | Path, resolution: Resolution) -> Image.Image:
    """Decode an image to RGB: EXIF orientation, first frame, transparency on white, then resize."""
    image = open_image(path)
    try:
        with image:
            image = _to_rgb(ImageOps.exif_transpose(image))
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{path}: not a readable image ({error}); fetch it again") from None
    size = target_size(resolution, *image.size)
    return image if size == image.size else image.resize(size, Image.Resampling.LANCZOS)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        # 16-bit grey: Pillow's own conversion clips at 255 instead of scaling
        top = 65535.0 if image.mode.startswith("I") else 1.0
        image = image.convert("F").point(lambda value: value * (255.0 / top)).convert("L")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(ground, image)
    return image.convert("RGB")
