"""Both published layouts, by hand, and prepare_compositions.py as a user runs it."""

import importlib.util
import sys
from pathlib import Path

import pandas as pd
import pytest

from gen2embed.artifacts.origin import SIDES, items_metadata
from gen2embed.data.bad_rows import write_dropped
from gen2embed.data.composition_sets import SUBSETS, score_name, scored_sets
from gen2embed.data.compositions import Composition, by_id, read_subset
from gen2embed.errors import InputError
from gen2embed.files import read_parquet, write_json

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "prepare_compositions.py"
spec = importlib.util.spec_from_file_location("prepare_compositions", SCRIPT)
prepare_compositions = importlib.util.module_from_spec(spec)
sys.modules["prepare_compositions"] = prepare_compositions
spec.loader.exec_module(prepare_compositions)
FIND = "Find me an image that matches the given caption: "


def sugarcrepe(*numbers):
    return {
        str(number): {
            "filename": f"{number}.jpg",
            "caption": f"a true thing {number}\n",
            "negative_caption": f"a false thing {number}",
        }
        for number in numbers
    }


def sugarcrepe_pp(*numbers):
    return [
        {"id": number, "caption2": f"truly a thing {number}", **sugarcrepe(number)[str(number)]}
        for number in numbers
    ]


@pytest.fixture
def published(tmp_path):
    """Rows 0, 2 and 10 of every subset, with their images."""
    for subset in SUBSETS["sugarcrepe"]:
        write_json(tmp_path / "sugarcrepe" / f"{subset}.json", sugarcrepe(0, 2, 10))
    for subset in SUBSETS["sugarcrepe_pp"]:
        write_json(tmp_path / "sugarcrepe_pp" / f"{subset}.json", sugarcrepe_pp(0, 2, 10))
    (tmp_path / "images").mkdir()
    for number in (0, 2, 10):
        (tmp_path / "images" / f"{number}.jpg").write_bytes(b"")
    return tmp_path


def test_the_names_of_the_subsets():
    assert {name: len(subsets) for name, subsets in SUBSETS.items()} == {
        **{"sugarcrepe": 7, "sugarcrepe_pp": 5}
    }
    assert set(SUBSETS["sugarcrepe_pp"]) < set(SUBSETS["sugarcrepe"])
    names = [score_name(*one) for one in scored_sets()]
    assert len(set(names)) == 7 + 2 * 5


def test_rows_of_both_layouts_by_number(published):
    one = read_subset(published, "sugarcrepe", "swap_obj")
    assert [row.row_id for row in one] == [0, 2, 10]  # "10" sorts before "2" as a text
    assert one[1] == Composition(2, "2.jpg", ("a true thing 2",), "a false thing 2")
    two = read_subset(published, "sugarcrepe_pp", "swap_obj")
    true = ("a true thing 2", "truly a thing 2")
    assert two[1] == Composition(2, "2.jpg", true, "a false thing 2")


def test_ids_by_hand(published):
    """Two sets share everything but the second true captions, which come last."""
    sets = [read_subset(published, name, "swap_obj") for name in ("sugarcrepe", "sugarcrepe_pp")]
    queries, targets, (one, two) = by_id(sets)
    texts = queries["text"].tolist()
    assert texts[:2] == [f"{FIND}a true thing 0", f"{FIND}a false thing 0"]
    assert texts[6:] == [f"{FIND}truly a thing {number}" for number in (0, 2, 10)]
    assert set(queries["role"]) == {"query"} and set(queries["image_path"]) == {""}
    assert targets["image_path"].tolist() == ["0.jpg", "2.jpg", "10.jpg"]
    assert set(targets["text"]) == {""} and set(targets["role"]) == {"target"}  # bare images
    assert [list(ids) for ids in one["true_ids"]] == [[0], [2], [4]]
    assert [list(ids) for ids in two["true_ids"]] == [[0, 6], [2, 7], [4, 8]]
    for frame in (one, two):
        assert frame["false_id"].tolist() == [1, 3, 5]
        assert frame["image_id"].tolist() == [0, 1, 2]
        assert frame["row_id"].tolist() == [0, 2, 10]


def prepare(root, *more):
    words = [f"--data={root}", f"--image-root={root / 'images'}", f"--out={root / 'out'}"]
    return prepare_compositions.main([*words, *more])


def test_the_program_writes_items_and_rows(published):
    assert prepare(published) == 0
    out = published / "out"
    rows = pd.read_parquet(out / "compositions" / "sugarcrepe_pp" / "replace_rel.parquet")
    assert list(rows) == ["row_id", "image_id", "true_ids", "false_id"]
    _, metadata = read_parquet(out / "compositions/sugarcrepe_pp/replace_rel.parquet", ["row_id"])
    items = items_metadata(*(out / f"items/composition_{side}.parquet" for side in SIDES))
    assert metadata == {"subset": "sugarcrepe_pp/replace_rel", **items}
    written = {
        path.relative_to(out / "compositions").as_posix()
        for path in out.rglob("compositions/*/*.parquet")
    }
    assert written == {f"{name}/{one}.parquet" for name, of in SUBSETS.items() for one in of}
    items = pd.read_parquet(out / "items" / "composition_query.parquet")
    assert items["item_id"].tolist() == list(range(len(items))) == list(range(9))


def test_one_benchmark_alone(published):
    assert prepare(published, "--benchmarks", "sugarcrepe") == 0
    assert not (published / "out" / "compositions" / "sugarcrepe_pp").exists()


def spoiled(root, benchmark, change):
    path = root / benchmark / "replace_att.json"
    write_json(path, change(sugarcrepe(0, 1) if benchmark == "sugarcrepe" else sugarcrepe_pp(0, 1)))


def without(row, name):
    return {key: value for key, value in row.items() if key != name}


@pytest.mark.parametrize(
    ("benchmark", "change", "said"),
    [
        ("sugarcrepe", lambda rows: list(rows.values()), "is not an object of rows by number"),
        ("sugarcrepe_pp", lambda rows: {"0": rows[0]}, "is not a list of rows"),
        ("sugarcrepe_pp", lambda _: [], "is not a list of rows"),
        (
            *("sugarcrepe", lambda rows: {"0": without(rows["0"], "negative_caption")}),
            "row 0: 'negative_caption' is missing or empty",
        ),
        (
            *("sugarcrepe_pp", lambda rows: [rows[0], without(rows[1], "caption2")]),
            "row 1: 'caption2' is missing or empty",
        ),
        ("sugarcrepe", lambda rows: {"0": rows["0"] | {"caption": None}}, "'caption' is missing"),
        ("sugarcrepe", lambda rows: {"0": rows["0"] | {"filename": " "}}, "'filename' is missing"),
        (
            "sugarcrepe",
            lambda rows: {"0": rows["0"] | {"caption": " "}},
            "a caption is empty; mend",
        ),
        ("sugarcrepe", lambda rows: {"x": rows["0"]}, "row x: its number 'x' is no integer"),
        ("sugarcrepe_pp", lambda rows: [without(rows[0], "id")], "its number None is no integer"),
        ("sugarcrepe_pp", lambda rows: [rows[0], rows[0]], "number 0 occurs twice"),
        ("sugarcrepe", lambda _: {"0": "text"}, "row 0: is not an object with filename"),
        ("sugarcrepe", lambda _: sugarcrepe(0, 7), "row 7: no image"),
    ],
)
def test_another_layout_is_one_line(published, capsys, benchmark, change, said):
    spoiled(published, benchmark, change)
    assert prepare(published) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1 and "replace_att.json" in error
    assert not (published / "out" / "items").exists()


def test_bad_rows_are_left_out_by_their_number(published, capsys):
    """Row 2's caption is empty, row 10's image is gone; both are listed under these numbers."""
    (published / "images" / "10.jpg").unlink()
    for benchmark, subsets in SUBSETS.items():
        for subset in subsets:
            rows = sugarcrepe(0, 2, 10) if benchmark == "sugarcrepe" else sugarcrepe_pp(0, 2, 10)
            row = rows["2"] if benchmark == "sugarcrepe" else rows[1]
            row["negative_caption"] = "\n"
            write_json(published / benchmark / f"{subset}.json", rows)
    every = [f"{benchmark}/{one}" for benchmark, of in SUBSETS.items() for one in of]
    bad = [("composition", name, "", row, "empty_item", "x") for name in every for row in (2, 10)]
    write_dropped(published / "bad.csv", bad[:-1])
    assert prepare(published, f"--dropped={published / 'bad.csv'}") == 2
    assert "swap_att.json: row 10: no image" in capsys.readouterr().err
    write_dropped(published / "bad.csv", bad)
    assert prepare(published, f"--dropped={published / 'bad.csv'}") == 0
    path = published / "out/compositions/sugarcrepe_pp/swap_att.parquet"
    frame, metadata = read_parquet(path, ["row_id"])
    assert frame["row_id"].tolist() == [0]
    assert metadata.items() >= {"subset": "sugarcrepe_pp/swap_att", "dropped": "2"}.items()


def test_a_missing_file_and_an_unknown_name(published, capsys):
    (published / "sugarcrepe" / "add_obj.json").unlink()
    assert prepare(published) == 2
    assert "add_obj.json: no such file; put the published" in capsys.readouterr().err
    with pytest.raises(InputError, match="unknown subset sugarcrepe_pp/add_obj; known: sugarcrepe"):
        read_subset(published, "sugarcrepe_pp", "add_obj")
