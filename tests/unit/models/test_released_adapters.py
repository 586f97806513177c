"""Adapters as others released them: older names of modules load, strangers do not load silently."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from gen2embed.errors import InputError
from gen2embed.models.backbones import load_backbone
from gen2embed.models.pixel_limits import PixelLimits
from unit.tiny import save_adapter

MODULES = ["q_proj", "k_proj", "v_proj", "o_proj", "down_proj"]


@pytest.fixture(scope="module")
def adapter(tiny, tmp_path_factory):
    return save_adapter(tiny, tmp_path_factory.mktemp("released") / "adapter")


def renamed(adapter, to, old, new):
    """A copy with other names of its weights, and its modules named as most programs do."""
    shutil.copytree(adapter, to)
    weights = load_file(to / "adapter_model.safetensors")
    save_file({key.replace(old, new): one for key, one in weights.items()},
              to / "adapter_model.safetensors")  # fmt: skip
    config = json.loads((to / "adapter_config.json").read_text())
    (to / "adapter_config.json").write_text(json.dumps(config | {"target_modules": MODULES}))
    return to


def first_weights(tiny, folder=None):
    backbone = load_backbone(str(tiny.folder), None, "fp32", "cpu")
    if folder is not None:
        backbone.load_adapter(str(folder))
    layer = backbone.language_layers()[1]
    return torch.cat(
        [layer.self_attn.q_proj.weight.flatten(), layer.mlp.down_proj.weight.flatten()]
    )


def test_an_adapter_with_the_names_of_older_transformers_is_the_same(tiny, adapter, tmp_path):
    """Qwen2-VL's layers were ``model.layers`` until transformers 4.52, now they are deeper."""
    ours = first_weights(tiny, adapter)
    assert (ours - first_weights(tiny)).abs().max() > 1e-2
    old = renamed(adapter, tmp_path / "old", "model.language_model.layers", "model.layers")
    assert torch.equal(first_weights(tiny, old), ours)


def test_weights_that_fit_nothing_are_one_line(tiny, adapter, tmp_path):
    """PEFT would go on with the untouched model, whose scores look like scores."""
    strange = renamed(adapter, tmp_path / "strange", "language_model", "speech_model")
    with pytest.raises(
        InputError, match=r"strange: \d+ of its weights fit no module of this model"
    ):
        first_weights(tiny, strange)


def test_a_fetched_folder_loads_with_its_adapter(tiny, adapter, tmp_path):
    folder = shutil.copytree(tiny.folder, tmp_path / "model")
    shutil.copytree(adapter, folder / "adapter")
    backbone = load_backbone(str(folder), None, "fp32", "cpu")
    layer = backbone.language_layers()[1]
    weights = [layer.self_attn.q_proj.weight.flatten(), layer.mlp.down_proj.weight.flatten()]
    assert torch.equal(torch.cat(weights), first_weights(tiny, adapter))


def test_one_limit_of_pixels_leaves_the_other_to_the_released_processor(tiny, adapter, tmp_path):
    """Its least is not the base model's again because someone lowers its most."""
    folder = shutil.copytree(tiny.folder, tmp_path / "model")
    shutil.copytree(adapter, folder / "adapter")
    own = {"min_pixels": 20000, "max_pixels": 40000}
    (folder / "adapter" / "preprocessor_config.json").write_text(json.dumps(own))
    for given, expected in (
        (None, [20000, 40000]),
        (PixelLimits(), [20000, 40000]),
        (PixelLimits(most=30000), [20000, 30000]),
        (PixelLimits(10000, 30000), [10000, 30000]),
    ):
        backbone = load_backbone(str(folder), None, "fp32", "cpu", limits=given)
        assert backbone.pixel_limits() == expected
