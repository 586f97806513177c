"""Other miners' output: every layout names the same negatives, and they are scored as by hand."""

import json

import numpy as np
import pandas as pd
import pytest

import freeze_benchmark
import score_miner
from gen2embed.errors import InputError
from gen2embed.files import write_npy, write_parquet
from gen2embed.mining.clusters import write_clusters
from gen2embed.mining.foreign import Names, key_of, negatives_of
from unit.mining.test_false_negatives import table_of

QUERIES = Names(["q0", "q1"], ["q0", "q1"], "query")
TARGETS = Names(["t0", "t1", "<a.png> t", "<b.png> t"], ["t0", "t1", "t", "t"], "target")
WANTED = [(0, 1), (0, 2), (1, 0)]
LAYOUTS = {
    "ids": pd.DataFrame({"query_id": [0, 0, 1], "negative_id": [1, 2, 0]}),
    "triplets": pd.DataFrame(
        {
            "anchor": ["q0", "q0", "q1"],
            "positive": ["t0", "t0", "t1"],
            "negative": ["t1", "<a.png> t", "t0"],
        }
    ),
    "tuples": pd.DataFrame(
        {
            "anchor": ["q0", "q1"],
            "positive": ["t0", "t1"],
            "negative_1": ["t1", "t0"],
            "negative_2": ["<a.png> t", None],
        }
    ),
    "flag": pd.DataFrame(
        {"query": ["q0", "q1"], "pos": [["t0"], ["t1"]], "neg": [["t1", "<a.png> t"], ["t0"]]}
    ),
    "tevatron": pd.DataFrame(
        {
            "query_id": ["x", "y"],
            "query": ["q0", "q1"],
            "negative_passages": [
                [{"docid": "t1", "text": "?"}, {"text": "<a.png> t"}],
                [{"docid": 0}],
            ],
        }
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_says_the_same(layout):
    query, target = negatives_of(LAYOUTS[layout], QUERIES, TARGETS)
    assert list(zip(query.tolist(), target.tolist(), strict=True)) == WANTED


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (pd.DataFrame({"anchor": ["q0"], "negative": ["t"]}), "row 0: 't' is no target"),
        (pd.DataFrame({"anchor": ["zz"], "negative": ["t0"]}), "row 0: 'zz' is no query"),
        (pd.DataFrame({"query_id": [0], "negative_id": [4]}), "row 0: '4' is no target"),
        (pd.DataFrame({"query_id": [-1], "negative_id": [0]}), "row 0: '-1' is no query"),
        (pd.DataFrame({"a": [1]}), "columns a: give anchor"),
        (pd.DataFrame({"anchor": ["q0"], "negative": [None]}), "holds no negative"),
    ],
)
def test_what_cannot_be_read_is_named(frame, said):
    with pytest.raises(InputError, match=said):
        negatives_of(frame, QUERIES, TARGETS)


def test_keys():
    assert (key_of("a", ""), key_of("a", "x.png")) == ("a", "<x.png> a")


@pytest.fixture
def frozen(tmp_path):
    """Pairs (5, 3), (6, 4), (7, 2) of items 0..7; query 5 knows target 4, too; 2 is minimal for it.

    Vectors in the plane; hns mined for anchor 0 (query 5) the pairs 1 and 2."""
    pairs = pd.DataFrame({"pair_id": range(3), "query_id": [5, 6, 7], "target_id": [3, 4, 2]})
    write_parquet(tmp_path / "p.parquet", pairs, {"subset": "toy"})
    for name, known in (("e", (5, 4)), ("m", (5, 2))):
        frame = pd.DataFrame({"query_id": [known[0]], "target_id": [known[1]]})
        write_parquet(tmp_path / f"{name}.parquet", frame, {"subset": "toy"})
    words = []
    angles = {"query": np.arange(8) / 10, "target": np.arange(8) / 20}
    for side, angle in angles.items():
        items = pd.DataFrame({"item_id": range(8), "text": [f"{side} {n}" for n in range(8)]})
        write_parquet(tmp_path / f"{side}.parquet", items.assign(image_path=""))
        vectors = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
        write_npy(tmp_path / f"{side}.npy", vectors)
        words += [f"--{side}-items", str(tmp_path / f"{side}.parquet")]
        words += [f"--{side}-embeddings", str(tmp_path / f"{side}.npy")]
    write_clusters(tmp_path / "hns.parquet", table_of([[0, 1, 2]]), {"strategy": "hns"})
    words += ["--pairs", str(tmp_path / "p.parquet"), "--clusters", str(tmp_path / "hns.parquet")]
    words += ["--equivalences", str(tmp_path / "e.parquet")]
    words += ["--minimal-pairs", str(tmp_path / "m.parquet"), "--out", str(tmp_path / "b")]
    assert freeze_benchmark.main(words) == 0
    return tmp_path


def score(folder, name):
    return score_miner.main(
        [
            *("--benchmark", str(folder / "b"), "--triplets", str(folder / name)),
            *("--out", str(folder / "s.json")),
        ]
    )


def test_a_frozen_benchmark_scores_by_hand(frozen):
    """hns: targets 4 (false) and 2 (minimal) of query 5: half each. The miner: query 5 with target
    4 (false) and its own 3 (false), query 6 with target 3 (right to be a negative): two of three.
    Hardness: cosines of the angles' differences .5 - .2, .5 - .15, .6 - .15."""
    lines = [
        {"query": "query 5", "pos": ["target 3"], "neg": ["target 4", "target 3"]},
        {"query": "query 6", "pos": ["target 4"], "neg": ["target 3"]},
    ]
    (frozen / "other.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert score(frozen, "other.jsonl") == 0
    rows = {row["miner"]: row for row in json.loads((frozen / "s.json").read_text())["miners"]}
    assert (rows["hns"]["overall"], rows["hns"]["minimal_pairs"]) == (0.5, 0.5)
    assert rows["other"]["overall"] == pytest.approx(2 / 3)
    hardness = np.cos([0.3, 0.35, 0.45]).mean()
    assert rows["other"]["hardness_mean"] == pytest.approx(hardness, abs=1e-6)
    assert "| other   | 3           |" in (frozen / "s.md").read_text()
    assert pd.read_csv(frozen / "s.csv")["miner"].tolist() == ["hns", "other"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("x.csv", "query_id,negative_id\n0,9\n", "x.csv: row 0: '9' is no target of"),
        ("x.txt", "", "x.txt: a miner's negatives are .parquet, .jsonl or .csv"),
        ("hns.csv", "query_id,negative_id\n0,1\n", "hns.csv: 'hns' is a miner already"),
        ("x.parquet", "no", "x.parquet: "),
    ],
)
def test_bad_files_are_one_line(frozen, capsys, name, text, said):
    (frozen / name).write_text(text)
    assert score(frozen, name) == 2
    assert said in capsys.readouterr().err.strip().splitlines()[-1]
