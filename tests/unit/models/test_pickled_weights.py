"""Weights as torch's pickles: they load like safetensors, and nothing in them is ever run."""

import json
import os
import pickle
import shutil
from collections import OrderedDict

import pytest
import torch
from safetensors.torch import load_file

from gen2embed.errors import InputError
from gen2embed.files import digest_folder
from gen2embed.models.backbones import load_backbone
from gen2embed.models.folders.weights import adapter_weights, read_tensors
from unit.tiny import save_adapter


class Evil:
    """What runs a command when it is unpickled."""

    def __init__(self, witness):
        self.witness = str(witness)

    def __reduce__(self):
        return os.mkdir, (self.witness,)


def pickled(folder, to, name, save=torch.save, shards=1):
    """A copy of a model's or adapter's folder with its safetensors as .bin, in so many files."""
    shutil.copytree(folder, to)
    [safe] = list(to.glob("*.safetensors"))
    weights = list(load_file(safe).items())
    safe.unlink()
    if shards == 1:
        save(OrderedDict(weights), to / f"{name}.bin")
        return to
    index = {}
    for number in range(shards):
        file = f"{name}-{number + 1:05d}-of-{shards:05d}.bin"
        save(dict(weights[number::shards]), to / file)
        index |= {key: file for key, _ in weights[number::shards]}
    facts = {"metadata": {"total_size": 0}, "weight_map": index}
    (to / f"{name}.bin.index.json").write_text(json.dumps(facts))
    return to


def as_before_2020(value, path):
    torch.save(value, path, _use_new_zipfile_serialization=False)


def by_pickle(value, path):
    path.write_bytes(pickle.dumps(value))


def loaded(folder):
    return load_backbone(str(folder), None, "fp32", "cpu").model.state_dict()


@pytest.fixture(scope="module")
def adapter(tiny, tmp_path_factory):
    return save_adapter(tiny, tmp_path_factory.mktemp("adapters") / "adapter")


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("save", [torch.save, as_before_2020])
def test_a_model_of_pickles_is_the_model(tiny, tmp_path, save, shards):
    folder = pickled(tiny.folder, tmp_path / "model", "pytorch_model", save, shards)
    ours, theirs = loaded(tiny.folder), loaded(folder)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("save", [torch.save, as_before_2020])
@pytest.mark.parametrize("merge", [True, False])
def test_an_adapter_of_pickles_is_the_adapter(tiny, adapter, tmp_path, save, merge):
    copy = pickled(adapter, tmp_path / "adapter", "adapter_model", save)
    found = []
    for folder in (adapter, copy):
        backbone = load_backbone(str(tiny.folder), None, "fp32", "cpu")
        backbone.load_adapter(str(folder), merge=merge)
        found.append(backbone.model.state_dict())
    assert found[0].keys() == found[1].keys()
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


@pytest.mark.parametrize("save", [torch.save, as_before_2020, by_pickle])
@pytest.mark.parametrize("hidden", [False, True])
def test_a_program_in_a_models_pickle_is_one_line_and_not_run(tiny, tmp_path, save, hidden):
    """Alone, or among true weights."""
    witness = tmp_path / "was_run"
    folder = pickled(tiny.folder, tmp_path / "model", "pytorch_model", shards=2)
    file = folder / "pytorch_model-00002-of-00002.bin"
    value = torch.load(file, weights_only=True) if hidden else {}
    save({**value, "evil": Evil(witness)}, file)
    with pytest.raises(InputError, match=r"00002.bin: (holds more than tensors|is no readable)"):
        loaded(folder)
    assert not witness.exists()


@pytest.mark.parametrize("save", [torch.save, as_before_2020, by_pickle])
def test_a_program_in_an_adapters_pickle_is_one_line_and_not_run(tiny, adapter, tmp_path, save):
    witness = tmp_path / "was_run"
    folder = pickled(adapter, tmp_path / "adapter", "adapter_model")
    value = torch.load(folder / "adapter_model.bin", weights_only=True)
    save({**value, "evil": Evil(witness)}, folder / "adapter_model.bin")
    backbone = load_backbone(str(tiny.folder), None, "fp32", "cpu")
    with pytest.raises(InputError, match=r"adapter_model.bin: (holds more|is no readable)") as end:
        backbone.load_adapter(str(folder))
    assert not witness.exists() and "\n" not in str(end.value)


def test_the_witness_would_tell(tmp_path):
    pickle.loads(pickle.dumps(Evil(tmp_path / "was_run")))  # noqa: S301  its own
    assert (tmp_path / "was_run").exists()


@pytest.mark.parametrize(
    "content", [b"", b"no pickle", b"PK\x03\x04 cut off", pickle.dumps([1]), b"\x80\x04."]
)
def test_what_is_no_file_of_weights_is_one_line(tmp_path, content):
    (tmp_path / "adapter_model.bin").write_bytes(content)
    with pytest.raises(InputError, match=r"adapter_model.bin: "):
        adapter_weights(str(tmp_path))


@pytest.mark.parametrize("value", [{"a": 1}, {"state": {"a": torch.zeros(1)}}, [torch.zeros(1)]])
def test_more_than_tensors_by_name_is_one_line_that_names_the_remedy(tmp_path, value):
    torch.save(value, tmp_path / "pytorch_model.bin")
    with pytest.raises(InputError, match="save_pretrained"):
        read_tensors(tmp_path / "pytorch_model.bin", "meta")


def test_a_folder_without_weights(tmp_path):
    with pytest.raises(InputError, match=r"no adapter_model.safetensors or adapter_model.bin"):
        adapter_weights(str(tmp_path))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"pytorch_model.bin": "a"}, {"pytorch_model.bin": "b"}, False),
        (
            {"pytorch_model-00001-of-00002.bin": "a"},
            {"pytorch_model-00001-of-00002.bin": ""},
            False,
        ),
        ({"adapter_model.bin": "a"}, {"adapter_model.bin": "b"}, False),
        ({"adapter/adapter_model.bin": "a"}, {"adapter/adapter_model.bin": "b"}, False),
        ({"model.safetensors": "a"}, {"model.safetensors": "a", "pytorch_model.bin": "b"}, True),
        ({"model.safetensors": "a"}, {"model.safetensors": "a", "training_args.bin": "b"}, True),
        (
            {"model.safetensors": ""},
            {"model.safetensors": "", "adapter/adapter_model.bin": ""},
            False,
        ),
        (
            {"pytorch_model.bin": "a", "adapter/adapter_model.safetensors": "b"},
            {"pytorch_model.bin": "c", "adapter/adapter_model.safetensors": "b"},
            False,
        ),
    ],
)
def test_the_digest_is_of_what_is_loaded(tmp_path, one, other, same):
    """Pickles, too, but not beside the safetensors that are loaded in their stead."""
    digests = []
    for name, files in (("one", one), ("other", other)):
        for file, content in files.items():
            path = tmp_path / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        digests.append(digest_folder(tmp_path / name))
    assert (digests[0] == digests[1]) == same
