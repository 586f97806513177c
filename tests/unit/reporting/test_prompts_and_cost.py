"""The prompt ablation's geometry on vectors made by hand; cost by kind of job; settings."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gen2embed.files import write_csv, write_json, write_npy, write_parquet, write_text
from gen2embed.reporting.figures.embedding_space import centroid_distance, gap_interval

ROOT = Path(__file__).resolve().parents[3]


def load(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def results(tmp_path):
    """Images at (1, 0), texts at (0, 1) under `plain`; all at (1, 0) under `hierarchical`."""
    columns = ["part", "name", "meta_task", "split", "rows"]
    register = pd.DataFrame([("eval", "A", "vqa", "ind", 4)], columns=columns)
    write_csv(tmp_path / "datasets.csv", register)
    for side, path in (("query", "x.png"), ("target", "")):
        items = {"item_id": np.arange(4), "text": list("abcd"), "image_path": [path] * 4}
        write_parquet(tmp_path / f"items/eval_{side}.parquet", pd.DataFrame(items))
    rows = {"row_id": np.arange(4), "query_id": np.arange(4)}
    lists = [[i, (i + 1) % 4] for i in range(4)]
    frame = pd.DataFrame({**rows, "candidate_ids": lists})
    write_parquet(tmp_path / "rows/A.parquet", frame)
    image, text = np.array([[1, 0]] * 4, np.float32), np.array([[0, 1]] * 4, np.float32)
    for prompt, targets in (("plain", text), ("hierarchical", image)):
        write_npy(tmp_path / f"vectors/{prompt}/eval_query.npy", image)
        write_npy(tmp_path / f"vectors/{prompt}/eval_target.npy", targets)
        ranks = pd.DataFrame({"row_id": np.arange(4), "rank_of_positive": [1, 1, 2, 2]})
        write_parquet(tmp_path / f"scores/{prompt}/A.predictions.parquet", ranks)
        score = {"value": 0.5, "chance": 0.5, "above_chance": False, "manifest": {"query": {}}}
        score |= {"value_index0": 0.5, "n": 4, "ties": 0, "skipped_rows": 0}
        score |= {"ci_low": 0.0, "ci_high": 1.0}
        write_json(tmp_path / f"scores/{prompt}/A.json", score)
    return tmp_path


def run(results, *flags):
    places = {"register": "datasets.csv", "rows": "rows", "items": "items", "out": "tables"}
    places |= {"embeddings": "vectors", "scores": "scores"}
    words = [f"--{key}={results / value}" for key, value in places.items()]
    words += ["--prompts", "plain", "hierarchical", "--reference", "hierarchical", "--seed", "0"]
    return load("tabulate_prompts").main([*words, *flags])


def test_gap_and_alignment_by_hand(results):
    """Centroids (1, 0) and (0, 1) are the root of 2 apart; matching pairs at right angles."""
    assert run(results) == 0
    frame = pd.read_csv(results / "tables/prompts.csv").set_index("prompt")
    assert frame.loc["plain", "image_text_gap"] == pytest.approx(2**0.5)
    assert frame.loc["hierarchical", "image_text_gap"] == 0
    assert frame["matching"].to_dict() == {"plain": 0.0, "hierarchical": 1.0}
    assert frame.loc["plain", ["system", "closing_query"]].tolist() == [False, False]
    assert frame.loc["hierarchical", ["system", "closing_target"]].tolist() == [True, False]
    assert frame.loc["plain", "difference"] == 0 and frame.loc["plain", "p_holm"] == 1
    table = (results / "tables/prompts.md").read_text()
    assert "1.414 [1.414, 1.414]" in table and "| same within 2 points |" in table


def test_a_sample_keeps_pairs_together(results):
    assert run(results, "--sample", "2") == 0
    frame = pd.read_csv(results / "tables/prompts.csv").set_index("prompt")
    assert frame["matching"].to_dict() == {"plain": 0.0, "hierarchical": 1.0}


def test_vectors_of_other_items_are_refused(results, capsys):
    write_npy(results / "vectors/plain/eval_query.npy", np.array([[1, 0]], np.float32))
    assert run(results) == 2
    assert "holds 1 rows, but there are 4 items" in capsys.readouterr().err


def test_the_interval_of_a_gap_holds_it():
    rng = np.random.default_rng(0)
    left, right = rng.standard_normal((2, 400, 8)).astype(np.float32)
    low, high = gap_interval(left, right + 1)
    assert low < centroid_distance(left, right + 1) < high < low + 0.7


def test_cost_adds_up_by_kind_of_job(tmp_path):
    for name, seconds in (("train/a", 10), ("train/b", 20), ("plot", 5)):
        tsv = f"s\tmax_rss\n{seconds}\t{100 + seconds}\n"
        write_text(tmp_path / f"results/benchmarks/{name}.tsv", tsv)
    config = str(ROOT / "config.yaml")
    words = ["--results", str(tmp_path / "results"), "--config", config]
    words += ["--out", str(tmp_path / "tables"), "--cost-out", str(tmp_path / "cost")]
    assert load("tabulate_cost").main(words) == 0
    frame = pd.read_csv(tmp_path / "cost/cost.csv").set_index("kind")
    assert frame.loc["train"].tolist() == [2, 30, 20, 120]
    assert frame.index.tolist() == ["train", "plot"]
    assert "0.02†" in (tmp_path / "tables/settings.md").read_text()


def test_cost_needs_benchmarks(tmp_path, capsys):
    words = ["--results", str(tmp_path), "--config", str(ROOT / "config.yaml")]
    words += ["--out", str(tmp_path / "tables"), "--cost-out", str(tmp_path / "cost")]
    assert load("tabulate_cost").main(words) == 2
    assert "holds no benchmarks" in capsys.readouterr().err
