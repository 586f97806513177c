"""Images: sizes by hand from the paper's rule, and odd inputs as RGB."""

import struct
import threading
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gen2embed.errors import InputError
from gen2embed.prompts import images as images
from gen2embed.prompts.images import (
    MOST_PIXELS,
    USUAL_PIXELS,
    TooLargeImage,
    UnreadableImage,
    load_rgb,
    open_image,
    shown_size,
)
from gen2embed.prompts.resolutions import get_resolution, target_size


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((500, 400), (500, 400)),  # within both bounds
        ((1984, 992), (992, 496)),  # long side 1984 -> 992
        ((1984, 200), (992, 496)),  # short side stretched to 992, then halved
        ((100, 100), (336, 336)),  # short side at least 336
        ((100, 10), (672, 336)),  # stretched to 100x50, then 336/50 times
        ((10, 100), (336, 672)),
    ],
)
def test_evaluation_sizes(size, expected):
    assert target_size(get_resolution("mmeb_eval"), *size) == expected


def test_training_images_are_squashed():
    assert target_size(get_resolution("train_448"), 1000, 20) == (448, 448)


def test_unknown_resolution():
    with pytest.raises(InputError, match="known: native"):
        get_resolution("huge")


def save(tmp_path, image, name="image.png", **options):
    image.save(tmp_path / name, **options)
    return tmp_path / name


def pixel(path):
    return np.asarray(load_rgb(path, get_resolution("native")))[0, 0].tolist()


def test_transparency_becomes_white(tmp_path):
    assert pixel(save(tmp_path, Image.new("RGBA", (4, 4), (255, 0, 0, 0)))) == [255, 255, 255]
    assert pixel(save(tmp_path, Image.new("LA", (4, 4), (10, 255)))) == [10, 10, 10]


def test_palette_cmyk_and_sixteen_bit(tmp_path):
    red = Image.new("RGB", (4, 4), (255, 0, 0))
    assert pixel(save(tmp_path, red.convert("P"))) == [255, 0, 0]
    cmyk = save(tmp_path, Image.new("CMYK", (4, 4), (0, 0, 0, 0)), "image.tif")
    assert pixel(cmyk) == [255, 255, 255]
    grey = Image.fromarray(np.full((4, 4), 32768, np.uint16))
    assert pixel(save(tmp_path, grey)) == [127, 127, 127]  # 32768 of 65535, not clipped to 255


def test_the_first_frame_of_an_animation(tmp_path):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    path = save(tmp_path, frames[0], "image.gif", save_all=True, append_images=frames[1:])
    assert pixel(path) == [255, 0, 0]


def test_exif_orientation(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    path = save(tmp_path, Image.new("RGB", (8, 4)), "image.jpg", exif=exif)
    with open_image(path) as image:
        assert shown_size(image) == (4, 8)
    assert load_rgb(path, get_resolution("native")).size == (4, 8)


def test_bad_images_end_in_one_line(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="no such image"):
        open_image(tmp_path / "absent.png")
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"not an image")
    with pytest.raises(InputError, match="not a readable image"):
        open_image(broken)
    whole = save(tmp_path, Image.effect_noise((64, 64), 50), "whole.png")
    broken.write_bytes(whole.read_bytes()[:900])
    with pytest.raises(InputError, match="not a readable image"):
        load_rgb(broken, get_resolution("native"))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(InputError, match="decompression bomb"):
        open_image(whole)


def test_transparent_palettes_one_bit_and_animated_png(tmp_path):
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([0, 0, 255, 255, 0, 0])
    assert pixel(save(tmp_path, palette, transparency=1)) == [255, 255, 255]
    assert pixel(save(tmp_path, Image.new("1", (4, 4), 1))) == [255, 255, 255]
    frames = [Image.new("RGBA", (4, 4), colour) for colour in ("lime", "blue")]
    path = save(tmp_path, frames[0], "anim.png", save_all=True, append_images=frames[1:])
    assert pixel(path) == [0, 255, 0]


def test_planning_reads_the_header_alone(tmp_path):
    """A PNG whose pixels are cut off has a size, and no vector."""
    whole = save(tmp_path, Image.effect_noise((64, 48), 50), "whole.png")
    (tmp_path / "cut.png").write_bytes(whole.read_bytes()[:200])
    with open_image(tmp_path / "cut.png") as image:
        assert shown_size(image) == (64, 48)
    with pytest.raises(UnreadableImage, match=r"cut.png: not a readable image"):
        load_rgb(tmp_path / "cut.png", get_resolution("native"))


def header_alone(path, width, height):
    """A PNG that says how large it is and holds no pixels."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    facts = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    whole = chunk(b"IHDR", facts) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + whole)
    return path


@given(st.integers(1, 40_000), st.integers(1, 40_000))
def test_sizes_up_to_twice_the_usual_limit_are_read_without_a_warning(
    tmp_path_factory, width, height
):
    path = header_alone(tmp_path_factory.mktemp("sizes") / "x.png", width, height)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a warning would become another exception
        if width * height > MOST_PIXELS:
            with pytest.raises(TooLargeImage, match=r"x.png: more than 178,956,970 pixels are ref"):
                open_image(path)
        else:
            with open_image(path) as image:
                assert image.size == (width, height)


def test_pillows_own_limit_is_where_it_was():
    assert (USUAL_PIXELS, MOST_PIXELS) == (1024**3 // 4 // 3, 2 * (1024**3 // 4 // 3))


def test_a_large_image_is_read_in_threads_while_others_filter_warnings(tmp_path):
    """90 megapixels, in one thread of several; the others set and reset filters all the time."""
    Image.new("1", (10_000, 9_000)).save(tmp_path / "large.png")
    done = threading.Event()

    def filter_warnings():
        while not done.wait(0.001):
            with warnings.catch_warnings():
                warnings.simplefilter("error")

    with ThreadPoolExecutor(3) as pool:
        others = [pool.submit(filter_warnings) for _ in range(2)]
        try:
            size = pool.submit(
                load_rgb, tmp_path / "large.png", get_resolution("train_448")
            ).result()
        finally:
            done.set()
    assert size.size == (448, 448) and [one.result() for one in others] == [None, None]


def test_what_is_too_large_is_told_from_what_is_broken(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "MOST_PIXELS", 1000)
    path = save(tmp_path, Image.new("L", (40, 40)))
    with pytest.raises(TooLargeImage, match=r"image.png: more than 1,000 pixels"):
        load_rgb(path, get_resolution("native"))
    path.write_bytes(b"")
    with pytest.raises(UnreadableImage, match=r"data\.check_images: all") as broken:
        load_rgb(path, get_resolution("native"))
    assert not isinstance(broken.value, TooLargeImage)
