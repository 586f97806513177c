"""Exports by hand: three shapes of the same two clusters."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gen2embed.files import write_parquet
from gen2embed.mining.clusters import ClusterTable, write_clusters

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "export_negatives.py"
spec = importlib.util.spec_from_file_location("export_negatives", SCRIPT)
export_negatives = importlib.util.module_from_spec(spec)
sys.modules["export_negatives"] = export_negatives
spec.loader.exec_module(export_negatives)


def items(prefix, image):
    return pd.DataFrame(
        {
            "item_id": range(4),
            "text": [f"{prefix}{i}" for i in range(4)],
            "image_path": ["", "", "", image],
        }
    )


@pytest.fixture
def folder(tmp_path):
    """Pairs (q0, t1), (q1, t0), (q2, t2), (q3, t3); clusters {0: 2, 1}, {3: 0}."""
    pairs = pd.DataFrame({"pair_id": range(4), "query_id": range(4), "target_id": [1, 0, 2, 3]})
    write_parquet(tmp_path / "pairs.parquet", pairs, {"subset": "Toy"})
    write_parquet(tmp_path / "q.parquet", items("q", ""))
    write_parquet(tmp_path / "t.parquet", items("t", ""))
    write_parquet(tmp_path / "photos.parquet", items("t", "3.png"))
    table = ClusterTable(
        anchor_pair=np.array([0, 3]),
        phase=np.array([1, 2], dtype=np.int8),
        starts=np.array([0, 2, 3]),
        negative_pairs=np.array([2, 1, 0]),
        hardness=np.array([0.5, 0.25, 0.75]),
        overlap=np.array([0.1, 0.2, 0.3]),
    )
    write_clusters(tmp_path / "c.parquet", table, {"strategy": "saha"})
    return tmp_path


def run(folder, kind, out, **change):
    flags = {
        "pairs": "pairs.parquet", "clusters": "c.parquet", "query-items": "q.parquet",
        "target-items": "t.parquet", "out": out,
    }  # fmt: skip
    words = [f"--{key}={folder / value}" for key, value in (flags | change).items()]
    return export_negatives.main([*words, f"--format={kind}"])


def test_mmeb_rows(folder):
    assert run(folder, "mmeb", "m.parquet", **{"target-items": "photos.parquet"}) == 0
    rows = pd.read_parquet(folder / "m.parquet")
    assert rows.to_numpy().tolist() == [
        ["q0", "", "t1", "", "t2", ""],
        ["q0", "", "t1", "", "t0", ""],
        ["q3", "", "t3", "3.png", "t1", ""],
    ]
    assert list(rows) == [
        *("qry", "qry_image_path", "pos_text", "pos_image_path", "neg_text", "neg_image_path")
    ]


def test_tuples_leave_out_short_clusters(folder):
    assert run(folder, "sentence-transformers", "s.parquet") == 0
    one = pd.read_parquet(folder / "s.parquet")
    assert one.to_dict("list") == {
        "anchor": ["q0", "q3"], "positive": ["t1", "t3"], "negative_1": ["t2", "t1"],
    }  # fmt: skip
    words = ["--negatives", "2"]
    flags = {"pairs": "pairs.parquet", "clusters": "c.parquet", "query-items": "q.parquet"}
    flags |= {"target-items": "photos.parquet", "out": "s2.parquet"}
    words += [f"--{key}={folder / value}" for key, value in flags.items()]
    assert export_negatives.main([*words, "--format=sentence-transformers"]) == 0
    two = pd.read_parquet(folder / "s2.parquet")
    assert two.to_numpy().tolist() == [["q0", "t1", "t2", "t0"]]  # no image among these items


def test_images_get_columns_of_their_own(folder):
    run(folder, "sentence-transformers", "s.parquet", **{"target-items": "photos.parquet"})
    frame = pd.read_parquet(folder / "s.parquet")
    assert list(frame) == [
        *("anchor", "anchor_image", "positive", "positive_image"),
        *("negative_1", "negative_1_image"),
    ]
    assert frame["positive_image"].tolist() == ["", "3.png"]


def test_records(folder):
    assert run(folder, "jsonl", "c.jsonl") == 0
    first, second = map(json.loads, (folder / "c.jsonl").read_text().splitlines())
    assert first["anchor"]["query"] == {"text": "q0", "image_path": ""}
    assert [one["pair_id"] for one in first["negatives"]] == [2, 1]
    assert [one["hardness"] for one in first["negatives"]] == [0.5, 0.25]
    assert second["phase"] == 2 and second["negatives"][0]["target"]["text"] == "t1"


@pytest.mark.parametrize(
    ("kind", "out", "change", "says"),
    [
        ("mmeb", "m.jsonl", {}, "the name of a mmeb file ends in .parquet"),
        ("mmeb", "m.parquet", {"clusters": "none.parquet"}, "none.parquet"),
        ("mmeb", "m.parquet", {"query-items": "few.parquet"}, "few.parquet, which holds 1"),
    ],
)
def test_bad_input_is_one_line_and_no_output(folder, capsys, kind, out, change, says):
    write_parquet(folder / "few.parquet", items("q", "").head(1))
    assert run(folder, kind, out, **change) == 2
    assert says in capsys.readouterr().err
    assert not (folder / out).exists()
