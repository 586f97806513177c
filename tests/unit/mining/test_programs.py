"""mine_negatives.py and measure_false_negatives.py as a user runs them."""

import importlib.util
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from gen2embed.files import read_parquet, write_npy, write_parquet
from gen2embed.mining.strategies import STRATEGIES

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"


def load(name):
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


mine = load("mine_negatives").main
measure = load("measure_false_negatives").main


def unit(n, dim, seed):
    rows = np.random.default_rng(seed).standard_normal((n, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def pairs(query_id, target_id):
    return pd.DataFrame(
        {"pair_id": np.arange(len(query_id)), "query_id": query_id, "target_id": target_id}
    )


@pytest.fixture
def folder(tmp_path):
    """400 pairs, 380 queries, 150 targets, with more items than the subset uses."""
    rng = np.random.default_rng(0)
    frame = pairs(rng.integers(5, 385, 400), rng.integers(3, 153, 400))
    write_parquet(tmp_path / "p.parquet", frame, {"subset": "toy", "labelled": "false"})
    write_npy(tmp_path / "q.npy", unit(400, 16, 1))
    write_npy(tmp_path / "t.npy", unit(160, 16, 2))
    return tmp_path


def flags(folder, out="c.parquet", **change):
    values = {
        "pairs": folder / "p.parquet",
        "query-embeddings": folder / "q.npy",
        "target-embeddings": folder / "t.npy",
        "strategy": "saha",
        "k": 3,
        "m": 2,
        "out": folder / out,
    } | {key.replace("_", "-"): value for key, value in change.items()}
    return [word for key, value in values.items() for word in (f"--{key}", str(value))]


def written(folder, stem="c"):
    return [(folder / f"{stem}{ending}").read_bytes() for ending in (".parquet", ".json")]


@pytest.mark.parametrize("strategy", [name for name in STRATEGIES if name != "filtered"])
def test_files_do_not_depend_on_threads_blocks_memory_or_the_run(folder, strategy):
    assert mine(flags(folder, strategy=strategy)) == 0
    first = written(folder)
    for change in (
        {},
        {"threads": 1},
        {"threads": 2},
        {"block_rows": 1},
        {"block_rows": 7},
        {"memory_gb": 1e-9},
    ):
        assert mine(flags(folder, "again.parquet", strategy=strategy, **change)) == 0
        assert written(folder, "again") == first
    statistics = json.loads(first[1])
    assert statistics["subset"] == "toy"
    assert statistics["strategy"] == strategy
    assert statistics["pairs"] == 400
    members = sum(int(size) * count for size, count in statistics["cluster_sizes"].items())
    assert members == statistics["clusters"] + statistics["negatives"]
    assert set(json.loads((folder / "c.run.json").read_text())) == {
        "host",
        "started",
        "seconds",
        "peak_mb",
        "prefetched_searches",
        "widened_searches",
    }


def test_a_job_list_is_the_same_as_single_runs(folder):
    mine(flags(folder, "one.parquet"))
    mine([*flags(folder, "two.parquet", strategy="hns"), "--labelled"])
    jobs = [
        {"strategy": "saha", "out": str(folder / "a.parquet")},
        {"strategy": "hns", "out": str(folder / "b.parquet"), "labelled": True},
    ]
    (folder / "jobs.json").write_text(json.dumps(jobs))
    common = flags(folder)[:-2]
    common[6:8] = []  # the strategy is the jobs'
    assert mine([*common, "--job-list", str(folder / "jobs.json")]) == 0
    assert written(folder, "a") == written(folder, "one")
    assert written(folder, "b") == written(folder, "two")


def test_the_prompt_of_the_vectors_goes_along(folder):
    """Where a manifest tells it; nothing else in the files changes."""
    assert mine(flags(folder)) == 0
    (folder / "q.json").write_text('{"prompt": "hierarchical"}')
    assert mine(flags(folder, "told.parquet")) == 0
    plain, told = (pq.read_table(folder / f"{name}.parquet") for name in ("c", "told"))
    assert plain.equals(told)
    plain, told = (read_parquet(folder / f"{name}.parquet", ["phase"])[1] for name in ("c", "told"))
    assert "prompt" not in plain
    assert told == plain | {"prompt": "hierarchical"}


def test_rows_dropped_before_mining_are_in_the_statistics_alone(folder):
    assert mine(flags(folder)) == 0
    frame = pd.read_parquet(folder / "p.parquet")
    told = {"subset": "toy", "labelled": "false", "dropped": "2"}
    write_parquet(folder / "p.parquet", frame, told)
    assert mine(flags(folder, "told.parquet")) == 0
    assert (folder / "told.parquet").read_bytes() == (folder / "c.parquet").read_bytes()
    before, after = (json.loads((folder / f"{name}.json").read_text()) for name in ("c", "told"))
    assert after == before | {"dropped": 2}


def test_an_index_is_told_in_the_statistics_or_refused(folder, capsys):
    """A flat index misses nothing; product codes of one byte miss much."""
    assert mine(flags(folder)) == 0
    exact, _ = written(folder)
    assert mine([*flags(folder, "flat.parquet"), "--index=Flat", "--least-recall=1"]) == 0
    flat, statistics = written(folder, "flat")
    assert flat == exact and json.loads(statistics)["search"]["recall_at_pool"] == 1
    assert mine([*flags(folder, "pq.parquet"), "--index=PQ1x4", "--least-recall=0.99"]) == 2
    assert "below --least-recall 0.99" in capsys.readouterr().err
    assert not (folder / "pq.parquet").exists()


def test_labelled_comes_from_the_file_and_the_flag_overrides(folder):
    def mined(*words):
        assert mine([*flags(folder), *words]) == 0
        return json.loads(written(folder)[1])["labelled"], written(folder)[0]

    plain, forced = mined(), mined("--labelled")
    assert (plain[0], forced[0]) == (False, True)
    frame = pd.read_parquet(folder / "p.parquet")
    write_parquet(folder / "p.parquet", frame, {"subset": "toy", "labelled": "true"})
    assert mined() == forced
    assert mined("--no-labelled") == plain


def test_float16_is_scored_as_stored(folder):
    half = unit(400, 16, 1).astype(np.float16)
    write_npy(folder / "q.npy", half)
    mine(flags(folder))
    first = written(folder)
    write_npy(folder / "q.npy", half.astype(np.float32))
    mine(flags(folder))
    assert written(folder) == first


def test_unreadable_items_take_no_part(folder):
    frame = pd.read_parquet(folder / "p.parquet")
    vectors = np.load(folder / "t.npy")
    valid = np.ones(160, bool)
    valid[frame["target_id"][0]] = False
    vectors[~valid] = 0
    write_npy(folder / "t.npy", vectors)
    write_npy(folder / "t.valid.npy", valid)
    assert mine(flags(folder)) == 0
    out = (frame["target_id"] == frame["target_id"][0]).sum()
    statistics = json.loads(written(folder)[1])
    assert (statistics["pairs"], statistics["left_out_pairs"]) == (400 - out, out)
    clusters = pd.read_parquet(folder / "c.parquet")
    seen = set(clusters["anchor_pair"]) | set(clusters["negative_pairs"].explode().dropna())
    assert valid[frame["target_id"].to_numpy()[sorted(seen)]].all()


def spoil_vectors(change):
    def spoil(folder):
        vectors = np.load(folder / "q.npy")
        write_npy(folder / "q.npy", change(vectors))

    return spoil


def set_row(value):
    def change(vectors):
        vectors[17] = value
        return vectors

    return change


def spoil_pairs(**columns):
    def spoil(folder):
        frame = pd.read_parquet(folder / "p.parquet").assign(**columns)
        write_parquet(folder / "p.parquet", frame)

    return spoil


def pickle_vectors(folder):
    np.save(folder / "q.npy", np.array([{}] * 3), allow_pickle=True)


def cut_vectors(folder):
    path = folder / "q.npy"
    path.write_bytes(path.read_bytes()[:-100])


def empty_pairs(folder):
    write_parquet(folder / "p.parquet", pairs(np.empty(0, np.int64), np.empty(0, np.int64)))


def without_column(folder):
    frame = pd.read_parquet(folder / "p.parquet").drop(columns="target_id")
    write_parquet(folder / "p.parquet", frame)


def all_invalid(folder):
    write_npy(folder / "q.npy", np.zeros((400, 16), np.float32))
    write_npy(folder / "q.valid.npy", np.zeros(400, bool))


@pytest.mark.parametrize(
    ("spoil", "change", "says"),
    [
        (spoil_vectors(set_row(np.nan)), {}, "q.npy: row 17 is not finite"),
        (spoil_vectors(set_row(0.5)), {}, "q.npy: row 17 has length 2"),
        (spoil_vectors(lambda v: v.astype(np.float64)), {}, "q.npy: holds float64"),
        (spoil_vectors(lambda _: unit(400, 8, 0)), {}, "has 16 dimensions"),
        (spoil_vectors(lambda v: v[:20]), {}, "has no row in"),
        (pickle_vectors, {}, "q.npy: is not a readable npy"),
        (cut_vectors, {}, "q.npy: is not a readable npy"),
        (empty_pairs, {}, "p.parquet: holds no pairs"),
        (without_column, {}, "p.parquet: column 'target_id' is missing"),
        (all_invalid, {}, "p.parquet: every pair has an item"),
        (spoil_pairs(pair_id=7), {}, "p.parquet: row 0: pair_id must be 0, 1, 2"),
        (spoil_pairs(query_id=0.5), {}, "p.parquet: query_id is double; ids are int64"),
        (spoil_pairs(query_id=-1), {}, "p.parquet: row 0: query_id -1"),
        (None, {"pairs": "absent.parquet"}, "absent.parquet: no such file"),
        (None, {"k": 0}, "--k is 0"),
        (None, {"m": -1}, "--m is -1"),
        (None, {"strategy": "best"}, "unknown strategy 'best'"),
        (None, {"block-rows": 0}, "--block-rows is 0"),
        (None, {"threads": 0}, "--threads is 0"),
        (None, {"seed": -1}, "--seed is -1"),
        (None, {"memory-gb": 0}, "--memory-gb is 0"),
        (None, {"device": "cuda"}, "--device cuda"),
        (None, {"out": "clusters.csv"}, "ends in .parquet"),
    ],
)
def test_bad_input_is_one_line_and_no_output(folder, capsys, spoil, change, says):
    if spoil:
        spoil(folder)
    before = sorted(folder.iterdir())
    assert mine(flags(folder, **change)) == 2
    error = capsys.readouterr().err
    assert error.startswith("mine_negatives: ")
    assert error.count("\n") == 1
    assert says in error
    assert sorted(folder.iterdir()) == before


def test_it_starts_fast_and_without_torch(folder):
    start = time.perf_counter()
    code = (
        "import pathlib, runpy, sys\n"
        "sys.argv = sys.argv[1:]\n"
        "sys.path.insert(0, str(pathlib.Path(sys.argv[0]).parent))\n"
        "try: runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "finally: assert 'torch' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(SCRIPTS / "mine_negatives.py"), *flags(folder)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert time.perf_counter() - start < 4  # 2 s on a machine that does nothing else


def test_false_negatives_from_cluster_files(folder):
    frame = pd.read_parquet(folder / "p.parquet")
    same = frame.merge(frame, how="cross")  # a target is as right as the annotated one if it is
    alike = same[(same["target_id_x"] % 10 == same["target_id_y"] % 10)]  # of the same ten
    known = alike[["query_id_x", "target_id_y"]].drop_duplicates()
    known.columns = ["query_id", "target_id"]
    write_parquet(folder / "e.parquet", known)
    for strategy in ("saha", "hns", "in_batch"):
        mine(flags(folder, f"{strategy}.parquet", strategy=strategy))
    words = ["--pairs", str(folder / "p.parquet"), "--equivalences", str(folder / "e.parquet")]
    files = [str(folder / f"{name}.parquet") for name in ("saha", "hns", "in_batch")]
    out = folder / "rates.json"
    run = [*words, "--clusters", *files, "--draws", "200", "--out", str(out)]
    assert measure(run) == 0
    first = written_report(out)
    assert measure(run) == 0
    assert written_report(out) == first
    report = json.loads(out.read_text())
    assert list(report["strategies"]) == ["hns", "in_batch", "saha"]
    assert report["strategies"]["in_batch"]["overall"] is None
    hns = report["strategies"]["hns"]
    assert 0.02 < hns["overall_ci_low"] < hns["overall"] < hns["overall_ci_high"] < 0.25  # 1 in 10
    assert report["known"] == len(known) and report["tasks"] == {}
    table = pd.read_csv(out.with_suffix(".csv"))
    assert table["strategy"].tolist() == ["saha", "hns", "in_batch"]
    assert table["false_negatives"].tolist() == [
        report["strategies"][name]["false_negatives"] for name in table["strategy"]
    ]


def test_several_subsets_are_reported_one_by_one_as_well(folder):
    """The same subset twice: each task's rates are those of both together, and where no target is
    known to be right none can be false; minimal pairs are counted in clusters."""
    frame = pd.read_parquet(folder / "p.parquet")
    mine(flags(folder, "hns.parquet", strategy="hns"))
    clusters = pd.read_parquet(folder / "hns.parquet")
    first = clusters[clusters["negative_pairs"].str.len() > 0].iloc[0]
    hit = {
        "query_id": [frame["query_id"][first["anchor_pair"]]],
        "target_id": [frame["target_id"][first["negative_pairs"][0]]],
    }
    write_parquet(folder / "e.parquet", pd.DataFrame(hit))
    write_parquet(folder / "none.parquet", pd.DataFrame(hit)[:0])
    for name in "ab":
        pairs = folder / f"{name}.parquet"
        write_parquet(pairs, frame, {"subset": name, "labelled": "false"})
        mine(flags(folder, f"hns_{name}.parquet", strategy="hns", pairs=pairs))
    names = {
        "--pairs": ("a", "b"),
        "--equivalences": ("e", "none"),
        "--minimal-pairs": ("none", "e"),
        "--clusters": ("hns_a", "hns_b"),
    }
    words = [
        word
        for flag, files in names.items()
        for word in (flag, *(str(folder / f"{one}.parquet") for one in files))
    ]
    assert measure([*words, "--standard", "hns", "--out", str(folder / "r.json")]) == 0
    report = json.loads((folder / "r.json").read_text())
    assert [report["tasks"][name]["known"] for name in "ab"] == [1, 0]
    one, other = (report["tasks"][name]["strategies"]["hns"] for name in "ab")
    assert one["false_negatives"] == 1 and other["false_negatives"] == 0
    both = report["strategies"]["hns"]
    assert both["overall"] == pytest.approx((one["overall"] + other["overall"]) / 2, abs=1e-8)
    assert both["equal_hardness"] == pytest.approx(one["overall"] / 2, abs=1e-8)
    assert one["minimal_pairs"] == 0 < other["minimal_pairs"] < other["clusters_with_minimal"]


def written_report(out):
    return [out.read_bytes(), out.with_suffix(".csv").read_bytes()]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"--bins": "0"}, "--bins is 0"),
        ({"--clusters": "absent.parquet"}, "no such file"),
        ({"--equivalences": "absent.parquet"}, "no such file"),
        ({"--out": "rates.txt"}, "ends in .json"),
        ({"--standard": "margin"}, "--standard margin: no cluster file is of it"),
        ({"--minimal-pairs": "absent.parquet"}, "no such file"),
    ],
)
def test_bad_input_of_the_report(folder, capsys, change, says):
    mine(flags(folder))
    write_parquet(folder / "e.parquet", pd.DataFrame({"query_id": [5], "target_id": [3]}))
    values = {
        "--pairs": str(folder / "p.parquet"),
        "--equivalences": str(folder / "e.parquet"),
        "--clusters": str(folder / "c.parquet"),
        "--out": str(folder / "rates.json"),
    } | change
    capsys.readouterr()
    assert measure([word for item in values.items() for word in item]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
    assert not (folder / "rates.json").exists()
