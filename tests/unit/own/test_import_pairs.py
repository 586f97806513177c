"""Importing a user's table: what comes out by hand, what is refused in one line, no leaks."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gen2embed.errors import InputError
from gen2embed.files import read_parquet
from gen2embed.own.split import held_out, numbered

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"


def load(name):
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


import_pairs, prepare_items = load("import_pairs"), load("prepare_items")
TABLE = "query,positive,split\nq0,p0,train\nq1,p1,train\nq1,p2,train\nq2,p3,test\nq3,p4,test\n"


def run(folder, text=TABLE, *words, name="table.csv"):
    table = folder / name
    if isinstance(text, str):
        text = text.encode()
    table.write_bytes(text)
    return import_pairs.main([f"--table={table}", f"--out={folder / 'data'}", *words])


def read(folder, part):
    [path] = (folder / "data" / part / "Own").glob("*.parquet")
    return pd.read_parquet(path)


def test_by_hand_and_into_items(tmp_path):
    assert run(tmp_path, TABLE, "--instruction=Find it:") == 0
    assert read(tmp_path, "train").to_numpy().tolist() == [
        ["Find it: q0", "", "p0", ""], ["Find it: q1", "", "p1", ""],
        ["Find it: q1", "", "p2", ""],
    ]  # fmt: skip
    first, second = read(tmp_path, "eval")["tgt_text"].tolist()
    assert (list(first), list(second)) == (["p3", "p4"], ["p4", "p3"])
    words = [f"--data={tmp_path / 'data'}", f"--out={tmp_path / 'x'}", "--train-split=original"]
    assert prepare_items.main(words) == 0
    pairs, metadata = read_parquet(tmp_path / "x/pairs/Own.parquet", ["query_id", "target_id"])
    assert pairs.to_numpy().tolist() == [[0, 0], [1, 1], [1, 2]]
    assert metadata["labelled"] == "false"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("bom.csv", b"\xef\xbb\xbf" + TABLE.encode()),
        ("crlf.csv", TABLE.replace("\n", "\r\n")),
        ("t.tsv", TABLE.replace(",", "\t")),
        ("t.jsonl", "".join(
            json.dumps(row) + "\n" for row in (
                {"query": "q0", "positive": "p0", "split": "train"},
                {"query": "q1", "positive": ["p1", "p2", ""], "split": "train"},
                {"query": "q2", "positive": "p3", "split": "test"},
                {"query": "q3", "positive": "p4", "split": "test"},
            ))),
        ("w.csv", "query,positive_1,positive_2,split\nq0,p0,,train\nq1,p1,p2,train\n"
                  "q2,p3,,test\nq3,p4,,test\n"),
        ("ä ö.csv", TABLE + "q0,p0,train\n"),
    ],
)  # fmt: skip
def test_the_same_pairs_in_every_form(tmp_path, name, text):
    assert run(tmp_path, text, name=name) == 0
    assert read(tmp_path, "train")["pos_text"].tolist() == ["p0", "p1", "p2"]


def test_a_list_inside_an_object_is_the_rows(tmp_path, capsys):
    """As data sets with a head have it, over several lines; of two lists none is guessed."""
    rows = [{"query": f"q{n}", "positive": f"p{n}"} for n in range(30)]
    told = {"_meta": {"title": "x", "tags": ["a"]}, "questions": rows}
    assert run(tmp_path, json.dumps(told, indent=2), name="t.json") == 0
    assert len(read(tmp_path, "train")) == 27
    for wrong, said in (
        (told | {"more": rows}, "holds several lists (questions, more); write one as JSONL"),
        ({"_meta": {}}, "holds no list of rows; write one as JSONL"),
    ):
        assert run(tmp_path, json.dumps(wrong, indent=1), name="t.json") == 2
        assert said in capsys.readouterr().err


def test_parquet_and_json_with_numbers(tmp_path):
    frame = pd.DataFrame({"Frage": [1, 2, 3, 4], "Antwort": ["a", "b", "c", "d"]})
    frame.to_parquet(tmp_path / "t.parquet")
    words = ["--columns", "query=Frage", "positive=Antwort", "--eval-share=0.5"]
    flags = [f"--table={tmp_path / 't.parquet'}", f"--out={tmp_path / 'data'}"]
    assert import_pairs.main([*flags, *words]) == 0
    told = json.loads((tmp_path / "data" / "imported.json").read_text())
    assert (told["train_rows"], told["eval_rows"]) == (2, 2)


def test_images_mixed_with_texts_and_windows_paths(tmp_path):
    folder = tmp_path / "Bilder ü"
    (folder / "a").mkdir(parents=True)
    for name in ("a/1.png", "2.png", "3.png", "4.png"):
        (folder / name).write_bytes(b"x")
    table = (
        "query,query_image,positive,positive_image,split\n"
        f"what,a\\1.png,one,,train\n,{folder}/2.png,,3.png,train\nw2,,two,,test\nw3,,,4.png,test\n"
    )
    assert run(tmp_path, table, f"--images={folder}") == 0
    assert read(tmp_path, "train").to_numpy().tolist() == [
        ["<|image_1|>\nwhat", "images/a/1.png", "one", ""],
        ["<|image_1|>\n", "images/2.png", "<|image_1|>\n", "images/3.png"],
    ]
    assert (tmp_path / "data/train/images/a/1.png").is_file()


def test_a_corpus_and_labels(tmp_path):
    (tmp_path / "corpus.csv").write_text("text\nc0\nc1\nc0\n")
    assert run(tmp_path, TABLE, f"--corpus={tmp_path / 'corpus.csv'}") == 0
    assert sorted(read(tmp_path, "eval")["tgt_text"][0]) == ["c0", "c1", "p3", "p4"]
    labels = "query,positive\n" + "".join(f"q{n},label{n % 2}\n" for n in range(10))
    assert run(tmp_path, labels, "--labelled", "--eval-share=0.3") == 0
    assert len(read(tmp_path, "eval")) == 3
    assert set(read(tmp_path, "eval")["tgt_text"][0]) == {"label0", "label1"}


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=2, max_size=40),
       st.floats(0.05, 0.6), st.booleans(), st.integers(0, 5))  # fmt: skip
def test_nothing_leaks(drawn, share, labelled, seed):
    queries, targets = (numbered(side) for side in zip(*drawn, strict=True))
    try:
        out = held_out(queries, targets, share, labelled, seed)
    except InputError:
        return
    assert out.any() and not out.all()
    assert not set(queries[out]) & set(queries[~out])
    assert labelled or not set(targets[out]) & set(targets[~out])


def test_about_the_share_is_held_out():
    out = held_out(np.arange(1000), np.arange(1000), 0.1, False, 0)
    assert out.sum() == 100
    assert (out != held_out(np.arange(1000), np.arange(1000), 0.1, False, 1)).any()


@pytest.mark.parametrize(
    ("text", "words", "says"),
    [
        ("a,b\n1,2\n", [], "has no column 'query' or 'query_image'"),
        ("query,positive\nq,\n", [], "row 0: has no positive; fill it in, or give --skip-empty"),
        ("query,positive\n,p\n", [], "row 0: has no query"),
        ("query,positive\nq,p\nq,p2\n", [], "2 of 2 pairs hang together"),
        (TABLE + "q9,p0,test\n", [], "row 5: its positive is in training, too (row 0)"),
        (TABLE + "q9,p9,later\n", [], "row 5: split is 'later'; known: train"),
        (TABLE + "q9,p9,\n", [], "row 5: split is empty"),
        ("query,positive\nq,p\n", ["--columns", "query=no"], "column 'no' is missing"),
        ("query,positive\nq,p\n", ["--columns", "ask=query"], "unknown role"),
        ("query,positive\nq,p\n", ["--eval-share=1"], "--eval-share is 1"),
        ("query,positive_image\nq,1.png\n", [], "row 0: has an image; give the folder"),
        ("query,positive_image\nq,no.png\n", ["--images=."], "no.png is not there"),
        ("query,positive_image\nq,../a.png\n", ["--images=."], "leads out of"),
        ("query,positive_image\nq,C:\\a.png\n", ["--images=."], "relative to the folder"),
        ("query,positive_image\nq,https://x/a.png\n", ["--images=."], "fetch images first"),
        ("query,positive\n", [], "holds no rows"),
        (b"query,positive\n\xff,p\n", [], "is not a readable"),
    ],
)
def test_what_cannot_be_used_is_one_line(tmp_path, capsys, text, words, says):
    assert run(tmp_path, text, *words) == 2
    error = capsys.readouterr().err.strip().splitlines()
    assert len(error) == 1 and says in error[0]
    assert not (tmp_path / "data").exists()


def test_empty_rows_are_left_out_where_asked_for(tmp_path):
    assert run(tmp_path, TABLE + "q9,,train\n", "--skip-empty") == 0
    assert json.loads((tmp_path / "data" / "imported.json").read_text())["empty_rows"] == 1


def test_a_corpus_to_mine_from(tmp_path):
    """c0 is new, p0 a positive of training, p3 of the held-out pairs, which mining never sees."""
    (tmp_path / "corpus.csv").write_text("text\nc0\np0\np3\n")
    assert run(tmp_path, TABLE, f"--corpus={tmp_path / 'corpus.csv'}", "--mine-corpus") == 0
    words = [f"--data={tmp_path / 'data'}", f"--out={tmp_path / 'x'}", "--train-split=original"]
    assert prepare_items.main(words) == 0
    items, _ = read_parquet(tmp_path / "x/items/train_target.parquet", ["text"])
    assert items["text"].tolist() == ["p0", "p1", "p2", "c0"]
    further, metadata = read_parquet(tmp_path / "x/further/Own.parquet", ["target_id"])
    assert further["target_id"].tolist() == [0, 3]
    assert metadata["subset"] == "Own" and metadata["target_items"]
    assert run(tmp_path, TABLE, "--mine-corpus") == 2
