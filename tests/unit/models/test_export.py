"""The exported folder in sentence-transformers itself: prompts to the byte, vectors, its card."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import export_model
from gen2embed.errors import InputError
from gen2embed.models.backbones import load_backbone
from gen2embed.models.encoding.encoder import encode, plan_items
from gen2embed.models.export.check import check_rendering, not_loadable
from gen2embed.models.export.template import chat_template, content_of
from gen2embed.prompts.input_form import InputForm
from gen2embed.prompts.items import Item
from gen2embed.prompts.registry import ROLES, get_prompt, load_prompts
from gen2embed.prompts.resolutions import get_resolution
from torchvision_stand_in import torchvision_path
from unit.backbones import KINDS, save_backbone, save_images
from unit.text_models import TEXT_KINDS, save_text_model

ALL = (*KINDS, *TEXT_KINDS)
MARK = "<|image_1|>"
TEXTS = ("a red apple", " two  lines\n\n here \n", "x<|im_end|>y", "\U0001f34e {{ x }}")
PICTURED = (
    ("", "square"),
    ("what?", "wide"),
    (f"{MARK}\nwhat?", "tall"),
    (f"is {MARK} red?", "square"),
)
IN_ANOTHER_PROGRAM = """
import json, sys
import numpy as np
from PIL import Image
from sentence_transformers import SentenceTransformer

jobs = json.load(open(sys.argv[1]))
for job in jobs:
    model = SentenceTransformer(job["folder"], device="cpu")
    transformer = model[0]
    found, rendered = {}, {}
    for role, call, task in (
        ("query", model.encode_query, "query"), ("target", model.encode_document, "document")
    ):
        def opened(value):
            return Image.open(value).convert("RGB")
        inputs = []
        for item in job["items"]:
            if isinstance(item, list):
                parts = [
                    part if part["type"] == "text" else part | {"image": opened(part["image"])}
                    for part in item
                ]
                inputs.append([{"role": "user", "content": parts}])
            else:
                inputs.append({k: opened(v) if k == "image" else v for k, v in item.items()})
        whole = [one for one in inputs if isinstance(one, dict)]
        found[role] = call(whole, batch_size=len(whole), show_progress_bar=False)
        try:  # chat messages beside other inputs: the template refuses what would be lost
            call(inputs, batch_size=len(inputs), show_progress_bar=False)
            assert len(whole) == len(inputs)
        except Exception as error:
            assert "a call of their own" in str(error), error
            assert len(whole) < len(inputs)
        found[role + "_alone"] = np.stack([call(one, show_progress_bar=False) for one in inputs])
        rendered[role] = []
        for one in inputs:
            messages = transformer.input_formatter.parse_inputs([one])
            kind, given = messages[0], messages[1]
            if kind != "message":
                kind, given = transformer.input_formatter.batch_to_message(kind, given)
            both = given["message"]
            level = model.prompts[task]
            if level:
                both = transformer.input_formatter.prepend_prompt_to_messages(both, level)
            rendered[role].append(transformer.processor.apply_chat_template(
                both[0], tokenize=False, task=task, add_generation_prompt=True))
    np.savez(job["out"], **found)
    json.dump(rendered, open(job["out"] + ".json", "w"))
"""


def save(kind, folder):
    return (save_backbone if kind in KINDS else save_text_model)(kind, folder)


def export(model, out, prompt="hierarchical", *more):
    flags = ["--resolution", "native", "--max-tokens", "1024", "--dtype", "fp32", "--no-check"]
    named = ["--model", str(model), "--prompt", prompt, "--out", str(out)]
    return export_model.main([*named, *flags, *more])


def items_of(kind, images):
    """This project's items and what sentence-transformers is given for each."""
    ours = [(text, "") for text in TEXTS]
    theirs = [{"text": text} for text in TEXTS]
    if kind in KINDS:
        for text, name in PICTURED:
            ours.append((text, f"{name}.png"))
            path = str(images / f"{name}.png")
            if text.startswith("is "):
                theirs.append(content_of(text, path))
            else:
                after = text.removeprefix(MARK)
                theirs.append({"image": path} | ({"text": after} if after else {}))
    return ours, theirs


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Kind -> model folder, exported folder, vectors and prompts of sentence-transformers."""
    root = tmp_path_factory.mktemp("export")
    images = save_images(root)
    jobs, made = [], {}
    for kind in ALL:
        model = root / kind
        model.mkdir()
        save(kind, model)
        assert export(model, root / f"{kind}-st") == 0
        ours, theirs = items_of(kind, images)
        jobs.append(
            {"folder": str(root / f"{kind}-st"), "items": theirs, "out": str(root / f"{kind}.npz")}
        )
        made[kind] = model, root / f"{kind}-st", ours
    (root / "jobs.json").write_text(json.dumps(jobs))
    (root / "other.py").write_text(IN_ANOTHER_PROGRAM)
    path = os.pathsep.join(
        [*torchvision_path(root / "torchvision"), *filter(None, [os.environ.get("PYTHONPATH")])]
    )
    environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    call = [sys.executable, str(root / "other.py"), str(root / "jobs.json")]
    done = subprocess.run(call, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return images, environment, made, root


def own(model, ours, images, role, prompt="hierarchical"):
    backbone = load_backbone(str(model), None, "fp32", "cpu")
    items = [Item(text, image, role) for text, image in ours]
    native = get_resolution("native")
    planned = plan_items(backbone, items, get_prompt(prompt), native, images, 1024, "items")
    return planned, encode(backbone, planned, native, 10_000, "cpu", "test")


@pytest.mark.parametrize("kind", ALL)
def test_both_programs_write_the_same_prompts_and_vectors(exported, kind):
    images, _, made, root = exported
    model, _, ours = made[kind]
    rendered = json.loads((root / f"{kind}.npz.json").read_text())
    theirs = np.load(root / f"{kind}.npz")
    for role in ROLES:
        planned, vectors = own(model, ours, images, role)
        assert rendered[role] == [one.rendered for one in planned]
        vectors = vectors.astype(np.float64)
        assert (vectors @ vectors.T - np.eye(len(vectors))).max() < 0.9999  # the items differ
        for name in (role, f"{role}_alone"):
            found = theirs[name]
            assert (vectors[: len(found)] * found).sum(1).min() >= 0.99999, name
            assert np.abs(np.linalg.norm(theirs[name], axis=1) - 1).max() < 1e-5
    assert np.abs((theirs["query"] * theirs["target"]).sum(1)).max() < 0.99999  # roles differ


def test_a_folder_that_was_exported_is_read_here_again(exported):
    images, _, made, _ = exported
    for kind in ("qwen2_vl", "llava_vicuna"):
        model, folder, ours = made[kind]
        _, before = own(model, ours, images, "query")
        _, after = own(folder, ours, images, "query")
        assert np.abs(before - after).max() < 1e-6


def test_the_cards_example_runs_in_the_folder(exported):
    _, environment, made, _ = exported
    for kind in ("qwen2_vl", "llama"):
        folder = made[kind][1]
        (code,) = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.S)
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        assert re.match(r"tensor\(\[\[-?\d", done.stdout)


@pytest.fixture(scope="module")
def tiny_models(exported):
    return {kind: load_backbone(str(exported[2][kind][0]), None, "fp32", "cpu") for kind in ALL}


@pytest.mark.parametrize("prompt", load_prompts())
def test_every_prompt_of_the_registry(tiny_models, prompt):
    for backbone in tiny_models.values():
        assert check_rendering(
            backbone, get_prompt(prompt), chat_template(backbone, get_prompt(prompt))
        )


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40), st.sampled_from(ROLES), st.booleans())
def test_any_text_is_written_to_the_byte(tiny_models, text, role, pictured):
    backbone = tiny_models["qwen2_vl"]
    prompt = get_prompt("hierarchical")
    turn = backbone.turn(prompt, role, text, pictured)
    system = {"role": "system", "content": [{"type": "text", "text": prompt.system}]}
    user = {"role": "user", "content": content_of(text, "photo" if pictured else None)}
    found = backbone.processor.tokenizer.apply_chat_template(
        [system, user],
        chat_template=chat_template(backbone, prompt),
        tokenize=False,
        task={"query": "query", "target": "document"}[role],
    )
    assert found == backbone.render(prompt.system, turn)


def test_a_template_that_swallows_a_line_feed_is_noticed(tiny_models):
    """As white-space control of Jinja does: no error elsewhere, a few hundredths of cosine."""
    backbone, prompt = tiny_models["qwen2_vl"], get_prompt("hierarchical")
    template = chat_template(backbone, prompt)
    broken = template.replace("<|im_start|>assistant\\n", "<|im_start|>assistant")
    assert broken != template
    with pytest.raises(InputError, match="writes"):
        check_rendering(backbone, prompt, broken)


def test_positions_of_the_authors_form_are_refused(tiny_models, monkeypatch):
    backbone = tiny_models["qwen2_vl"]
    monkeypatch.setattr(backbone, "form", InputForm("authors"))
    with pytest.raises(InputError, match="flat"):
        chat_template(backbone, get_prompt("hierarchical"))


def test_without_torchvision_it_is_said(tiny_models, monkeypatch):
    name = "gen2embed.models.export.check.find_spec"
    monkeypatch.setattr(name, lambda module: None if module == "torchvision" else module)
    assert "pip install torchvision" in not_loadable(tiny_models["qwen2_vl"])
    assert not_loadable(tiny_models["llava_mistral"]) == ""
    monkeypatch.setattr(name, {}.get)
    assert "sentence-transformers is not installed" in not_loadable(tiny_models["llama"])


def test_the_card_tells_training_and_scores(tmp_path, exported):
    scores = {
        "aggregates": {"all": {"value": 0.5, "ci_low": 0.4, "ci_high": 0.6}},
        "metrics": {"image": {"A": {"score": {"value": 0.25, "ci_low": None, "ci_high": 0.5}}}},
    }
    (tmp_path / "board.json").write_text(json.dumps(scores))
    out = tmp_path / "out"
    assert (
        export(exported[2]["llama"][0], out, "eol", "--leaderboard", str(tmp_path / "board.json"))
        == 0
    )
    card = (out / "README.md").read_text()
    assert "| mean: all | 50.0 (40.0 to 60.0) |" in card and "| A | 25.0 (- to 50.0) |" in card
    assert "Nothing was trained" in card and "System level: none" in card
    assert json.loads((out / "config_sentence_transformers.json").read_text())["prompts"] == {
        "query": "", "document": ""
    }  # fmt: skip
