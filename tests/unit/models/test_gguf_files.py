"""GGUF files written with gguf's writer: to the bit, as folders and directly; faults in a line."""

import json
import random

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

import convert_gguf
from gen2embed.data.wheel_models import WheelModel
from gen2embed.errors import InputError
from gen2embed.files import digest_file, digest_folder, digest_small_files
from gen2embed.models.backbones import load_backbone
from gen2embed.models.backbones.causal_lm import load_tokenizer
from gen2embed.models.encoding.encoder import encode, plan_items
from gen2embed.models.folders.released import named
from gen2embed.prompts.items import Item
from gen2embed.prompts.registry import get_prompt
from gen2embed.prompts.resolutions import get_resolution
from unit.text_models import TEXT_KINDS, make_tokenizer, read_gguf, save_gguf

NATIVE = get_resolution("native")


@pytest.fixture(scope="module", params=TEXT_KINDS)
def converted(request, tmp_path_factory):
    """Kind, GGUF file, folder made of it."""
    root = tmp_path_factory.mktemp(request.param)
    path = save_gguf(request.param, root / "tiny.gguf")
    flags = ["--model", "mine", "--gguf", str(path), "--out", str(root / "model")]
    assert convert_gguf.main(flags) == 0
    return request.param, path, root / "model"


def vectors_of(model):
    backbone = load_backbone(str(model), None, "fp32", "cpu")
    items = [Item(text, "", "query") for text in ("dog", "a red apple", "Which color?")]
    planned = plan_items(backbone, items, get_prompt("hierarchical"), NATIVE, "", 256, "items")
    return encode(backbone, planned, NATIVE, 4096, "cpu", "test"), planned


def test_weights_are_those_of_ggufs_own_reader_to_the_bit(converted):
    kind, path, folder = converted
    wanted = read_gguf(kind, path)
    found = load_file(folder / "model.safetensors")
    assert set(wanted) - set(found) <= {"lm_head.weight"}  # tied
    for name, values in found.items():
        assert values.dtype == np.float32
        np.testing.assert_array_equal(values.view(np.int32), wanted[name].view(np.int32), name)
    direct = load_backbone(str(path), None, "fp32", "cpu").model.state_dict()
    for name, values in wanted.items():
        np.testing.assert_array_equal(direct[name].numpy(), values, name)


def test_a_file_and_its_folder_give_the_same_vectors(converted):
    kind, path, folder = converted
    torch.set_num_threads(1)
    (one, direct), (other, through) = vectors_of(path), vectors_of(folder)
    assert [item.rendered for item in direct] == [item.rendered for item in through]
    assert one.tobytes() == other.tobytes()
    original = make_tokenizer(kind)
    for item in direct:
        ids = load_backbone(str(path), None, "fp32", "cpu").processor.tokenizer(item.rendered)
        assert ids["input_ids"] == original(item.rendered, add_special_tokens=False)["input_ids"]


def test_the_card_says_where_it_is_from(converted, tmp_path):
    """And two conversions write the same bytes."""
    _, path, folder = converted
    card = json.loads((folder / "card.json").read_text())
    assert card["source"] == {
        "file": "tiny.gguf", "file_sha256": digest_file(path), "licence": None
    }  # fmt: skip
    assert card["quantisation"]["Q8_0"] == 1 and card["quantisation"]["Q4_1"] == 21
    assert "Q4_1" in (folder / "README.md").read_text()
    assert named(str(folder), None) == ("tiny", digest_file(path))
    again = tmp_path / "again"
    flags = ["--model", "mine", "--gguf", str(path), "--out", str(again)]
    assert convert_gguf.main(flags) == 0
    for one in folder.iterdir():
        assert one.read_bytes() == (again / one.name).read_bytes(), one.name


def test_of_a_registered_model_the_wheel_and_the_licence(tmp_path, monkeypatch, capsys):
    path = save_gguf("llama", tmp_path / "tiny.gguf")
    entry = WheelModel(
        "tiny-instruct", "tiny-model", "1.0", "a" * 64, "tiny/tiny.gguf", digest_file(path), "mit",
        "nobody/tiny",
    )  # fmt: skip
    monkeypatch.setattr(convert_gguf, "find_wheel_model", {"tiny-instruct": entry}.get)
    flags = ["--model", "tiny-instruct", "--gguf", str(path), "--out", str(tmp_path / "model")]
    assert convert_gguf.main(flags) == 0
    source = json.loads((tmp_path / "model" / "card.json").read_text())["source"]
    assert source == {
        "package": "tiny-model", "version": "1.0", "wheel_sha256": "a" * 64, "licence": "mit",
        "file": "tiny/tiny.gguf", "file_sha256": digest_file(path), "base_model": "nobody/tiny",
    }  # fmt: skip
    assert named(str(tmp_path / "model"), None) == ("tiny-instruct", "tiny-model==1.0")
    path.write_bytes(path.read_bytes() + b"x")
    assert convert_gguf.main(flags) == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert "not that of tiny-instruct in the register" in line


@pytest.mark.parametrize("lost", ["blk.1.ffn_up.weight", "output_norm.weight", "token_embd.weight"])
def test_a_file_without_some_weights_is_refused(tmp_path, lost):
    """transformers only warns, and goes on with random ones."""
    path = save_gguf("llama", tmp_path / "tiny.gguf", leave_out=lost)
    with pytest.raises(InputError, match="weights are not in the checkpoint, such as"):
        load_backbone(str(path), None, "fp32", "cpu")


@pytest.mark.parametrize("kept", [0, 3, 24, 400, 20_000, 60_000])
def test_a_broken_file_is_one_line(tmp_path, kept):
    path = save_gguf("llama", tmp_path / "tiny.gguf")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match=r"no GGUF file of a model known here|cannot be loaded"):
        load_backbone(str(path), None, "fp32", "cpu")
    path.write_bytes(random.Random(kept).randbytes(5000))
    with pytest.raises(InputError, match=r"no GGUF file of a model known here|cannot be loaded"):
        load_backbone(str(path), None, "fp32", "cpu")


def test_digests_tell_files_apart(tmp_path):
    """Counts and unfinished vectors are kept under them."""
    one, other = (save_gguf(kind, tmp_path / f"{kind}.gguf") for kind in ("llama", "qwen2"))
    for digest in (digest_folder, digest_small_files):
        assert digest(one) == digest_file(one) != digest(other)


def test_text_is_split_as_the_file_says(tmp_path):
    """smollm: digits first, so that the spaces before them are one piece."""
    pieces = {}
    for pre in ("gpt-2", "smollm"):
        path = save_gguf("llama", tmp_path / f"{pre}.gguf", pre=pre)
        assert convert_gguf.main(
            ["--model", "x", "--gguf", str(path), "--out", str(tmp_path / pre)]
        ) == 0  # fmt: skip
        backend = load_tokenizer(str(tmp_path / pre), None).backend_tokenizer
        pieces[pre] = [
            text for text, _ in backend.pre_tokenizer.pre_tokenize_str("in   1984, don't")
        ]
    assert pieces["gpt-2"] == ["in", "ĠĠ", "Ġ1984", ",", "Ġdon", "'t"]
    assert pieces["smollm"] == ["in", "ĠĠĠ", "1", "9", "8", "4", ",", "Ġdon", "'t"]
