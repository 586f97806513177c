"""The layouts of other packages by hand, through the program, and read by the doctor."""

import json

import pandas as pd
import pytest

from gen2embed.triplets.items import Item
from gen2embed.triplets.records import read_records, read_triplets
from unit.mining.test_export import folder, run  # noqa: F401


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_flagembedding(folder):  # noqa: F811
    assert run(folder, "flagembedding", "f.jsonl") == 0
    assert lines(folder / "f.jsonl") == [
        {"query": "q0", "pos": ["t1"], "neg": ["t2", "t0"]},
        {"query": "q3", "pos": ["t3"], "neg": ["t1"]},
    ]


def test_tevatron(folder):  # noqa: F811
    assert run(folder, "tevatron", "t.jsonl") == 0
    assert lines(folder / "t.jsonl")[1] == {
        "query_id": "3",
        "query": "q3",
        "positive_passages": [{"docid": "3", "text": "t3"}],
        "negative_passages": [{"docid": "1", "text": "t1"}],
    }


def test_ms_swift_has_as_many_marks_as_images(folder):  # noqa: F811
    assert run(folder, "ms-swift", "s.jsonl", **{"target-items": "photos.parquet"}) == 0
    first, second = lines(folder / "s.jsonl")
    user = [{"role": "user", "content": "q3"}]
    assert (second["messages"], second["images"]) == (user, [])
    assert second["positive_messages"] == [[{"role": "user", "content": "<image>t3"}]]
    assert second["positive_images"] == [["3.png"]]
    assert first["negative_images"] == [[], []]


def test_cells(folder):  # noqa: F811
    with_images = {"target-items": "photos.parquet"}
    assert run(folder, "sentence-transformers-cells", "cells.parquet") == 0
    frame = pd.read_parquet(folder / "cells.parquet")
    assert frame["positive"].tolist() == ["t1", "t3"]
    photos = pd.read_parquet(folder / "photos.parquet")
    photos["image_path"] = [f"{number}.png" for number in range(4)]
    photos["text"] = [f"<|image_1|>\n{said}" if said != "" else "" for said in photos["text"]]
    photos.to_parquet(folder / "photos.parquet")
    assert run(folder, "sentence-transformers-cells", "i.parquet", **with_images) == 0
    frame = pd.read_parquet(folder / "i.parquet")
    assert frame["anchor"].tolist() == ["q0", "q3"]
    assert frame["negative_1"].tolist() == [
        {"image": "2.png", "text": "t2"}, {"image": "1.png", "text": "t1"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "out", "says"),
    [
        ("flagembedding", "x.jsonl", "FlagEmbedding are texts, and 3.png is an image"),
        ("tevatron", "x.jsonl", "3.png is an image"),
        ("sentence-transformers-cells", "x.parquet", "column positive: some items have an image"),
        ("ms-swift", "x.parquet", "the name of a ms-swift file ends in .jsonl"),
    ],
)
def test_what_a_layout_cannot_hold_is_one_line(folder, capsys, kind, out, says):  # noqa: F811
    assert run(folder, kind, out, **{"target-items": "photos.parquet"}) == 2
    assert says in capsys.readouterr().err
    assert not (folder / out).exists()


@pytest.mark.parametrize("kind", ["flagembedding", "ms-swift", "tevatron", "jsonl"])
def test_the_doctor_reads_what_is_exported(folder, kind):  # noqa: F811
    path = folder / "out.jsonl"
    assert run(folder, kind, "out.jsonl") == 0
    layout, rows = read_triplets(path, read_records(path), None, {})
    assert layout.name == kind
    assert [(row.query, row.positives, row.negatives) for row in rows] == [
        (Item("q0"), (Item("t1"),), (Item("t2"), Item("t0"))),
        (Item("q3"), (Item("t3"),), (Item("t1"),)),
    ]
