"""From an image file to RGB pixels of a named resolution."""

from __future__ import annotations

import warnings
from pathlib import Path

from PIL import Image

from gen2embed.errors import InputError
from gen2embed.files import check_file
from gen2embed.prompts.resolutions import Resolution, target_size

DISPLAYED = "displayed"  # the other mode: stored (input_form.py)
ORIENTATION = 0x0112  # EXIF tag
UPRIGHT = {  # by its value: what shows the image as it was taken
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
QUARTER_TURNS = (5, 6, 7, 8)
USUAL_PIXELS = 89_478_485  # Pillow's MAX_IMAGE_PIXELS as it ships: it warns of larger images
MOST_PIXELS = 2 * USUAL_PIXELS  # and refuses those that are more than twice as large
# read without a warning up to there, and what is larger is refused in words of ours. Both for good:
# filters of warnings that are set for a while hold for all threads until the first of them ends
Image.MAX_IMAGE_PIXELS = MOST_PIXELS
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

REMEDY = "fetch it again (data.check_images: all finds all such images beforehand)"


class UnreadableImage(InputError):
    """An image that cannot be given to the model: absent, broken, refused."""


class TooLargeImage(UnreadableImage):
    """An image of more than MOST_PIXELS: it may be a decompression bomb."""


def open_image(path: str | Path) -> Image.Image:
    """Open an image lazily: its header is read and checked, its pixels are not.

    Raises UnreadableImage (an InputError) for a missing file, a pipe or a device, or no image, and
    TooLargeImage, one of them, for more than MOST_PIXELS.
    """
    try:
        check_file(path)
    except InputError as error:
        reason = str(error).replace("no such file", "no such image")
        raise UnreadableImage(reason) from None
    try:
        image = Image.open(path)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise TooLargeImage(_too_large(path)) from None
    except Exception as error:  # Pillow's readers raise whatever they meet in a broken header
        raise UnreadableImage(_unreadable(path, error)) from None
    width, height = image.size
    if width * height > MOST_PIXELS:
        image.close()
        raise TooLargeImage(_too_large(path))
    return image


def _unreadable(path: str | Path, error: Exception) -> str:
    return f"{path}: not a readable image ({error}); {REMEDY}"


def _too_large(path: str | Path) -> str:
    return (
        f"{path}: more than {MOST_PIXELS:,} pixels are refused: it may be a decompression bomb; "
        f"scale it down; {REMEDY}"
    )


def shown_size(image: Image.Image, mode: str = DISPLAYED) -> tuple[int, int]:
    """(width, height) from the header; mode displayed: after the EXIF orientation is applied."""
    if mode != DISPLAYED:
        return image.size
    return image.size[::-1] if _orientation(image) in QUARTER_TURNS else image.size


def _orientation(image: Image.Image) -> int:
    """1 (upright) where it is not told, or its metadata are broken: the pixels are sound then."""
    try:
        # the base method: that of PNG decodes the whole image in search of a late EXIF chunk
        return Image.Image.getexif(image).get(ORIENTATION, 1)
    except Exception:  # Pillow raises whatever it meets in broken metadata
        return 1


def _upright(image: Image.Image) -> Image.Image:
    """Turned as its EXIF orientation says. Not ImageOps': that one writes the metadata anew."""
    image.load()
    turn = UPRIGHT.get(_orientation(image))
    return image if turn is None else image.transpose(turn)


def resampling(resolution: Resolution) -> Image.Resampling:
    """Pillow's filter for the resizing; LANCZOS where the resolution names none."""
    return Image.Resampling[resolution.get("filter", "lanczos").upper()]


def load_rgb(path: str | Path, resolution: Resolution, mode: str = DISPLAYED) -> Image.Image:
    """Decode an image's first frame to RGB, then resize.

    mode displayed: turned by its EXIF orientation, transparency on white, 16-bit grey scaled;
    stored: none of it, Pillow's own conversion (as the authors' program).
    """
    image = open_image(path)
    try:
        with image:
            image = _to_rgb(_upright(image)) if mode == DISPLAYED else image.convert("RGB")
    except Exception as error:  # Pillow's decoders raise whatever they meet in a broken file
        raise UnreadableImage(_unreadable(path, error)) from None
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
