"""Where the last token looks, and the embedding at every layer: by hand, and on every backbone."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from gen2embed.evaluation.subsample import sample_rows
from gen2embed.files import write_parquet
from gen2embed.models.analysis.attention_mass import attention_mass, token_segments
from gen2embed.models.analysis.common import spaced
from gen2embed.models.analysis.layers import encode_layers
from gen2embed.models.backbones import load_backbone
from gen2embed.models.encoding.encoder import encode, plan_items
from gen2embed.prompts.images import load_rgb
from gen2embed.prompts.items import Item
from gen2embed.prompts.markup import SEGMENTS
from gen2embed.prompts.registry import get_prompt, user_turn
from gen2embed.prompts.resolutions import get_resolution
from unit.backbones import KINDS, save_backbone, save_images

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
NATIVE = get_resolution("native")
ITEMS = [
    Item("<|image_1|>\nWhich color?", "wide.png", "query"),
    Item("Look at <|image_1|> and say what it is, in one word", "tall.png", "query"),
    Item("x", "square.png", "query"),
]


def program(name):
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def test_segments_of_a_prompt_by_hand(backbone):
    """system: a dog / user: image, red ? and the closing line; the rest is chat markup.

    The tiny tokenizer's tokens are words, marks and line breaks; the image is two tokens here.
    """
    turn = user_turn(get_prompt("user_only"), "query", "<|image_1|>\nred?", True)
    segments = token_segments(backbone, backbone.parts("a dog", turn), 2)
    closing = ["\n", "represent", "the", "given", "text", "/", "image", "in", "one", "word", "."]
    expected = [
        *["markup"] * 3,  # <|im_start|> system \n
        *["system"] * 2,  # a dog
        *["markup"] * 2,  # <|im_end|> \n
        *["markup"] * 3,  # <|im_start|> user \n
        "markup", "image", "image", "markup",  # <|vision_start|> ... <|vision_end|>
        *["user"] * 3,  # \n red ?
        *["user"] * len(closing),
        *["markup"] * 2,  # <|im_end|> \n
        *["markup"] * 3,  # <|im_start|> assistant \n
    ]  # fmt: skip
    assert segments == expected


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return save_images(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module", params=KINDS)
def eager(request, tmp_path_factory):
    folder = save_backbone(request.param, tmp_path_factory.mktemp("backbone") / request.param)
    return load_backbone(str(folder), None, "fp32", "cpu", attention="eager")


def plan(backbone, images):
    return plan_items(backbone, ITEMS, get_prompt("hierarchical"), NATIVE, images, 2048, "items")


def batch_of(backbone, planned):
    pictures = [load_rgb(one.image, NATIVE) for one in planned]
    return backbone.collate([one.rendered for one in planned], pictures)


def test_mass_sums_to_one_and_is_the_same_in_company(eager, images):
    planned = plan(eager, images)
    segments = []
    for one, item in zip(planned, ITEMS, strict=True):
        turn = user_turn(get_prompt("hierarchical"), item.role, item.text, True)
        parts = eager.parts(get_prompt("hierarchical").system, turn)
        segments.append(token_segments(eager, parts, eager.image_tokens(*one.image_size)))
    assert [len(of) for of in segments] == [one.tokens for one in planned]
    together = [([0, 1, 2], batch_of(eager, planned))]
    mass, counts = attention_mass(eager, together, segments)
    assert mass.shape == (3, 3, len(SEGMENTS)) and (mass > 0).all()
    np.testing.assert_allclose(mass.sum(axis=2), 1, atol=1e-5)
    assert counts.sum(axis=1).tolist() == [one.tokens for one in planned]
    alone = [([row], batch_of(eager, [one])) for row, one in enumerate(planned)]
    np.testing.assert_allclose(attention_mass(eager, alone, segments)[0], mass, atol=1e-5)


def test_the_last_layers_vectors_are_the_embedding(eager, images):
    planned = plan(eager, images)
    vectors = encode_layers(eager, [([0, 1, 2], batch_of(eager, planned))], 3)
    whole = encode(eager, planned, NATIVE, 10_000, "cpu", "test")
    assert vectors.shape == (3, 3, eager.dim)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=2), 1, atol=1e-5)
    np.testing.assert_allclose(vectors[-1], whole, atol=1e-5)
    assert np.abs(vectors[0] - whole).max() > 1e-2
    with torch.inference_mode():  # layer 2 of 3, as transformers itself gives it
        batch = batch_of(eager, planned[:1])
        out = eager.model.model(**batch, output_hidden_states=True, use_cache=False)
    second = torch.nn.functional.normalize(out.hidden_states[2][0, -1], dim=-1).numpy()
    np.testing.assert_allclose(vectors[1, 0], second, atol=1e-5)


def test_rows_of_a_sample_keep_their_own_candidates_alone():
    """Row 0 and 2 are chosen: positives 7 and 5. Row 2 never had 7; row 0 had 5 and 9."""
    candidates = [np.array([7, 5, 9]), np.array([1, 7]), np.array([5, 8])]
    ids, kept = sample_rows(np.array([3, 4, 6]), candidates, [0, 2])
    assert ids.tolist() == [3, 6]
    assert [one.tolist() for one in kept] == [[7, 5], [5]]
    assert spaced(10, 3).tolist() == [0, 4, 9] and spaced(2, 5).tolist() == [0, 1]


@pytest.fixture
def bench(tiny, tmp_path):
    """Six photos asked for by name: queries with an image, targets of text alone."""
    names = ["red apple", "waving hand", "flag of belgium", "dog face", "tram", "hand"]
    photos = [f"{number}.png" for number in range(6)]
    queries = pd.DataFrame({"text": "<|image_1|>\nwhat?", "image_path": photos})
    targets = pd.DataFrame({"text": names, "image_path": ""})
    for name, frame in (("queries", queries), ("targets", targets)):
        write_parquet(tmp_path / f"{name}.parquet", frame.assign(item_id=range(6)))
    lists = [[row, *(one for one in range(6) if one != row)] for row in range(6)]
    rows = pd.DataFrame({"row_id": range(6), "query_id": range(6), "candidate_ids": lists})
    write_parquet(tmp_path / "rows.parquet", rows)
    common = [f"--model={tiny.folder}", f"--image-root={tiny.images}", "--threads=1"]
    return tmp_path, [*common, "--prompts", "plain", "hierarchical"]


def test_both_programs_and_their_figures(bench):
    folder, common = bench
    queries, targets = (str(folder / f"{name}.parquet") for name in ("queries", "targets"))
    attention, layers = (str(folder / f"{name}.csv") for name in ("attention", "layers"))
    flags = ["--items", queries, "--count=4", "--out", attention]
    assert program("analyse_attention").main([*common, *flags]) == 0
    flags = ["--rows", str(folder / "rows.parquet"), "--rows-per-set=6", "--out", layers]
    flags += ["--query-items", queries, "--target-items", targets]
    assert program("analyse_layers").main([*common, *flags]) == 0
    found = pd.read_csv(attention)
    totals = found.groupby(["prompt", "layer"])["total"].sum()
    assert len(totals) == 2 * 2 and np.allclose(totals, 1, atol=1e-4)
    assert set(found[found["prompt"] == "plain"]["segment"]) == {"image", "user", "markup"}
    scored = pd.read_csv(layers)
    assert scored["layer"].tolist() == [1, 2, 1, 2] and (scored["n"] == 6).all()
    assert np.allclose(scored["chance"], 1 / 6)
    assert scored["value"].between(0, 1).all() and (scored["image_text_gap"] > 0).all()
    drawn = ["--attention", attention, "--layers", layers, "--out", str(folder / "figures")]
    assert program("plot_analyses").main(drawn) == 0
    names = {path.name for path in (folder / "figures").iterdir()}
    figures, kinds = ("attention_mass", "layers"), ("pdf", "png", "csv", "md")
    assert names == {f"{name}.{kind}" for name in figures for kind in kinds}


def test_without_images_texts_are_looked_at(bench):
    folder, common = bench
    out = folder / "out.csv"
    flags = ["--items", str(folder / "targets.parquet"), "--count=4", "--out", str(out)]
    assert program("analyse_attention").main([*common, *flags]) == 0
    found = pd.read_csv(out)
    assert "image" not in set(found["segment"]) and found["items"].max() > 0
    shares = found.groupby(["prompt", "layer"])["total"].sum()
    assert shares.to_numpy() == pytest.approx(1, abs=1e-5)


def test_nothing_to_look_at_is_one_line(bench, capsys):
    folder, common = bench
    targets = str(folder / "targets.parquet")
    out = folder / "out.csv"
    flags = ["--items", targets, "--count=0", "--out", str(out)]
    assert program("analyse_attention").main([*common, *flags]) == 2
    assert "--count is 0; give at least 1" in capsys.readouterr().err
    assert not out.exists()


def test_segments_of_a_prompt_that_is_cut_at_its_right(bench):
    """The end that is cut off is in no segment: here all of the closing line and the markup."""
    folder, common = bench
    frame = pd.read_parquet(folder / "queries.parquet")
    write_parquet(folder / "long.parquet", frame.assign(text="<|image_1|>\n" + "red tram " * 40))
    flags = ["--items", str(folder / "long.parquet"), "--count=4", "--out"]
    found = {}
    for end, most in (("text", 70), ("right", 70), ("right", 60)):
        out = str(folder / f"{end}{most}.csv")
        more = [f"--truncate={end}", f"--max-tokens={most}", "--prompts", "hierarchical"]
        assert program("analyse_attention").main([*common, *more, *flags, out]) == 0
        rows = pd.read_csv(out)
        found[end, most] = rows[rows["layer"] == 1].set_index("segment")["tokens"]
    assert all(one.sum() == most for (_, most), one in found.items())
    whole, cut = found["text", 70], found["right", 70]
    assert cut["markup"] == whole["markup"] - 5  # <|im_end|> \n <|im_start|> assistant \n
    assert cut["user"] == whole["user"] + 5


def test_an_adapter_of_another_form_is_not_looked_into(bench, capsys):
    folder, common = bench
    (folder / "adapter").mkdir()
    (folder / "adapter" / "card.json").write_text(json.dumps({"input": {"form": "authors"}}))
    queries, targets = (str(folder / f"{name}.parquet") for name in ("queries", "targets"))
    common = [*common, f"--adapter={folder / 'adapter'}", f"--out={folder / 'out.csv'}"]
    rows = ["--rows", str(folder / "rows.parquet"), "--rows-per-set=6"]
    rows += ["--query-items", queries, "--target-items", targets]
    for name, more in (
        ("analyse_attention", ["--items", queries, "--count=4"]),
        ("analyse_layers", rows),
    ):
        assert program(name).main([*common, *more]) == 2
        (said,) = capsys.readouterr().err.splitlines()
        assert "adapter: made with other inputs (form: stock and authors)" in said
    assert not (folder / "out.csv").exists()
