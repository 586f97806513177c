"""score_compositions.py as a user runs it."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gen2embed.files import write_json, write_npy, write_parquet

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "score_compositions.py"
spec = importlib.util.spec_from_file_location("score_compositions", SCRIPT)
score_compositions = importlib.util.module_from_spec(spec)
sys.modules["score_compositions"] = score_compositions
spec.loader.exec_module(score_compositions)
KEYS = {
    *("subset", "metric", "task", "value", "value_index0", "n", "ties", "skipped_rows"),
    *("chance", "above_chance", "p_value", "ci_low", "ci_high", "manifest"),
}
ROWS = 8


def write_rows(path, true, false=None, images=None, metadata=None):
    n = len(true)
    frame = pd.DataFrame(
        {
            "row_id": np.arange(n) + 100,
            "image_id": np.arange(n) if images is None else np.array(images),
            "true_ids": [np.array(one, dtype=np.int64) for one in true],
            "false_id": np.arange(n) + 20 if false is None else np.array(false),
        }
    )
    write_parquet(path, frame, metadata)


@pytest.fixture
def files(tmp_path):
    """Image i is caption i and nearly caption 10 + i; caption 20 + i is far from them."""
    axes = np.eye(2 * ROWS, dtype=np.float32)
    captions = np.zeros((30, 2 * ROWS), dtype=np.float32)
    captions[:, 0] = 1
    for i in range(ROWS):
        captions[i] = axes[i]
        captions[10 + i] = 0.8 * axes[i] + 0.6 * axes[ROWS + i]
        captions[20 + i] = axes[ROWS + i]
    write_npy(tmp_path / "q.npy", captions)
    write_npy(tmp_path / "t.npy", axes[:ROWS].copy())
    write_json(tmp_path / "q.json", {"prompt": "p"})
    write_rows(tmp_path / "rows.parquet", [[i, 10 + i] for i in range(ROWS)])
    return tmp_path


def run(files, out="score.json", **changed):
    flags = {
        "rows": files / "rows.parquet",
        "query-embeddings": files / "q.npy",
        "target-embeddings": files / "t.npy",
        "subset": "toy",
        "out": files / out,
    } | {key.replace("_", "-"): value for key, value in changed.items()}
    words = [(f"--{key}", str(value)) for key, value in flags.items() if value is not None]
    return score_compositions.main([word for pair in words for word in pair])


def read(files, name="score.json"):
    return json.loads((files / name).read_text())


def test_the_score_contract(files):
    assert run(files) == 0
    score = read(files)
    assert set(score) == KEYS
    assert (score["metric"], score["task"]) == ("pairwise_accuracy", "image_to_text")
    assert (score["value"], score["n"], score["ties"]) == (1.0, ROWS, 0)
    assert score["chance"] == pytest.approx(1 / 3) and score["above_chance"] is True
    assert score["p_value"] == pytest.approx((1 / 3) ** ROWS, rel=1e-5)
    assert score["manifest"] == {"query": {"prompt": "p"}, "target": None}
    predictions = pd.read_parquet(files / "score.predictions.parquet")
    assert predictions.dtypes.astype(str).to_dict() == {
        **{"row_id": "int64", "right": "bool", "margin": "float64"}
    }
    assert predictions["row_id"].tolist() == list(range(100, 100 + ROWS))
    assert predictions["margin"].round(6).tolist() == [0.8] * ROWS


def test_dropped_rows_are_told_and_nothing_else_changes(files):
    assert run(files) == 0
    before = read(files)
    true = [[i, 10 + i] for i in range(ROWS)]
    write_rows(files / "rows.parquet", true, metadata={"subset": "toy", "dropped": "2"})
    assert run(files) == 0
    assert read(files) == before | {"data": {"dropped": 2}}


def test_one_true_caption_has_chance_one_half(files):
    write_rows(files / "rows.parquet", [[i] for i in range(ROWS)])
    assert run(files) == 0
    assert read(files)["chance"] == 0.5


def test_text_only_needs_no_images(files):
    """True captions score 0.8 with each other, 0.6 and 0 with the false one."""
    assert run(files, task="text_only", target_embeddings=None) == 0
    score = read(files)
    assert (score["value"], score["task"]) == (1.0, "text_only")
    margins = pd.read_parquet(files / "score.predictions.parquet")["margin"]
    assert margins.round(6).tolist() == [0.2] * ROWS


def test_a_false_caption_that_is_a_true_one_is_a_miss(files):
    """As in some rows of the published SugarCrepe++. With an image it is a tie."""
    false = [10 + i if i < 2 else 20 + i for i in range(ROWS)]
    write_rows(files / "rows.parquet", [[i, 10 + i] for i in range(ROWS)], false)
    for task in ("image_to_text", "text_only"):
        assert run(files, task=task) == 0
        score = read(files)
        tied = 2 if task == "image_to_text" else 0
        assert (score["value"], score["ties"]) == (0.75, tied)
        assert score["value_index0"] == 0.75 + tied / ROWS


def test_constant_vectors(files, capsys):
    same = np.zeros((30, 4), dtype=np.float32)
    same[:, 1] = 1
    write_npy(files / "q.npy", same)
    write_npy(files / "t.npy", same)
    assert run(files) == 0
    score = read(files)
    assert (score["value"], score["value_index0"], score["ties"]) == (0, 1, ROWS)
    assert "WARNING" in capsys.readouterr().err


def test_rows_without_a_vector_are_skipped_and_counted(files):
    for name, item in (("q", 13), ("t", 5)):  # row 3's second true caption, row 5's image
        vectors = np.load(files / f"{name}.npy")
        vectors[item] = 0
        write_npy(files / f"{name}.npy", vectors)
        write_npy(files / f"{name}.valid.npy", np.arange(len(vectors)) != item)
    assert run(files) == 0
    assert (read(files)["n"], read(files)["skipped_rows"]) == (ROWS - 2, 2)
    rows = pd.read_parquet(files / "score.predictions.parquet")["row_id"].tolist()
    assert not {103, 105} & set(rows)
    assert run(files, task="text_only") == 0  # which asks nothing of the image
    assert read(files)["skipped_rows"] == 1


def test_a_job_list_is_the_same_as_single_runs(files):
    run(files)
    names = {"rows": "rows.parquet", "query_embeddings": "q.npy", "target_embeddings": "t.npy"}
    job = {key: str(files / name) for key, name in names.items()}
    write_json(files / "jobs.json", [{**job, "subset": "toy", "out": str(files / "listed.json")}])
    assert score_compositions.main(["--job-list", str(files / "jobs.json")]) == 0
    assert (files / "listed.json").read_bytes() == (files / "score.json").read_bytes()


def nan(path):
    vectors = np.load(path)
    vectors[1, 0] = np.nan
    write_npy(path, vectors)


TRUE = [[i, 10 + i] for i in range(2)]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda d: nan(d / "q.npy"), "row 1 is not finite"),
        (lambda d: write_rows(d / "rows.parquet", [[0], [99]]), "row 1: true caption 99 has no"),
        (lambda d: write_rows(d / "rows.parquet", TRUE, [20, -1]), "row 1: false caption -1 has"),
        (lambda d: write_rows(d / "rows.parquet", TRUE, None, [0, 8]), "row 1: image_id 8 has no"),
        (lambda d: write_rows(d / "rows.parquet", [[0], []]), "row 1: true_ids must be a list"),
        (lambda d: (d / "rows.parquet").unlink(), "rows.parquet: no such file"),
        (lambda d: write_npy(d / "t.npy", np.eye(3, dtype=np.float32)), "has 3 dimensions"),
        (lambda d: write_npy(d / "q.valid.npy", np.zeros(30, dtype=bool)), "q.npy: row 0 has"),
    ],
)
def test_bad_input_is_one_line_and_no_output(files, capsys, spoil, said):
    spoil(files)
    assert run(files) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert not (files / "score.json").exists()
    assert not (files / "score.predictions.parquet").exists()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"target_embeddings": None}, "--target-embeddings is missing"),
        ({"out": "score.txt"}, "ends in .json"),
    ],
)
def test_flags_that_do_not_fit(files, capsys, flags, said):
    assert run(files, **flags) == 2
    assert said in capsys.readouterr().err


def test_text_only_refuses_rows_of_one_true_caption(files, capsys):
    write_rows(files / "rows.parquet", [[i] for i in range(ROWS)])
    assert run(files, task="text_only") == 2
    assert "row 0: true_ids must be a list of 2 int64 ids" in capsys.readouterr().err
