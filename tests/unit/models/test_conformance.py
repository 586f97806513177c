"""Every backbone, item by item, against golden files and a plain forward of transformers' class.

The golden files hold what that forward saw and gave (``make_golden.py``, by hand).
"""

import numpy as np
import pytest
import torch

from gen2embed.models.backbones import load_backbone
from gen2embed.models.backbones.base import LEAST_PREFIX, last_places
from gen2embed.models.encoding.encoder import encode, plan_items
from gen2embed.models.shortcuts.prefix import LITERAL, split_prefix
from gen2embed.prompts.images import load_rgb
from gen2embed.prompts.input_form import InputForm
from gen2embed.prompts.items import Item
from gen2embed.prompts.registry import get_prompt
from gen2embed.prompts.resolutions import get_resolution
from unit.backbones import KINDS, save_backbone, save_images
from unit.models.golden_cases import CASES, FORMS, Case
from unit.models.golden_files import differences, load_golden, recorded
from unit.models.golden_plain import Plain, Run

NATIVE = get_resolution("native")
NOT_PIXELS = ("input_ids", "attention_mask", "mm_token_type_ids", LITERAL)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Models this small only wait for more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", params=KINDS)
def models(request, tmp_path_factory):
    """Kind; the plain model; the project's backbone; the images' folder."""
    root = tmp_path_factory.mktemp(request.param)
    images, folder = save_images(root), save_backbone(request.param, root / "model")
    plain = Plain(request.param, folder, images)
    return request.param, plain, load_backbone(str(folder), None, "fp32", "cpu"), images


@pytest.fixture(scope="module", params=FORMS)
def both(models, request):
    """Kind and form; name of the item -> its plain run; backbone in that form; planned items."""
    kind, plain, backbone, images = models
    backbone.form = InputForm(**FORMS[request.param])
    planned = [one for row, case in enumerate(CASES) for one in plan(backbone, case, images, row)]
    runs = {case.name: plain.run(case, request.param) for case in CASES}
    return (kind, request.param), runs, backbone, planned


def plan(backbone, case, images, row=0):
    """The project's plan of one item."""
    prompt = get_prompt(case.prompt)
    item = Item(case.text, case.image, case.role)
    return plan_items(backbone, [item], prompt, NATIVE, images, case.max_tokens, case.name, row)


def collate(backbone, planned):
    mode = backbone.form.image_mode
    pictures = [load_rgb(one.image, NATIVE, mode) for one in planned if one.image]
    shown = [one.image is not None for one in planned]
    return backbone.collate([one.rendered for one in planned], pictures, shown)


def unit(hidden):
    return torch.nn.functional.normalize(hidden.float(), dim=-1)


def stacked(runs):
    return torch.stack([run.vector for run in runs.values()]).numpy()


def least_cosine(one, other):
    return (np.asarray(one, dtype=np.float64) * np.asarray(other)).sum(axis=1).min()


@torch.inference_mode()
def run_alone(backbone, planned) -> Run:
    """The project's way of one item."""
    batch = collate(backbone, [planned])
    (ids,) = batch["input_ids"]
    return Run(
        planned.rendered,
        backbone.processor.tokenizer.convert_ids_to_tokens(ids.tolist()),
        ids,
        backbone.positions(batch).reshape(-1, len(ids)),
        {name: one for name, one in batch.items() if name not in NOT_PIXELS},
        int(last_places(batch)[0]),
        unit(backbone.last_hidden(batch))[0],
    )


def test_each_item_alone_is_as_golden_and_as_a_plain_forward(both):
    of, runs, backbone, planned = both
    golden = load_golden(*of)
    assert list(golden) == [case.name for case in CASES]
    wrong = {}
    for (name, plain), one in zip(runs.items(), planned, strict=True):
        run = run_alone(backbone, one)
        off = differences(recorded(run), golden[name])
        off += [f"plain {key}" for key in differences(recorded(plain), golden[name])]
        same = run.pixels.keys() == plain.pixels.keys() and all(
            torch.equal(run.pixels[key], plain.pixels[key]) for key in plain.pixels
        )
        off += [] if same else ["pixels"]
        off += [] if run.vector @ plain.vector > 0.99999 else ["whole vector"]
        off += [] if one.tokens == len(run.ids) else ["counted tokens"]
        if off:
            wrong[name] = off
    assert not wrong


def test_the_items_differ(both):
    """Else agreement would say nothing."""
    vectors = stacked(both[1]).astype(np.float64)
    assert (vectors @ vectors.T)[~np.eye(len(vectors), dtype=bool)].max() < 0.999


@pytest.mark.parametrize("share_prefix", [True, False])
def test_the_encoder_gives_a_plain_forwards_vectors(both, share_prefix):
    """One by one, and with a budget for all."""
    _, runs, backbone, planned = both
    for budget in (1, 100_000):
        vectors = encode(
            backbone, planned, NATIVE, budget, "cpu", "test", share_prefix=share_prefix
        )
        assert least_cosine(vectors, stacked(runs)) > 0.9999


@pytest.mark.parametrize("way", ["embed", "last_hidden"])
@pytest.mark.parametrize("shared", [True, False])
def test_all_items_in_one_batch(both, way, shared):
    """Images, text alone, literal tokens; those under one prompt have a beginning to share."""
    _, runs, backbone, planned = both
    chosen = [
        place for place, case in enumerate(CASES) if case.prompt == "hierarchical" or not shared
    ]
    batch = collate(backbone, [planned[place] for place in chosen])
    assert (split_prefix(batch, backbone.image_id, LEAST_PREFIX) is not None) == shared
    with torch.inference_mode():
        vectors = unit(getattr(backbone, way)(batch))
    assert least_cosine(vectors, stacked(runs)[chosen]) > 0.9999


def test_cut_from_the_right_but_not_within_a_character(models, monkeypatch):
    """The tokenizer's own truncation may end within a character of several tokens; ours before."""
    _, plain, backbone, images = models
    monkeypatch.setattr(backbone, "form", InputForm(**FORMS["authors"]))
    text = "a 🍎, " * 40
    exact = 0
    for limit in range(100, 110):
        case = Case("fruit", text, "", text, max_tokens=limit)
        _, ids = plain.prompt(case, "authors", 0)
        (one,) = plan(backbone, case, images)
        ours = backbone.processor.tokenizer(one.rendered)["input_ids"]
        assert one.tokens == len(ours) > limit - 4 and ours == ids[: len(ours)]
        exact += len(ours) == limit
    assert exact


def test_a_value_that_is_not_met_is_named(models):
    golden = load_golden(models[0], "stock")["text alone"]
    other = golden | {"ids": golden["ids"][:-1], "pooled": 0, "vector": golden["vector"][::-1]}
    assert differences(golden, golden) == []
    assert differences(other, golden) == ["ids", "pooled", "vector"]
