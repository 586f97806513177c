"""score_subset.py as a user runs it."""

import importlib.util
import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gen2embed.evaluation.intervals import wilson
from gen2embed.files import write_npy, write_parquet

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "score_subset.py"
spec = importlib.util.spec_from_file_location("score_subset", SCRIPT)
score_subset = importlib.util.module_from_spec(spec)
sys.modules["score_subset"] = score_subset
spec.loader.exec_module(score_subset)
KEYS = {
    *("subset", "metric", "value", "value_index0", "n", "ties", "left_out_candidates"),
    *("chance", "above_chance", "p_value", "ci_low", "ci_high", "manifest", "skipped_rows", "data"),
}


def unit(rng, n, dim=16):
    vectors = rng.standard_normal((n, dim)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def files(tmp_path):
    """20 rows whose query is its positive's own vector: all hits, chance 1/5."""
    rng = np.random.default_rng(0)
    vectors = unit(rng, 20)
    write_npy(tmp_path / "q.npy", vectors)
    write_npy(tmp_path / "t.npy", vectors)
    lists = [[i, *[(i + k) % 20 for k in range(1, 5)]] for i in range(20)]
    write_rows(tmp_path / "rows.parquet", range(20), lists)
    return tmp_path


def write_rows(path, queries, lists, metadata=None):
    frame = pd.DataFrame(
        {
            "row_id": np.arange(len(lists)),
            "query_id": np.array(list(queries), dtype=np.int64),
            "candidate_ids": [np.array(one, dtype=np.int64) for one in lists],
        }
    )
    write_parquet(path, frame, metadata)


def run(files, out="score.json", **changed):
    flags = {
        "rows": files / "rows.parquet",
        "query-embeddings": files / "q.npy",
        "target-embeddings": files / "t.npy",
        "subset": "Toy",
        "out": files / out,
    } | {key.replace("_", "-"): value for key, value in changed.items()}
    return score_subset.main(
        [word for key, value in flags.items() for word in (f"--{key}", str(value))]
    )


def test_the_score_contract(files):
    assert run(files) == 0
    score = json.loads((files / "score.json").read_text())
    assert set(score) == KEYS
    assert (score["value"], score["n"], score["ties"], score["chance"]) == (1.0, 20, 0, 0.2)
    assert score["above_chance"] is True and score["p_value"] == pytest.approx(0.2**20)
    assert (score["ci_low"], score["ci_high"]) == pytest.approx(wilson(20, 20), abs=1e-9)
    predictions = pd.read_parquet(files / "score.predictions.parquet")
    assert predictions.dtypes.astype(str).to_dict() == {
        "row_id": "int64",
        "predicted_id": "int64",
        "rank_of_positive": "int64",
        "margin": "float64",
    }
    assert predictions["predicted_id"].tolist() == list(range(20))


def test_a_score_says_which_rows_were_taken(files):
    lists = [[i, (i + 1) % 20] for i in range(20)]
    write_rows(files / "rows.parquet", range(20), lists, {"split": "test", "row_cap": "20"})
    assert run(files) == 0
    assert json.loads((files / "score.json").read_text())["data"] == {
        "split": "test",
        "row_cap": 20,
    }


def test_a_score_says_how_many_rows_were_dropped(files):
    lists = [[i, (i + 1) % 20] for i in range(20)]
    taken = {"split": "test", "row_cap": "", "dropped": "3"}
    write_rows(files / "rows.parquet", range(20), lists, taken)
    assert run(files) == 0
    data = json.loads((files / "score.json").read_text())["data"]
    assert data == {"split": "test", "row_cap": None, "dropped": 3}


def test_what_a_made_benchmark_tells_of_its_rows(files):
    """Concepts go to the predictions and widen the interval: of 4, of which one is all wrong, where
    20 queries would do; chance among candidates that are alike is informed chance."""
    rows = pd.read_parquet(files / "rows.parquet")
    rows["concept"] = np.repeat(["a", "b", "c", "d"], 5)
    rows["alike"] = np.int64([2] * 10 + [4] * 10)
    swapped = np.load(files / "q.npy")
    swapped[:5] = swapped[[1, 2, 3, 4, 0]]
    write_npy(files / "q.npy", swapped)
    assert run(files) == 0
    plain = json.loads((files / "score.json").read_text())
    write_parquet(files / "rows.parquet", rows)
    assert run(files) == 0
    score = json.loads((files / "score.json").read_text())
    assert set(score) == KEYS | {"informed_chance"}
    assert score["value"] == plain["value"] == 0.75
    assert score["informed_chance"] == 0.375 and score["chance"] == plain["chance"]
    width, of_queries = (one["ci_high"] - one["ci_low"] for one in (score, plain))
    assert width > 1.5 * of_queries
    predictions = pd.read_parquet(files / "score.predictions.parquet")
    assert predictions["concept"].tolist() == rows["concept"].tolist()


def test_more_alike_than_there_are_candidates_is_refused(files, capsys):
    rows = pd.read_parquet(files / "rows.parquet").assign(alike=6)
    write_parquet(files / "rows.parquet", rows)
    assert run(files) == 2
    assert "alike must count candidates: 1 to as many as a row has" in capsys.readouterr().err


def test_far_below_chance_is_another_warning_than_at_chance(files, capsys):
    """Queries that are the opposite of their positive."""
    rng = np.random.default_rng(3)
    assert run(files, query_embeddings=wrong(files, -1)) == 0
    assert "is far below chance" not in capsys.readouterr().err  # 0 of 20 at 1/5: p = .012
    lists = [[i, (i + 1) % 20] for i in range(20)]
    write_rows(files / "rows.parquet", range(20), lists)
    assert run(files, query_embeddings=wrong(files, -1)) == 0
    assert "is far below chance" in capsys.readouterr().err  # 0 of 20 at 1/2
    write_npy(files / "q.npy", unit(rng, 20))
    assert run(files) == 0
    assert "is not above chance" in capsys.readouterr().err


def wrong(files, sign):
    write_npy(files / "wrong.npy", sign * np.load(files / "t.npy"))
    return files / "wrong.npy"


def test_constant_random_permuted_and_nan_vectors(files, capsys):
    """All ties: 0 (index 0: 1). Random: about chance. Permuted items: the same. NaN: an error."""
    rng = np.random.default_rng(1)
    order = rng.permutation(20)
    lists = [[i, *[(i + k) % 20 for k in range(1, 5)]] for i in range(20)]
    noisy = np.load(files / "q.npy") + rng.standard_normal((20, 16)).astype(np.float32) / 4
    write_npy(files / "q.npy", noisy / np.linalg.norm(noisy, axis=1, keepdims=True))
    assert run(files) == 0
    own = json.loads((files / "score.json").read_text())
    place = np.argsort(order)
    targets, queries = np.load(files / "t.npy"), np.load(files / "q.npy")
    write_npy(files / "t.npy", targets[order])
    write_npy(files / "q.npy", queries[order])
    write_rows(files / "rows.parquet", place, [place[one] for one in lists])
    assert run(files, "permuted.json") == 0
    permuted = json.loads((files / "permuted.json").read_text())
    assert permuted == own
    write_npy(files / "t.npy", np.tile(targets[:1], (20, 1)))
    assert run(files, "constant.json") == 0
    constant = json.loads((files / "constant.json").read_text())
    assert (constant["value"], constant["value_index0"], constant["ties"]) == (0, 1, 20)
    assert constant["above_chance"] is False
    many = rng.integers(0, 20, (1000, 5))
    write_npy(files / "t.npy", unit(rng, 20))
    write_rows(files / "rows.parquet", rng.integers(0, 20, 1000), many)
    assert run(files, "random.json") == 0
    assert abs(json.loads((files / "random.json").read_text())["value"] - 0.22) < 0.1
    targets[3, 0] = np.nan
    write_npy(files / "t.npy", targets)
    capsys.readouterr()
    assert run(files, "nan.json") == 2
    assert "row 3 is not finite" in capsys.readouterr().err
    assert not (files / "nan.json").exists()


def test_a_score_at_chance_is_said_loudly(files, capsys):
    write_npy(files / "t.npy", np.load(files / "t.npy")[::-1].copy())  # no query finds its own
    assert run(files) == 0
    assert "WARNING" in capsys.readouterr().err


def test_rows_without_a_vector_are_skipped_and_counted(files):
    vectors = np.load(files / "q.npy")
    vectors[3] = 0
    write_npy(files / "q.npy", vectors)
    write_npy(files / "q.valid.npy", np.arange(20) != 3)
    assert run(files) == 0
    score = json.loads((files / "score.json").read_text())
    assert (score["n"], score["skipped_rows"]) == (19, 1)
    assert 3 not in pd.read_parquet(files / "score.predictions.parquet")["row_id"].tolist()


def test_a_job_list_is_the_same_as_single_runs(files):
    run(files)
    jobs = files / "jobs.json"
    names = {"rows": "rows.parquet", "query_embeddings": "q.npy", "target_embeddings": "t.npy"}
    job = {key: str(files / name) for key, name in names.items()}
    jobs.write_text(json.dumps([{**job, "subset": "Toy", "out": str(files / "listed.json")}]))
    assert score_subset.main(["--job-list", str(jobs)]) == 0
    assert (files / "listed.json").read_bytes() == (files / "score.json").read_bytes()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda d: write_rows(d / "rows.parquet", [0], [[0, 99]]), "row 0: candidate 99 has no"),
        (lambda d: write_rows(d / "rows.parquet", [77], [[0, 1]]), "row 0: query_id 77 has no"),
        (lambda d: write_rows(d / "rows.parquet", [0], [[]]), "row 0: candidate_ids must be"),
        (lambda d: (d / "rows.parquet").unlink(), "rows.parquet: no such file"),
        (lambda d: write_npy(d / "t.npy", unit(np.random.default_rng(0), 20, 8)), "dimensions"),
        (lambda d: write_npy(d / "t.npy", 2 * np.load(d / "q.npy")), "has length 2.0"),
        (
            lambda d: write_parquet(d / "rows.parquet", pd.DataFrame({"row_id": [0]})),
            "column 'query_id' is missing",
        ),
    ],
)
def test_bad_input_is_one_line_and_no_output(files, capsys, spoil, said):
    spoil(files)
    assert run(files) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert not (files / "score.json").exists()
    assert not (files / "score.predictions.parquet").exists()


@pytest.mark.slow
def test_a_full_size_data_set_takes_seconds(files):
    """1000 queries x 1000 candidates x 1536 dimensions."""
    rng = np.random.default_rng(0)
    write_npy(files / "q.npy", unit(rng, 1000, 1536))
    write_npy(files / "t.npy", unit(rng, 5000, 1536))
    write_rows(files / "rows.parquet", range(1000), rng.integers(0, 5000, (1000, 1000)))
    start = time.perf_counter()
    assert run(files) == 0
    assert time.perf_counter() - start < 6  # 3 s where nothing else runs: docs/performance.md
