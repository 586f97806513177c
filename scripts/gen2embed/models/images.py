"""From an image file to RGB pixels of a named resolution."""

from __future__ import annotations

import warnings
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from gen2embed.errors import InputError
from gen2embed.models.resolutions import Resolution, resampling, target_size

DISPLAYED = "displayed"  # the other mode: stored (input_form.py)
ORIENTATION = 0x0112  # EXIF tag; 5 to 8 are turned by a quarter


class UnreadableImage(InputError):
    """An image that cannot be given to the model: absent, broken, refused."""


def open_image(path: str | Path) -> Image.Image:
    """Open an image lazily: its header is read and checked, its pixels are not.

    Raises UnreadableImage (an InputError) for a missing file, no image, or a decompression bomb.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return Image.open(path)
    except FileNotFoundError:
        raise UnreadableImage(f"{path}: no such image") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnreadableImage(
            f"{path}: refused, it may be a decompression bomb ({error})"
        ) from None
    except (UnidentifiedImageError, OSError) as error:
        raise UnreadableImage(f"{path}: not a readable image ({error})") from None


def shown_size(image: Image.Image, mode: str = DISPLAYED) -> tuple[int, int]:
    """(width, height) from the header alone; mode displayed: after the EXIF orientation is applied.

    Raises UnreadableImage when the header is broken.
    """
    if mode != DISPLAYED:
        return image.size
    try:
        # the base method: that of PNG decodes the whole image in search of a late EXIF chunk
        orientation = Image.Image.getexif(image).get(ORIENTATION, 1)
    except Exception as error:  # as in load_rgb
        raise UnreadableImage(f"{image.filename}: not a readable image ({error})") from None
    return image.size[::-1] if orientation in (5, 6, 7, 8) else image.size


def load_rgb(path: str | Path, resolution: Resolution, mode: str = DISPLAYED) -> Image.Image:
    """Decode an image's first frame to RGB, then resize.

    mode displayed: turned by its EXIF orientation, transparency on white, 16-bit grey scaled;
    stored: none of it, Pillow's own conversion (as the authors' program).
    """
    image = open_image(path)
    try:
        with image:
            if mode == DISPLAYED:
                image = _to_rgb(ImageOps.exif_transpose(image))
            else:
                image = image.convert("RGB")
    except Exception as error:  # Pillow's decoders raise whatever they meet in a broken file
        raise UnreadableImage(f"{path}: not a readable image ({error}); fetch it again") from None
    size = target_size(resolution, *image.size)
    return image if size == image.size else image.resize(size, resampling(resolution))


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
