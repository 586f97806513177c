"""check_data.py on the small MMEB, whole and broken."""

import importlib.util
import json
import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from gen2embed.prompts import images as images
from mmeb_layout import EMPTY, MISSING, MISSING_IMAGES

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"


def load(name):
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


check_data = load("check_data")


@pytest.fixture(scope="module")
def fetched(published, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fetched")
    flags = ["--out", str(folder / "data"), "--store", str(folder / "store")]
    assert load("fetch_data").main([*flags, "--source", str(published)]) == 0
    return folder


@pytest.fixture
def data(fetched, tmp_path):
    """A copy to break: rows are copied, images and their links are made anew."""
    shutil.copytree(fetched / "store", tmp_path / "store")
    shutil.copytree(fetched / "data", tmp_path / "data", symlinks=True)
    return tmp_path / "data"


def run(data, out, *flags, rows="any", drop=1):
    """drop: the small MMEB has up to one bad row in a data set."""
    words = ["--data", str(data), "--out", str(out), "--rows", rows, *flags]
    return check_data.main([*words, "--drop-bad-rows", str(drop)])


def findings(out, *severities):
    """The table of findings; some severities of it."""
    found = pd.read_csv(out / "data_findings.csv", keep_default_na=False)
    return found[found["severity"].isin(severities)] if severities else found


def listed(out):
    frame = pd.read_csv(out / "dropped_rows.csv", keep_default_na=False)
    return frame[["part", "name", "row", "check"]].to_numpy().tolist()


THERE = [  # what the small MMEB holds
    ["train", *MISSING["train"], "image_missing"],
    ["train", *EMPTY, "empty_item"],
    ["eval", *MISSING["eval"], "image_missing"],
]


def last_line(capsys):
    return capsys.readouterr().err.strip().splitlines()[-1]


def rewrite(data, name, change):
    """Change the rows of a data set (its first file)."""
    path = sorted((data / name).glob("*.parquet"))[0]
    rows = pd.read_parquet(path)
    change(rows)
    rows.to_parquet(path, index=False)


def test_a_benchmark_as_real_as_the_hubs(fetched, tmp_path):
    """Marks without an image are notes; three bad rows are left out and said to be."""
    assert run(fetched / "data", tmp_path, "--images", "all") == 0
    found = findings(tmp_path)
    noted = found[found["severity"] == "note"]
    assert noted[["part", "name", "check", "count"]].to_numpy().tolist() == [
        ["train", "WebQA", "mark_without_image", 8],
        ["eval", "WebQA", "mark_without_image", 4],
        ["eval", "EDIS", "mark_without_image", 4],
    ]
    warned = found[found["severity"] == "warning"]
    assert warned[["part", "name", "row", "check"]].to_numpy().tolist() == THERE
    assert warned["said"].str.endswith("; dropped").all() and len(found) == 6
    assert listed(tmp_path) == THERE
    dropped = pd.read_csv(tmp_path / "dropped_rows.csv", keep_default_na=False)
    assert dropped["split"].tolist() == ["diverse_instruction"] * 2 + ["test"]
    assert dropped["said"].iloc[1] == "target without text and image"
    assert (
        dropped["said"].iloc[0] == f"image {MISSING_IMAGES[0].removeprefix('train/')} is not there"
    )
    sets = pd.read_csv(tmp_path / "data_sets.csv")
    assert sets["part"].value_counts().to_dict() == {"train": 20, "eval": 36, "composition": 12}
    assert (sets["images"] - sets["decoded"]).sum() == 2 and sets["images"].sum() > 300
    assert sets[["errors", "warnings", "notes", "dropped"]].sum().tolist() == [0, 3, 3, 3]
    assert "decoded. 3 rows dropped." in (tmp_path / "data_sets.md").read_text()
    assert sets.set_index("name").loc["CIRR", "registered"].tolist() == [26116, 1000]
    assert (tmp_path / "data_findings.md").exists() and (tmp_path / "data_sets.md").exists()


def test_published_row_counts_are_wanted(fetched, tmp_path, capsys):
    assert run(fetched / "data", tmp_path, rows="registered") == 2
    assert not (tmp_path / "dropped_rows.csv").exists()
    said = last_line(capsys)
    assert said.startswith("check_data: train/ImageNet_1K: 8 rows instead of 100000; 68 errors in")
    assert not (tmp_path / "data_sets.csv").exists()


def test_a_missing_image_stops_its_set_with_its_name(data, tmp_path, capsys):
    gone = sorted((data / "eval/images/GQA").iterdir())[1]
    gone.unlink()
    assert run(data, tmp_path, "--sets", "GQA", drop=0) == 2
    said = last_line(capsys)
    assert said == (
        f"check_data: eval/GQA: row 1: image images/GQA/{gone.name} is not there; it has 1 bad "
        "row, data.drop_bad_rows (--drop-bad-rows) lets 0 be dropped; 1 errors in 1 data sets "
        "stand in the log: fetch them again, or see all of them with --report-only"
    )
    assert run(data, tmp_path, "--parts", "train", "composition") == 0
    assert run(data, tmp_path, "--sets", "GQA", "--report-only", drop=0) == 0
    assert listed(tmp_path) == []
    found = findings(tmp_path)
    assert found[["part", "name", "check", "severity", "count"]].to_numpy().tolist() == [
        ["eval", "GQA", "image_missing", "error", 1]
    ]


@pytest.mark.parametrize("content", [b"no image", b"", None], ids=["text", "empty", "half"])
def test_an_image_that_cannot_be_decoded(data, tmp_path, capsys, content):
    path = data / "train/images/CIRR/Train/CIRR_t_3.png"
    path.write_bytes(path.read_bytes()[:60] if content is None else content)
    assert run(data, tmp_path, "--sets", "CIRR", "--images", "0") == 0  # none is decoded
    assert run(data, tmp_path, "--sets", "CIRR", "--images", "all", drop=0) == 2
    said = last_line(capsys)
    assert "train/CIRR: row 3: image images/CIRR/Train/CIRR_t_3.png cannot be decoded" in said


def test_warnings_become_the_table(data, tmp_path, capsys):
    def same(rows):
        for column in ("tgt_text", "tgt_img_path"):
            rows[column] = [rows[column][0]] * len(rows)

    def repeated(rows):
        rows["tgt_text"] = [[*one, one[0]] for one in rows["tgt_text"]]
        rows["tgt_img_path"] = [[*one, one[0]] for one in rows["tgt_img_path"]]

    def twice(rows):
        rows.loc[2] = rows.loc[0]

    rewrite(data, "eval/VOC2007", same)
    rewrite(data, "eval/OK-VQA", repeated)
    rewrite(data, "train/NIGHTS", twice)
    assert run(data, tmp_path, "--sets", "VOC2007", "OK-VQA", "NIGHTS") == 0
    assert "warning: train/NIGHTS: row 2: pairs that stand there before" in capsys.readouterr().err
    found = findings(tmp_path)
    assert found[["name", "check", "count", "row"]].to_numpy().tolist() == [
        ["NIGHTS", "duplicate_pair", 1, 2],
        ["VOC2007", "same_positive", 4, 0],
        ["OK-VQA", "positive_repeated", 4, 0],
    ]
    assert set(found["severity"]) == {"warning"}


def test_data_of_your_own_are_checked_too(data, tmp_path):
    """A data set that the register has not: no row count to compare with."""
    (data / "eval/GQA").rename(data / "eval/Mine")
    register = data / "datasets.csv"
    register.write_text(register.read_text().replace("eval,GQA,", "eval,Mine,"))
    assert run(data, tmp_path, "--sets", "Mine", rows="registered") == 0
    sets = pd.read_csv(tmp_path / "data_sets.csv")
    assert sets["rows"].tolist() == [4] and sets["registered"].isna().all()


def test_a_compositional_row_is_checked(data, tmp_path, capsys):
    path = data / "composition/sugarcrepe/swap_obj.json"
    rows = json.loads(path.read_text())
    rows["1"]["filename"] = "nothing.jpg"
    path.write_text(json.dumps(rows))
    assert run(data, tmp_path, "--parts", "composition", drop=0) == 2
    said = last_line(capsys)
    assert "composition/sugarcrepe/swap_obj: row 1: image nothing.jpg is not there" in said
    assert run(data, tmp_path, "--parts", "composition") == 0
    assert listed(tmp_path) == [["composition", "sugarcrepe/swap_obj", 1, "image_missing"]]
    rows["7"] = rows.pop("2") | {"caption": " "}  # rows are known by their published number
    path.write_text(json.dumps(rows))
    assert run(data, tmp_path, "--parts", "composition") == 2
    said = last_line(capsys)
    assert "swap_obj: row 7: a caption is empty; it has 2 bad rows" in said
    assert run(data, tmp_path, "--parts", "composition", drop=2) == 0
    assert listed(tmp_path) == [
        ["composition", "sugarcrepe/swap_obj", 1, "image_missing"],
        ["composition", "sugarcrepe/swap_obj", 7, "empty_item"],
    ]


def test_wrong_flags_are_one_line(fetched, tmp_path, capsys):
    for flags, said in [
        (["--images", "some"], "--images some: give a number or all"),
        (["--sets", "CIFAR-100"], "has no data set 'CIFAR-100'"),
        (["--train-split", "original"], "no file original-*.parquet; fetch the data again"),
        (["--workers", "0"], "--workers is 0; give at least 1"),
        (["--drop-bad-rows", "-1"], "--drop-bad-rows is -1; give 0 or more"),
    ]:
        assert (
            check_data.main(["--data", str(fetched / "data"), "--out", str(tmp_path), *flags]) == 2
        )
        assert said in last_line(capsys)


def test_an_image_of_several_rows_is_bad_in_all_of_them(data, tmp_path, capsys):
    """A candidate of all four rows is gone: four bad rows, the set's only ones, are an error."""
    rows = pd.read_parquet(next((data / "eval/Wiki-SS-NQ").glob("*.parquet")))
    (data / "eval" / rows["tgt_img_path"][0][0]).unlink()
    assert run(data, tmp_path, "--sets", "Wiki-SS-NQ", drop=3) == 2
    assert "row 0: image " in (said := last_line(capsys)) and "it has 4 bad rows" in said
    assert run(data, tmp_path, "--sets", "Wiki-SS-NQ", drop=4) == 2  # nothing would be left
    assert "is not there; all its 4 rows are bad; 1 errors in" in last_line(capsys)


def test_large_images_are_noted_and_too_large_ones_bad(data, tmp_path, monkeypatch):
    """Above Pillow's limit, and above twice that; the limits are made small."""
    monkeypatch.setattr(images, "MOST_PIXELS", 1000)
    monkeypatch.setattr("gen2embed.data.image_checks.USUAL_PIXELS", 500)
    folder = data / "train/images/CIRR/Train"
    for row, size in ((1, (30, 30)), (2, (40, 40))):
        Image.new("L", size).save(folder / f"CIRR_q_{row}.png")
    assert run(data, tmp_path, "--sets", "CIRR", "--images", "all") == 0
    found = findings(tmp_path)
    kinds = found[["check", "severity", "count", "row"]].to_numpy().tolist()
    assert kinds == [["image_too_large", "warning", 1, 2], ["large_image", "note", 1, 1]]
    assert listed(tmp_path) == [["train", "CIRR", 2, "image_too_large"]]
