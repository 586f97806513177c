"""search.py by hand and as a user runs it: matches, manifest, sheet, what is loaded how often."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import embed_items
import search
from gen2embed.errors import InputError
from gen2embed.files import write_embeddings, write_parquet
from gen2embed.mining.nearest import nearest
from gen2embed.models.encoding import encoder
from gen2embed.reporting.figures import sheet

TEXTS = ["red apple", "tram", "flag of belgium", "", "waving hand"]


def drawn(count, seed=0, dim=6):
    vectors = np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_nearest_by_hand():
    stored = np.array([[1, 0], [0.6, 0.8], [0.8, 0.6], [0.6, 0.8]], dtype=np.float32)
    asked = np.array([0, 1], dtype=np.float32)
    rows, similarities = nearest(stored, np.ones(4, dtype=bool), asked, 3)
    assert rows.tolist() == [1, 3, 2]  # ties by row
    assert similarities == pytest.approx([0.8, 0.8, 0.6])
    rows, _ = nearest(stored, np.array([True, False, True, True]), asked, 9)
    assert rows.tolist() == [3, 2, 0]  # no row that is not valid, and no more than there are
    with pytest.raises(InputError, match="none of the items has a vector"):
        nearest(stored, np.zeros(4, dtype=bool), asked, 1)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.integers(0, 70), st.integers(0, 99), st.sampled_from(["f4", "f2"]))
def test_nearest_is_the_sorted_list(rows, count, seed, kind):
    stored, asked = drawn(rows, seed).astype(kind), drawn(1, seed + 1)[0]
    valid = np.random.default_rng(seed).random(rows) < 0.8
    valid[0] = True
    scores = np.round(stored.astype("f8") @ asked.astype("f8"), 9)
    best = [row for row in np.lexsort((np.arange(rows), -scores)) if valid[row]][:count]
    found, similarities = nearest(stored, valid, asked, count)
    assert found.tolist() == best
    assert similarities == pytest.approx(scores[best], abs=2e-9)


@pytest.fixture(scope="module")
def embedded(tiny, tmp_path_factory):
    """Five targets, the fourth an image, embedded under a prompt that is not the default."""
    folder = tmp_path_factory.mktemp("search")
    images = ["", "", "", "3.png", ""]
    frame = pd.DataFrame({"item_id": range(5), "text": TEXTS, "image_path": images})
    write_parquet(folder / "items.parquet", frame)
    flags = {
        "model": tiny.folder, "prompt": "user_only", "role": "target", "threads": 2,
        "items": folder / "items.parquet", "image-root": tiny.images, "out": folder / "t.npy",
        "max-tokens": 300, "resolution": "native", "dtype": "fp32",
    }  # fmt: skip
    assert embed_items.main([f"--{key}={value}" for key, value in flags.items()]) == 0
    return folder


def call(tiny, folder, *words, vectors="t.npy"):
    return search.main(
        [
            *("--model", str(tiny.folder), "--embeddings", str(folder / vectors)),
            *("--items", str(folder / "items.parquet"), "--image-root", str(tiny.images)),
            *words,
        ]
    )


def matches(output):
    found = re.findall(r"^ +(\d+) +(-?\d\.\d{4})  item (\d+)", output, re.M)
    return [(int(place), float(similarity), int(row)) for place, similarity, row in found]


def test_an_item_asked_for_in_its_own_role_is_found_first(tiny, embedded, capsys, caplog):
    """Under the manifest's prompt, which no flag names: any other gives less than 1."""
    caplog.set_level("INFO", logger="gen2embed.search")
    assert call(tiny, embedded, "--query", "tram", "--role", "target", "--top", "2") == 0
    captured = capsys.readouterr()
    (first, second) = matches(captured.out)
    assert first == (1, 1.0, 1) and second[0] == 2 and second[1] < 1
    assert captured.out.startswith("tram\n") and "ready after" in caplog.text
    assert call(tiny, embedded, "--image", str(tiny.images / "3.png"), "--role", "target",
                "--top", "1") == 0  # fmt: skip
    said = capsys.readouterr().out
    assert matches(said) == [(1, 1.0, 3)] and "item 3  3.png" in said


def test_the_order_is_that_of_the_vectors(tiny, embedded, capsys):
    """Of an image with a text, against a call of the encoder alone."""
    words = ("--query", "what is it?", "--image", str(tiny.images / "wide.png"))
    assert call(tiny, embedded, *words) == 0
    found = matches(capsys.readouterr().out)
    from gen2embed import Embedder

    embedder = Embedder(tiny.folder, prompt="user_only", max_tokens=300, device="cpu")
    asked = {"text": "what is it?", "image": "wide.png"}
    (vector,) = embedder.encode([asked], image_root=tiny.images)
    scores = np.load(embedded / "t.npy") @ vector
    assert [row for _, _, row in found] == np.argsort(-scores).tolist()
    assert [one for _, one, _ in found] == pytest.approx(np.sort(scores)[::-1], abs=1e-4)


def test_a_list_of_queries_loads_model_and_vectors_once(tiny, embedded, monkeypatch, capsys):
    """What makes a search quick: nothing of the set is embedded, nothing loaded again."""
    counted = {"models": 0, "vectors": 0, "items": 0}
    import gen2embed.artifacts.embedding_files as files
    import gen2embed.models.backbones as backbones

    def counting(module, name, what, size=lambda *_: 1):
        plain = getattr(module, name)

        def counted_call(*given, **named):
            counted[what] += size(*given)
            return plain(*given, **named)

        monkeypatch.setattr(module, name, counted_call)

    counting(backbones, "load_backbone", "models")
    counting(files, "load_embeddings", "vectors")
    counting(encoder, "encode", "items", lambda _backbone, planned, *_: len(planned))
    jobs = [{"query": ["tram", "a dog"]}, {"query": ["apple"]}, {"query": ["tram"], "top": 1}]
    (embedded / "jobs.json").write_text(json.dumps(jobs))
    assert call(tiny, embedded, "--job-list", str(embedded / "jobs.json")) == 0
    assert counted == {"models": 1, "vectors": 1, "items": 4}
    assert len(matches(capsys.readouterr().out)) == 5 + 5 + 5 + 1


def test_the_sheet_shows_query_and_matches(tiny, embedded, monkeypatch):
    shown = []
    plain = sheet.draw_sheet
    monkeypatch.setattr(search, "draw_sheet", lambda rows: shown.extend(rows) or plain(rows))
    out = embedded / "found.png"
    words = ("--image", str(tiny.images / "3.png"), "--top", "5", "--out", str(out))
    assert call(tiny, embedded, *words) == 0
    ((asked, cells),) = shown
    assert asked.image.size == Image.open(tiny.images / "3.png").size and len(cells) == 5
    assert [cell.image is not None for cell in cells].count(True) == 1
    texts = {cell.text for cell in cells}
    assert texts == {"red apple", "tram", "flag of belgium", "", "waving hand"}
    with Image.open(out) as made:
        assert made.size == (6 * sheet.CELL[0], sheet.CELL[1])


def test_a_sheet_by_hand():
    red = Image.new("RGB", (40, 20), (255, 0, 0))
    cells = [sheet.Cell("0.5", image=red), *[sheet.Cell("0.1", "word " * 90)] * 6]
    made = sheet.draw_sheet([(sheet.Cell("query", "a"), cells), (sheet.Cell("query", "b"), [])])
    assert made.size == (7 * sheet.CELL[0], 3 * sheet.CELL[1])  # six a line, then the next
    middle = (sheet.CELL[0] + sheet.CELL[0] // 2, sheet.MARGIN + sheet.LINE + sheet.SIDE // 2)
    assert made.getpixel(middle) == (255, 0, 0)
    left, top = sheet.CELL[0] + 2, sheet.CELL[1] + 2
    assert made.getpixel((2, 2)) == sheet.ASKED and made.getpixel((left, top)) == sheet.FOUND
    assert red.size == (40, 20)  # the caller's image is as it was


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "nothing is asked; give --query TEXT, --image FILE or both"),
        (("--query", ""), "nothing is asked"),
        (("--query", "a", "b", "--image", "x.png"), "--image goes with one --query, not with 2"),
        (("--query", "a", "--top", "0"), "--top is 0; give at least 1"),
        (("--image", "/gone.png"), "gone.png"),
        (("--query", "a", "--prompt", "plain"), "made with different prompts (plain and user_on"),
        (("--query", "a", "--resolution", "huge"), "unknown resolution 'huge'"),
        (("--query", "a", "--dtype", "fp8"), "--dtype is fp8"),
        (("--query", "a", "--out", "sheet.jpg"), "ends in .png"),
    ],
)
def test_what_cannot_be_is_one_line(tiny, embedded, capsys, words, said):
    assert call(tiny, embedded, *words) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert said in error


def test_sets_that_do_not_fit(tiny, embedded, capsys, tmp_path):
    """Other items than were embedded; vectors that nothing is told of, or of another model."""
    vectors = np.load(embedded / "t.npy")
    write_embeddings(tmp_path / "alone.npy", vectors, np.ones(5, dtype=bool))
    frame = pd.read_parquet(embedded / "items.parquet")
    write_parquet(tmp_path / "items.parquet", frame)
    words = ["--model", str(tiny.folder), "--items", str(tmp_path / "items.parquet"),
             "--image-root", str(tiny.images), "--query", "tram"]  # fmt: skip

    def said(*more, path=tmp_path / "alone.npy"):
        status = search.main([*words, "--embeddings", str(path), *more])
        captured = capsys.readouterr()
        return status, captured.err.strip().splitlines()[-1] if status else matches(captured.out)

    assert "tells the prompt its items were embedded with; give --prompt" in said()[1]
    told = ("--prompt", "user_only", "--resolution", "native", "--max-tokens", "300")
    status, found = said(*told, "--dtype", "fp32", "--role", "target")
    assert status == 0 and found[0][1:] == (1.0, 1)
    write_embeddings(tmp_path / "wide.npy", drawn(5, dim=7), np.ones(5, dtype=bool))
    status, error = said(*told, "--dtype", "fp32", path=tmp_path / "wide.npy")
    assert status == 2 and "has 7 dimensions" in error
    write_embeddings(tmp_path / "few.npy", vectors[:3], np.ones(3, dtype=bool))
    assert "holds 3 vectors for 5 items" in said(*told, path=tmp_path / "few.npy")[1]
    write_parquet(tmp_path / "items.parquet", frame.assign(text=frame["text"].str.upper()))
    assert "was made of other items" in said(path=embedded / "t.npy")[1]
