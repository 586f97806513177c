"""Two ways to embed the same items: each fault is planted, and found at its step."""

import json
import shutil
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import compare_embedders
from gen2embed.artifacts.ids import Rows
from gen2embed.files import write_embeddings, write_parquet
from gen2embed.models.backbones import load_backbone
from gen2embed.models.comparison.costs import costs
from gen2embed.models.comparison.trace import STEPS, Trace, first_difference, summary
from gen2embed.models.comparison.ways import Own, SentenceTransformers
from gen2embed.prompts.input_form import InputForm
from gen2embed.prompts.items import Item
from gen2embed.prompts.registry import get_prompt
from gen2embed.prompts.resolutions import get_resolution
from unit.backbones import KINDS, save_backbone, save_images
from unit.exported import save_and_export
from unit.text_models import TEXT_KINDS, save_text_model

NATIVE = get_resolution("native")
TEXTS = [Item("a Red apple", "", "query"), Item("which color is it, and why?", "", "query")]
PICTURED = [Item("what is it?", "wide.png", "query"), Item("", "tall.png", "query")]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("compare")
    save_images(root)
    for kind, save in (("llava_mistral", save_backbone), ("qwen2_vl", save_backbone),
                       ("llama", save_text_model)):  # fmt: skip
        save_and_export(save, kind, root / kind, root / f"{kind}-st")
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


@pytest.mark.parametrize("role", ["query", "target"])
def test_the_prompt_of_either_role(folders, tmp_path, role):
    """One role's system level is another: the other role's items agree."""
    level = get_prompt("hierarchical").system
    task = {"query": "query", "target": "document"}
    prompts = {task[one]: "Be brief." if one == role else level for one in task}
    other = edited(folders, "llama", tmp_path, FAULTS["prompt"][0], in_json(prompts=prompts))
    for asked in ("query", "target"):
        items = [replace(item, role=asked) for item in TEXTS]
        expected = ["prompt"] * 2 if asked == role else [None] * 2
        assert parted(own(folders, "llama"), other, items, folders) == expected


def test_an_image_that_is_shown_as_it_lies_in_the_file(folders):
    """A camera's note of how it was held, left unread: as many tokens, another grid."""
    noted = Image.Exif()
    noted[0x0112] = 6  # turned by a quarter
    with Image.open(folders / "wide.png") as wide:
        wide.save(folders / "turned.png", exif=noted)
    one, other = own(folders, "qwen2_vl"), own(folders, "qwen2_vl")
    other.backbone.form = InputForm(image_mode="stored")
    turned = [Item("what is it?", "turned.png", "query")]
    assert parted(one, other, turned, folders) == ["grid"]


@pytest.mark.parametrize("kind", [*KINDS, *TEXT_KINDS])
def test_every_architecture_is_watched(folders, tmp_path, kind):
    """Nothing where nothing differs; no system level, and the place and state are read off."""
    (tmp_path / kind).mkdir()
    (save_backbone if kind in KINDS else save_text_model)(kind, tmp_path / kind)
    items = TEXTS + (PICTURED if kind in KINDS else [])
    one = own(tmp_path, kind)
    traces = one.traces(items, folders)
    assert {(trace.place, trace.state) for trace in traces} == {(-1, "normed")}
    assert [first_difference(*pair) for pair in zip(traces, traces, strict=True)] == [None] * len(
        items
    )
    one.prompt = get_prompt("user_only")
    others = one.traces(items, folders)
    assert {first_difference(*pair) for pair in zip(traces, others, strict=True)} == {"prompt"}


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


def turned(degrees, **known):
    return Trace(np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))]), **known)


def test_what_a_step_costs_by_hand():
    """Two rows, each with one wrong candidate. Query 0 turns at its ids and loses row 0; target 2
    turns at its place, which no row notices; query 1 is the same to the end."""
    first = {"query": [turned(0, ids=[1]), turned(90)], "target": [turned(10), turned(80),
             turned(180, place=-1)]}  # fmt: skip
    second = {"query": [turned(60, ids=[2]), turned(90)], "target": [turned(10), turned(80),
              turned(200, place="mean")]}  # fmt: skip
    asked = pd.DataFrame({"query_id": [0, 1]})
    rows = Rows(asked, np.array([0, 1, 1, 2]), np.array([2, 2]), {})
    by_role = {role: (first[role], second[role]) for role in first}
    ids, place = costs(by_role, rows)
    assert (ids["step"], ids["items"]) == ("ids", {"query": 1, "target": 0})
    assert ids["mean_cosine"] == pytest.approx(0.5)
    assert (ids["precision_at_1"], ids["cost"]) == (0.5, 0.5)
    assert (ids["ci_low"], ids["ci_high"]) == (0.0, 1.0)  # of two rows, one of which changes
    assert (place["step"], place["cost"], place["ci_low"]) == ("place", 0.0, 0.0)
    assert place["least_cosine"] == pytest.approx(np.cos(np.radians(20)))
    alone = costs({"query": by_role["query"]}, None)
    assert [entry["step"] for entry in alone] == ["ids"] and "cost" not in alone[0]
    wide = [Trace(np.array([1.0, 0.0, 0.0]))] * 2
    (vector,) = costs({"query": (first["query"], wide), "target": by_role["target"]}, rows)[-1:]
    assert vector["step"] == "vector" and vector["cost"] is None


def test_every_step_is_planted_somewhere():
    """What the tests above expect, against the list of steps itself."""
    planted = {*FAULTS, "grid", "positions", "state", "form", "padding", "vector"}
    assert planted == set(STEPS)


@pytest.mark.parametrize("step", ["prompt", "rendered", "place"])
def test_what_a_planted_fault_costs(folders, tmp_path, capsys, step):
    """Rows that the first way answers without a miss; the program's cost is the score's change."""
    words = ["red", "green", "blue", "a flag", "two trams", "why?", "apple pie", "a big dog"]
    frame = pd.DataFrame({"item_id": range(8), "text": words, "image_path": [""] * 8})
    write_parquet(tmp_path / "items.parquet", frame)
    items = {role: [Item(word, "", role) for word in words] for role in ("query", "target")}
    way = own(folders, "llama")
    queries, targets = (
        np.stack([trace.vector for trace in way.traces(items[role], folders)])
        for role in ("query", "target")
    )
    best = (queries @ targets.T).argmax(axis=1)
    lists = [[first, *(other for other in range(8) if other != first)] for first in best]
    rows = pd.DataFrame({"row_id": range(8), "query_id": range(8), "candidate_ids": lists})
    write_parquet(tmp_path / "rows.parquet", rows)
    name, change = FAULTS[step]
    if step == "rendered":  # the markup of this kind of model
        name, change = "chat_template.jinja", lambda text: text.replace("assistant", "Assistant")
    other = edited(folders, "llama", tmp_path, name, change)
    found = [
        np.stack([trace.vector for trace in other.traces(items[role], folders)])
        for role in ("query", "target")
    ]
    scores = found[0] @ found[1].T
    theirs = np.mean([scores[row].argmax() == best[row] for row in range(8)])
    call = ["--first", str(folders / "llama"), "--second", str(tmp_path / "edited"),
            "--second-reader", "sentence-transformers", "--image-root", str(tmp_path)]  # fmt: skip
    files = [f"--{key}={tmp_path / name}.parquet" for key, name in
             (("queries", "items"), ("targets", "items"), ("rows", "rows"))]  # fmt: skip
    more = ["--max-tokens", "999", "--out", str(tmp_path / "found.json")]
    assert compare_embedders.main([*call, *files, *more]) == 0
    told = json.loads((tmp_path / "found.json").read_text())
    (cost,) = told["costs"]
    assert cost["step"] == step and cost["items"] == {"query": 8, "target": 8}
    assert told["precision_at_1"] == {"first": 1.0, "second": pytest.approx(theirs)}
    assert cost["precision_at_1"] == pytest.approx(theirs)
    assert cost["cost"] == pytest.approx(1 - theirs)
    assert cost["least_cosine"] <= cost["mean_cosine"] < 0.9999
    assert f"{cost['meaning']}: costs {cost['cost']:.4f}" in capsys.readouterr().out


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
    (cost,) = found["costs"]
    assert cost["cost"] == pytest.approx(2 / 3) and cost["items"] == {"query": 0, "target": 2}
    assert "2 part at" in capsys.readouterr().out
    write_parquet(tmp_path / "far.parquet", rows.assign(query_id=[0, 1, 9]))
    far = ["--rows", str(tmp_path / "far.parquet"), "--out", str(out)]
    assert compare_embedders.main([*vectors, *common, *far]) == 2
    assert "row 2: query_id 9 has no row in" in capsys.readouterr().err
    folder = str(folders / "llama")
    models = ["--first", folder, "--second", folder, "--second-prompt", "user_only"]
    assert compare_embedders.main([*models, *common, "--out", str(out)]) == 0
    assert [one["step"] for one in json.loads(out.read_text())["query"]["steps"]] == ["prompt"]
    assert compare_embedders.main([*vectors, "--queries", items, "--image-root", folder,
                                   "--rows", items, "--out", str(out)]) == 2  # fmt: skip
    assert "needs --targets" in capsys.readouterr().err
