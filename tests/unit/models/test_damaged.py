"""Damaged images, weights, models and adapters: one line with the file's name, and no hang."""

import io
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps, PngImagePlugin

from gen2embed.data.image_checks import looked_at
from gen2embed.download.zips import extract, open_zip, read_members
from gen2embed.errors import InputError
from gen2embed.files import read_json, write_json
from gen2embed.models.backbones import load_backbone
from gen2embed.models.folders.adapters import check_model, trained_on
from gen2embed.models.folders.sums import CARD, SUMS, sums_of
from gen2embed.models.folders.weights import read_tensors
from gen2embed.prompts.images import UnreadableImage, load_rgb, open_image, shown_size
from gen2embed.prompts.resolutions import get_resolution
from unit.tiny import save_adapter

NATIVE = get_resolution("native")
WITHIN_FIXTURE = [HealthCheck.function_scoped_fixture]
DAMAGE = st.one_of(
    st.tuples(st.just("flip"), st.floats(0, 1, exclude_max=True), st.integers(0, 7)),
    st.tuples(st.just("cut"), st.floats(0, 1, exclude_max=True), st.just(0)),
    st.tuples(st.just("junk"), st.floats(0, 1), st.binary(min_size=1, max_size=40)),
)


def damaged(whole: bytes, how: str, where: float, what) -> bytes:
    at = int(where * len(whole))
    if how == "flip":
        return whole[:at] + bytes([whole[at] ^ (1 << what)]) + whole[at + 1 :]
    return whole[:at] if how == "cut" else whole[:at] + what + whole[at:]


# --- Images ---


def image_bytes(kind: str) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(out, kind, **({"exif": exif} if kind != "PPM" else {}))
    return out.getvalue()


WHOLE = {kind: image_bytes(kind) for kind in ("PNG", "JPEG", "WEBP", "TIFF", "PPM")}


@pytest.mark.parametrize("kind", WHOLE)
@settings(max_examples=120, deadline=None, suppress_health_check=WITHIN_FIXTURE)
@given(damage=DAMAGE)
def test_a_damaged_image_is_one_line_or_an_image(tmp_path, kind, damage):
    path = tmp_path / "a.img"
    path.write_bytes(damaged(WHOLE[kind], *damage))
    try:
        with open_image(path) as image:
            shown_size(image)
        assert load_rgb(path, NATIVE).mode == "RGB"
    except UnreadableImage as error:
        assert str(path) in str(error) and "\n" not in str(error)
    assert looked_at(path) in (None, "image_broken", "image_too_large", "large_image")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_images_are_turned_as_pillow_turns_them(tmp_path, kind):
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        out = tmp_path / "a.img"
        Image.open(io.BytesIO(WHOLE[kind])).convert("RGB").save(out, kind, exif=exif)
        with open_image(out) as image:
            expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
            assert shown_size(image) == expected.shape[1::-1]
        assert np.array_equal(np.asarray(load_rgb(out, NATIVE)), expected)


def test_broken_metadata_leave_sound_pixels(tmp_path):
    """A TIFF header that is none; a signed rational -1/0 beside a sound orientation of 6."""
    entries = b"\x12\x01\x03\0\x01\0\0\0\x06\0\0\0" + b"\x1a\x01\x0a\0\x01\0\0\0\x26\0\0\0"
    rational = b"II*\0\x08\0\0\0\x02\0" + entries + b"\0" * 4 + b"\xff" * 4 + b"\0" * 4
    for exif, size in ((b"Exif\0\0II*\0\x08" + b"\0" * 9, (40, 30)), (rational, (30, 40))):
        path = tmp_path / "a.jpg"
        whole = exif if exif.startswith(b"Exif") else b"Exif\0\0" + exif
        Image.new("RGB", (40, 30), "red").save(path, exif=whole)
        assert load_rgb(path, NATIVE).size == size
        with open_image(path) as image:
            assert shown_size(image) == size


def test_headers_that_pillow_raises_on(tmp_path):
    red = Image.new("RGB", (40, 30), "red")
    text = PngImagePlugin.PngInfo()
    text.add_text("parameters", "x" * 3_000_000, zip=True)
    red.save(tmp_path / "text.png", pnginfo=text)
    header = bytearray(WHOLE["PNG"])
    header[11] = 5  # the length of IHDR
    (tmp_path / "header.png").write_bytes(header)
    (tmp_path / "garbled.ppm").write_bytes(b"P6\n123456789012 30\n255\n" + b"\0" * 90)
    for name in ("text.png", "header.png", "garbled.ppm"):
        with pytest.raises(UnreadableImage, match=name):
            open_image(tmp_path / name)


def test_what_is_no_image_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path / "none", tmp_path, "/dev/zero"):
        with pytest.raises(UnreadableImage):
            open_image(path)


# --- Zips ---


@settings(max_examples=150, deadline=None, suppress_health_check=WITHIN_FIXTURE)
@given(damage=DAMAGE, packing=st.sampled_from([zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA]))
def test_a_damaged_zip_is_one_line_or_whole(tmp_path, damage, packing):
    path, out = tmp_path / "a.zip", tmp_path / "out"
    shutil.rmtree(out, ignore_errors=True)
    with zipfile.ZipFile(path, "w", packing) as archive:
        archive.writestr("images/a.txt", b"abc" * 200)
    path.write_bytes(damaged(path.read_bytes(), *damage))
    try:
        with open_zip(path, "S") as archive:
            members = read_members(archive, "S")
            extract(archive, members, out, "S")
    except InputError as error:
        assert "\n" not in str(error)
        return
    for file in out.rglob("*.txt"):
        assert file.read_bytes() == b"abc" * 200


# --- Weights, models, adapters ---


@pytest.mark.parametrize("ending", ["safetensors", "bin"])
@settings(max_examples=80, deadline=None, suppress_health_check=WITHIN_FIXTURE)
@given(damage=DAMAGE)
def test_damaged_weights_are_one_line_or_tensors(tmp_path, ending, damage):
    import torch
    from safetensors.torch import save_file

    path = tmp_path / f"model.{ending}"
    tensors = {"a.weight": torch.arange(12.0).reshape(3, 4), "b.bias": torch.ones(5)}
    save_file(tensors, path) if ending == "safetensors" else torch.save(tensors, path)
    path.write_bytes(damaged(path.read_bytes(), *damage))
    try:
        read_tensors(path)
    except InputError as error:
        assert str(path) in str(error) and "\n" not in str(error)


def test_weights_that_are_no_files(tmp_path):
    for ending in ("safetensors", "bin"):
        os.mkfifo(tmp_path / f"pipe.{ending}")
        with pytest.raises(InputError, match="no regular file"):
            read_tensors(tmp_path / f"pipe.{ending}")


FILES = ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"]


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=12, deadline=None, suppress_health_check=WITHIN_FIXTURE)
@given(damage=DAMAGE)
def test_a_damaged_model_is_one_line_or_a_model(tiny, tmp_path, name, damage):
    folder = tmp_path / "model"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(tiny.folder, folder)
    path = folder / name
    path.write_bytes(damaged(path.read_bytes(), *damage))
    refused_or_loaded(folder)


def refused_or_loaded(folder):
    try:
        load_backbone(str(folder), None, "fp32", "cpu")
        return True
    except InputError as error:
        assert str(folder) in str(error) and "\n" not in str(error)
        return False


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_a_model_that_is_none(tiny, tmp_path, name):
    folder = tmp_path / "model"
    shutil.copytree(tiny.folder, folder)
    for make in (os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero"), Path.touch):
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        make(path)
        assert not refused_or_loaded(folder)


def test_the_card_of_a_model_tells_its_weights(tiny, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(tiny.folder, folder)
    write_json(folder / CARD, {SUMS: sums_of(folder)})
    assert refused_or_loaded(folder)
    path = folder / "model.safetensors"
    whole = bytearray(path.read_bytes())
    whole[-3] ^= 1
    path.write_bytes(whole)
    with pytest.raises(InputError, match=r"model\.safetensors: is not the file that"):
        load_backbone(str(folder), None, "fp32", "cpu")


@pytest.fixture(scope="module")
def adapter(tiny, tmp_path_factory):
    return save_adapter(tiny, tmp_path_factory.mktemp("adapter"))


@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors"])
@settings(max_examples=12, deadline=None, suppress_health_check=WITHIN_FIXTURE)
@given(damage=DAMAGE)
def test_a_damaged_adapter_is_one_line_or_an_adapter(tiny, adapter, tmp_path, name, damage):
    folder = tmp_path / "adapter"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(adapter, folder)
    path = folder / name
    path.write_bytes(damaged(path.read_bytes(), *damage))
    backbone = load_backbone(str(tiny.folder), None, "fp32", "cpu")
    try:
        backbone.load_adapter(str(folder))
    except InputError as error:
        assert str(folder) in str(error) and "\n" not in str(error)


def test_a_checkpoint_has_its_sums_in_the_trainings_card(tiny, adapter, tmp_path):
    root = tmp_path / "adapter"
    shutil.copytree(adapter, root)
    shutil.copytree(adapter, root / "checkpoints/step-2")
    write_json(root / CARD, {SUMS: sums_of(root)})
    assert "checkpoints/step-2/adapter_model.safetensors" in read_json(root / CARD)[SUMS]
    backbone = load_backbone(str(tiny.folder), None, "fp32", "cpu")
    backbone.load_adapter(str(root / "checkpoints/step-2"))
    path = root / "checkpoints/step-2/adapter_model.safetensors"
    whole = bytearray(path.read_bytes())
    whole[-3] ^= 1
    path.write_bytes(whole)
    with pytest.raises(InputError, match=r"adapter_model\.safetensors: is not the file"):
        backbone.load_adapter(str(root / "checkpoints/step-2"))


def test_an_adapter_of_other_weights(tmp_path):
    write_json(tmp_path / CARD, {"model_digest": "1"})
    check_model(str(tmp_path), str(tmp_path), lambda _: "1")
    with pytest.raises(InputError, match="trained on other weights"):
        check_model(str(tmp_path), str(tmp_path), lambda _: "2")
    check_model("hub/id", str(tmp_path), lambda _: None)


@pytest.mark.parametrize("card", [{}, {"clusters": 3, "settings": {}}, {"clusters": {"S": 1}}])
def test_a_card_that_is_none(tmp_path, card):
    write_json(tmp_path / CARD, card)
    with pytest.raises(InputError, match="train it again"):
        trained_on(str(tmp_path))
