"""check_data.py on the small MMEB, whole and broken."""

import importlib.util
import json
import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest

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


def run(data, out, *flags, rows="any"):
    words = ["--data", str(data), "--out", str(out), "--rows", rows, *flags]
    return check_data.main(words)


def findings(out):
    return pd.read_csv(out / "data_findings.csv", keep_default_na=False)


def last_line(capsys):
    return capsys.readouterr().err.strip().splitlines()[-1]


def rewrite(data, name, change):
    """Change the rows of a data set (its first file)."""
    path = sorted((data / name).glob("*.parquet"))[0]
    rows = pd.read_parquet(path)
    change(rows)
    rows.to_parquet(path, index=False)


def test_a_sound_benchmark(fetched, tmp_path):
    assert run(fetched / "data", tmp_path, "--images", "all") == 0
    assert findings(tmp_path).empty
    sets = pd.read_csv(tmp_path / "data_sets.csv")
    assert sets["part"].value_counts().to_dict() == {"train": 20, "eval": 36, "composition": 12}
    assert (sets["images"] == sets["decoded"]).all() and sets["images"].sum() > 300
    assert sets.set_index("name").loc["CIRR", "registered"].tolist() == [26116, 1000]
    assert (tmp_path / "data_findings.md").exists() and (tmp_path / "data_sets.md").exists()


def test_published_row_counts_are_wanted(fetched, tmp_path, capsys):
    assert run(fetched / "data", tmp_path, rows="registered") == 2
    said = last_line(capsys)
    assert said.startswith("check_data: train/ImageNet_1K: 8 rows instead of 100000; 68 errors in")
    assert not (tmp_path / "data_sets.csv").exists()


def test_a_missing_image_stops_its_set_with_its_name(data, tmp_path, capsys):
    gone = sorted((data / "eval/images/GQA").iterdir())[1]
    gone.unlink()
    assert run(data, tmp_path, "--images", "0") == 2
    said = last_line(capsys)
    assert said.startswith(
        f"check_data: eval/GQA: row 1: image images/GQA/{gone.name} is not there"
    )
    assert run(data, tmp_path, "--parts", "train", "composition") == 0
    assert run(data, tmp_path, "--sets", "GQA", "--report-only") == 0
    found = findings(tmp_path)
    assert found[["part", "name", "check", "severity", "count"]].to_numpy().tolist() == [
        ["eval", "GQA", "image_missing", "error", 1]
    ]


@pytest.mark.parametrize("content", [b"no image", b"", None], ids=["text", "empty", "half"])
def test_an_image_that_cannot_be_decoded(data, tmp_path, capsys, content):
    path = data / "train/images/CIRR/Train/CIRR_t_3.png"
    path.write_bytes(path.read_bytes()[:60] if content is None else content)
    assert run(data, tmp_path, "--sets", "CIRR", "--images", "0") == 0  # none is decoded
    assert run(data, tmp_path, "--sets", "CIRR", "--images", "all") == 2
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
    assert run(data, tmp_path) == 0
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
    assert run(data, tmp_path, "--parts", "composition") == 2
    said = last_line(capsys)
    assert "composition/sugarcrepe/swap_obj: row 1: image nothing.jpg is not there" in said


def test_wrong_flags_are_one_line(fetched, tmp_path, capsys):
    for flags, said in [
        (["--images", "some"], "--images some: give a number or all"),
        (["--sets", "CIFAR-100"], "has no data set 'CIFAR-100'"),
        (["--train-split", "original"], "no file original-*.parquet; fetch the data again"),
        (["--workers", "0"], "--workers is 0; give at least 1"),
    ]:
        assert run(fetched / "data", tmp_path, *flags) == 2
        assert said in last_line(capsys)
