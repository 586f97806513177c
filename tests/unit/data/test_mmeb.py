"""Rows to items and ids, by hand; prepare_items.py as a user runs it."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gen2embed.artifacts.origin import SIDES, items_metadata
from gen2embed.data.bad_rows import write_dropped
from gen2embed.data.mmeb import equivalences_by_id, flatten, number, stack
from gen2embed.errors import InputError
from gen2embed.files import read_parquet, write_csv, write_parquet

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "prepare_items.py"
spec = importlib.util.spec_from_file_location("prepare_items", SCRIPT)
prepare_items = importlib.util.module_from_spec(spec)
sys.modules["prepare_items"] = prepare_items
spec.loader.exec_module(prepare_items)


def test_ids_are_given_by_first_appearance_over_all_sets():
    first = stack(["b", "a", "b"], ["", "", ""], "target")
    second = stack(["a", "b", "c"], ["", "x.png", ""], "target")
    items, ids = number([first, second])
    assert items["text"].tolist() == ["b", "a", "b", "c"]
    assert items["image_path"].tolist() == ["", "", "x.png", ""]
    assert [one.tolist() for one in ids] == [[0, 1, 0], [1, 2, 3]]


def test_the_role_tells_items_apart():
    items, ids = number([stack(["a"], [""], "target"), stack(["a"], [""], "query")])
    assert len(items) == 2 and [one.tolist() for one in ids] == [[0], [1]]


def test_missing_paths_are_empty_strings():
    items, _ = number([stack(["a"], [None], "query")])
    assert items["image_path"].tolist() == [""]


def test_lists_are_flattened():
    flat, sizes = flatten(pd.Series([np.array(["a", "b"]), np.array(["c"])]))
    assert flat.tolist() == ["a", "b", "c"] and sizes.tolist() == [2, 1]


def test_equivalences_by_content_become_ids():
    targets, _ = number([stack(["a", "b", "c"], ["", "", ""], "target")])
    known = pd.DataFrame({"row": [1, 1, 0], "text": ["c", "a", "b"], "image_path": ["", "", ""]})
    found = equivalences_by_id(known, np.array([7, 9]), targets, "target", "file")
    assert found.to_numpy().tolist() == [[9, 2], [9, 0], [7, 1]]
    with pytest.raises(InputError, match="row 5 of 2"):
        equivalences_by_id(known.assign(row=5), np.array([7, 9]), targets, "target", "file")
    with pytest.raises(InputError, match="entry 0 names a target"):
        equivalences_by_id(known.assign(text="z"), np.array([7, 9]), targets, "target", "file")


@pytest.fixture
def data(tmp_path):
    columns = ["part", "name", "meta_task", "split", "labelled", "target_role", "rows"]
    register = [
        ("train", "T", "classification", "ind", "true", "target", 3),
        ("eval", "E", "vqa", "ood", "false", "query", 1),
    ]
    write_csv(tmp_path / "data/datasets.csv", pd.DataFrame(register, columns=columns))
    for shard, rows in (("00000", [("q", "1.png", "x", ""), ("r", "", "y", "")]),
                        ("00001", [("q", "1.png", "y", "")])):  # fmt: skip
        frame = pd.DataFrame(rows, columns=["qry", "qry_image_path", "pos_text", "pos_image_path"])
        write_parquet(
            tmp_path / f"data/train/T/diverse_instruction-{shard}-of-00002.parquet", frame
        )
    write_eval(tmp_path, ["x", "y"], ["", ""])
    return tmp_path


def write_eval(folder, texts, images):
    frame = pd.DataFrame(
        {"qry_text": ["q"], "qry_img_path": [""], "tgt_text": [texts], "tgt_img_path": [images]}
    )
    write_parquet(folder / "data/eval/E/test-00000-of-00001.parquet", frame)


def run(folder, *flags):
    words = ["--data", str(folder / "data"), "--out", str(folder / "out")]
    return prepare_items.main([*words, *flags])


def items_of(data, part):
    """What a file of ids tells of the items that they name."""
    return items_metadata(*(data / f"out/items/{part}_{side}.parquet" for side in SIDES))


def test_shards_are_one_subset_in_order(data):
    assert run(data) == 0
    pairs, metadata = read_parquet(data / "out/pairs/T.parquet", ["query_id", "target_id"])
    taken = {"split": "diverse_instruction", "row_cap": "", **items_of(data, "train")}
    assert metadata == {"subset": "T", "labelled": "true", **taken}
    assert pairs.to_numpy().tolist() == [[0, 0], [1, 1], [0, 1]]
    rows, _ = read_parquet(data / "out/rows/E.parquet", ["query_id", "candidate_ids"])
    assert rows["candidate_ids"][0].tolist() == [0, 1]
    roles = pd.read_parquet(data / "out/items/eval_target.parquet")["role"]
    assert roles.tolist() == ["query", "query"]


def test_what_is_told_of_rows_and_minimal_pairs_goes_along(data):
    known = {"row": [0, 2], "text": ["y", "x"], "image_path": ["", ""]}
    write_parquet(data / "data/train/T/minimal_pairs.parquet", pd.DataFrame(known))
    path = data / "data/eval/E/test-00000-of-00001.parquet"
    write_parquet(path, pd.read_parquet(path).assign(concept="tram", alike=2, other=1))
    assert run(data) == 0
    found = pd.read_parquet(data / "out/minimal_pairs/train/T.parquet")
    assert found.to_numpy().tolist() == [[0, 1], [0, 0]]
    rows = pd.read_parquet(data / "out/rows/E.parquet")
    assert list(rows) == ["row_id", "query_id", "candidate_ids", "concept", "alike"]
    assert rows[["concept", "alike"]].iloc[0].tolist() == ["tram", 2]


def test_rows_are_capped_and_splits_chosen(data, capsys):
    """The first two rows; the equivalences of rows and targets that are gone are left out."""
    known = {"row": [0, 0, 2], "text": ["y", "y", "x"], "image_path": ["", "", ""]}
    write_parquet(data / "data/train/T/equivalences.parquet", pd.DataFrame(known))
    assert run(data, "--train-row-cap", "1") == 0
    pairs, metadata = read_parquet(data / "out/pairs/T.parquet", ["query_id", "target_id"])
    assert pairs.to_numpy().tolist() == [[0, 0]] and metadata["row_cap"] == "1"
    found = pd.read_parquet(data / "out/equivalences/train/T.parquet")
    assert found.empty  # "y" is no item any more
    assert run(data, "--train-split", "original") == 2
    assert "no file original-*.parquet" in capsys.readouterr().err
    assert run(data, "--eval-row-cap", "0") == 2
    assert "give at least 1" in capsys.readouterr().err


def list_bad(data, *rows):
    """rows: (part, name, split, row)."""
    write_dropped(data / "bad.csv", [(*one, "image_missing", "x") for one in rows])
    return ["--dropped", str(data / "bad.csv")]


def test_bad_rows_are_left_out_and_counted(data):
    """Row 0 of three; what is known of rows 0 and 2: that of row 2, which is now the second."""
    known = {"row": [0, 2], "text": ["y", "y"], "image_path": ["", ""]}
    write_parquet(data / "data/train/T/equivalences.parquet", pd.DataFrame(known))
    bad = list_bad(data, ("train", "T", "diverse_instruction", 0))
    assert run(data, *bad) == 0
    pairs, metadata = read_parquet(
        data / "out/pairs/T.parquet", ["pair_id", "query_id", "target_id"]
    )
    assert pairs.to_numpy().tolist() == [[0, 0, 0], [1, 1, 0]]
    taken = {"split": "diverse_instruction", "row_cap": "", "dropped": "1"}
    taken |= items_of(data, "train")
    assert metadata == {"subset": "T", "labelled": "true", **taken}
    found = pd.read_parquet(data / "out/equivalences/train/T.parquet")
    assert found.to_numpy().tolist() == [[1, 0]]
    texts = pd.read_parquet(data / "out/items/train_target.parquet")["text"]
    assert texts.tolist() == ["y"]  # "x" stood in the bad row alone
    _, metadata = read_parquet(data / "out/rows/E.parquet", ["row_id"])
    assert "dropped" not in metadata


def test_a_cap_counts_rows_as_published_then_drops(data, capsys):
    """Of the first two rows one is bad: one is left; a bad row behind the cap is not counted."""
    bad = list_bad(data, *(("train", "T", "diverse_instruction", row) for row in (1, 2)))
    assert run(data, *bad, "--train-row-cap", "2") == 0
    pairs, metadata = read_parquet(data / "out/pairs/T.parquet", ["query_id", "target_id"])
    assert pairs.to_numpy().tolist() == [[0, 0]]
    assert (metadata["row_cap"], metadata["dropped"]) == ("2", "1")
    bad = list_bad(data, ("train", "T", "diverse_instruction", 0))
    assert run(data, *bad, "--train-row-cap", "1") == 2
    assert "all 1 rows that are taken are bad; take more rows" in capsys.readouterr().err


def test_evaluation_rows_keep_their_numbers(data):
    frame = pd.DataFrame({"qry_text": list("abc"), "qry_img_path": [""] * 3})
    frame["tgt_text"], frame["tgt_img_path"] = [["x", "y"]] * 3, [["", ""]] * 3
    write_parquet(data / "data/eval/E/test-00000-of-00001.parquet", frame)
    assert run(data, *list_bad(data, ("eval", "E", "test", 1))) == 0
    rows, metadata = read_parquet(data / "out/rows/E.parquet", ["row_id", "query_id"])
    assert rows.to_numpy().tolist() == [[0, 0], [2, 1]] and rows["row_id"].dtype == np.int64
    taken = {"split": "test", "row_cap": "", "dropped": "1"}
    assert metadata == {"subset": "E", **taken, **items_of(data, "eval")}


def test_a_list_of_another_split_or_of_other_data_is_one_line(data, capsys):
    assert run(data, *list_bad(data, ("train", "T", "original", 0))) == 2
    assert "bad rows are listed of split 'original'" in capsys.readouterr().err
    assert run(data, *list_bad(data, ("eval", "E", "test", 1))) == 2
    assert "data/eval/E: has no row 1, which is listed as bad" in capsys.readouterr().err


def test_an_empty_list_changes_nothing(data):
    assert run(data) == 0
    before = (data / "out/pairs/T.parquet").read_bytes(), (data / "out/rows/E.parquet").read_bytes()
    assert run(data, *list_bad(data)) == 0
    after = (data / "out/pairs/T.parquet").read_bytes(), (data / "out/rows/E.parquet").read_bytes()
    assert before == after


def test_bad_rows_are_one_line(data, capsys):
    write_eval(data, ["x", "y"], [""])
    assert run(data) == 2
    assert "row 0: tgt_text and tgt_img_path must be lists of one length" in capsys.readouterr().err
    (data / "data/eval/E/test-00000-of-00001.parquet").unlink()
    assert run(data) == 2
    assert "no file test-*.parquet" in capsys.readouterr().err
