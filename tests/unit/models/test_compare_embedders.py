"""Two ways to embed the same items: each fault is planted, and found at its step."""

import json
import shutil
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
import torch

import compare_embedders
import export_model
from gen2embed.files import write_embeddings, write_parquet
from gen2embed.models.backbones import load_backbone
from gen2embed.models.comparison.trace import Trace, first_difference, summary
from gen2embed.models.comparison.ways import Own, SentenceTransformers
from gen2embed.prompts.input_form import InputForm
from gen2embed.prompts.items import Item
from gen2embed.prompts.registry import get_prompt
from gen2embed.prompts.resolutions import get_resolution
from unit.backbones import save_backbone, save_images
from unit.text_models import save_text_model

NATIVE = get_resolution("native")
TEXTS = [Item("a Red apple", "", "query"), Item("which color is it, and why?", "", "query")]
PICTURED = [Item("what is it?", "wide.png", "query"), Item("", "tall.png", "query")]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("compare")
    save_images(root)
    for kind, save in (("llava_mistral", save_backbone), ("qwen2_vl", save_backbone),
                       ("llama", save_text_model)):  # fmt: skip
        (root / kind).mkdir()
        save(kind, root / kind)
        flags = ["--resolution", "native", "--max-tokens", "999", "--dtype", "fp32", "--no-check"]
        named = ["--model", str(root / kind), "--prompt", "hierarchical"]
        assert export_model.main([*named, *flags, "--out", str(root / f"{kind}-st")]) == 0
    return root


def own(root, kind, prompt="hierarchical", dtype="fp32"):
    backbone = load_backbone(str(root / kind), None, dtype, "cpu")
    return Own(backbone, get_prompt(prompt), NATIVE, 999)


def parted(one, other, items, root):
    pairs = zip(one.traces(items, root), other.traces(items, root), strict=True)
    return [first_difference(*pair) for pair in pairs]


def edited(root, kind, tmp_path, name, change):
    """The exported folder with one file changed, read by sentence-transformers."""
    folder = tmp_path / "edited"
    shutil.copytree(root / f"{kind}-st", folder)
    text = (folder / name).read_text()
    changed = change(text)
    assert changed != text
    (folder / name).write_text(changed)
    return SentenceTransformers(folder, NATIVE)


def in_json(**values):
    return lambda text: json.dumps(json.loads(text) | values)


@pytest.mark.parametrize("kind", ["llama", "llava_mistral"])
def test_nothing_is_found_where_nothing_differs(folders, kind):
    items = TEXTS + (PICTURED if kind == "llava_mistral" else [])
    other = SentenceTransformers(folders / f"{kind}-st", NATIVE)
    assert parted(own(folders, kind), other, items, folders) == [None] * len(items)


FAULTS = {
    "prompt": ("config_sentence_transformers.json", in_json(prompts={"query": "Be brief."})),
    "rendered": ("chat_template.jinja", lambda text: text.replace(" [/INST]", "[/INST]")),
    "ids": ("tokenizer.json", in_json(normalizer={"type": "Lowercase"})),
    "pixels": ("preprocessor_config.json", in_json(image_mean=[0.1, 0.2, 0.3])),
    "place": ("1_Pooling/config.json", in_json(pooling_mode="mean")),
}


@pytest.mark.parametrize("step", FAULTS)
def test_a_fault_of_a_folder_is_found_at_its_step(folders, tmp_path, step):
    name, change = FAULTS[step]
    items = [TEXTS[0]] if step == "ids" else [PICTURED[0]]
    other = edited(folders, "llava_mistral", tmp_path, name, change)
    assert parted(own(folders, "llava_mistral"), other, items, folders) == [step]


def test_an_image_that_is_resized_otherwise(folders):
    one, other = own(folders, "qwen2_vl"), own(folders, "qwen2_vl")
    other.resolution = {"kind": "squash", "side": 60}
    assert parted(one, other, PICTURED[:1], folders) in (["ids"], ["grid"])


@dataclass(frozen=True)
class FlatAlone(InputForm):
    """Flat positions, the image wrapped all the same: no program's form."""

    @property
    def flat(self):
        return True


def test_positions(folders):
    one, other = own(folders, "qwen2_vl"), own(folders, "qwen2_vl")
    other.backbone.form = FlatAlone()
    assert parted(one, other, [*TEXTS[:1], *PICTURED], folders) == [None, "positions", "positions"]


@pytest.mark.parametrize("kind", ["llama", "qwen2_vl"])
def test_a_raw_last_state(folders, kind, monkeypatch):
    """What peers lost 2 to 7 points by."""
    one, other = own(folders, kind), own(folders, kind)
    backbone = other.backbone
    for way in (one, other):  # weights of 1 change lengths alone: then both states are one vector
        norm = way.backbone.language_model.norm.weight.data
        norm.add_(0.5 * torch.randn(len(norm), generator=torch.Generator().manual_seed(0)))

    def raw(batch):
        held = []
        hook = backbone.language_model.norm.register_forward_hook(
            lambda _module, inputs, _out: held.append(inputs[0])
        )
        backbone.hidden(batch)
        hook.remove()
        return held[0][:, -1]

    monkeypatch.setattr(backbone, "last_hidden", raw)
    monkeypatch.setattr(backbone, "embed", raw)
    assert parted(one, other, TEXTS, folders) == ["state", "state"]


def test_number_format(folders):
    assert parted(own(folders, "llama"), own(folders, "llama", dtype="bf16"), TEXTS, folders) == [
        "form", "form"
    ]  # fmt: skip


def test_padding_on_the_side_that_is_read(folders, monkeypatch):
    one, other = own(folders, "llama"), own(folders, "llama")
    other.backbone.processor.tokenizer.padding_side = "right"
    monkeypatch.setattr(other.backbone, "embed", lambda batch: other.backbone.hidden(batch)[:, -1])
    assert parted(one, other, TEXTS, folders) == ["padding", None]  # the longest is not padded


def test_other_weights_and_what_is_not_known():
    one = Trace(np.array([1.0, 0.0]), ids=[1, 2], form="float32")
    assert first_difference(one, Trace(np.array([1.0, 0.0]))) is None
    turned = Trace(np.array([0.6, 0.8]))
    assert first_difference(one, turned) == "vector"
    (row,) = summary([one, one], [Trace(np.array([1.0, 0.0])), turned])
    assert (row["step"], row["items"], row["of"]) == ("vector", 1, 2)
    assert row["mean_cosine"] == row["least_cosine"] == pytest.approx(0.6)
    assert row["example"]["item"] == 1


def test_the_program_tells_steps_and_precision(folders, tmp_path, capsys):
    texts = ["red", "green", "blue"]
    frame = pd.DataFrame({"item_id": range(3), "text": texts, "image_path": [""] * 3})
    write_parquet(tmp_path / "items.parquet", frame)
    rows = pd.DataFrame(
        {"row_id": range(3), "query_id": range(3), "candidate_ids": [[0, 1], [1, 2], [2, 0]]}
    )
    write_parquet(tmp_path / "rows.parquet", rows)
    exact = np.eye(3, dtype=np.float32)
    write_embeddings(tmp_path / "q.npy", exact, np.ones(3, dtype=bool))
    write_embeddings(tmp_path / "t.npy", exact[[1, 0, 2]], np.ones(3, dtype=bool))
    vectors = ["--first", str(tmp_path / "q.npy"), "--first-targets", str(tmp_path / "q.npy"),
               "--second", str(tmp_path / "q.npy"), "--second-targets", str(tmp_path / "t.npy"),
               "--first-reader", "vectors", "--second-reader", "vectors"]  # fmt: skip
    items = str(tmp_path / "items.parquet")
    common = ["--queries", items, "--targets", items, "--image-root", str(tmp_path)]
    out = tmp_path / "found.json"
    more = ["--rows", str(tmp_path / "rows.parquet"), "--out", str(out)]
    assert compare_embedders.main([*vectors, *common, *more]) == 0
    found = json.loads(out.read_text())
    assert found["query"] == {"items": 3, "agree": 3, "steps": []}
    assert [one["step"] for one in found["target"]["steps"]] == ["vector"]
    assert found["target"]["steps"][0]["items"] == 2
    assert found["precision_at_1"] == {"first": 1.0, "second": pytest.approx(1 / 3)}
    assert "2 part at" in capsys.readouterr().out
    folder = str(folders / "llama")
    models = ["--first", folder, "--second", folder, "--second-prompt", "user_only"]
    assert compare_embedders.main([*models, *common, "--out", str(out)]) == 0
    assert [one["step"] for one in json.loads(out.read_text())["query"]["steps"]] == ["prompt"]
    assert compare_embedders.main([*vectors, "--queries", items, "--image-root", folder,
                                   "--rows", items, "--out", str(out)]) == 2  # fmt: skip
    assert "needs --targets" in capsys.readouterr().err
