"""Sampling and data efficiency from the files of two small trainings, worked out by hand."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gen2embed.artifacts.described import RATES_ROW
from gen2embed.errors import InputError
from gen2embed.files import write_csv, write_json, write_parquet, write_text
from gen2embed.reporting.tables.adapter_cards import cost_of, pairs_seen_at

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "tabulate_training.py"
spec = importlib.util.spec_from_file_location("tabulate_training", SCRIPT)
program = importlib.util.module_from_spec(spec)
sys.modules["tabulate_training"] = program
spec.loader.exec_module(program)


def write_scores(folder, hits):
    """Two data sets of four queries; hits of each."""
    for name, of_set in zip("AB", hits, strict=True):
        ranks = [1] * of_set + [2] * (4 - of_set)
        frame = pd.DataFrame({"row_id": np.arange(4), "rank_of_positive": ranks})
        write_parquet(folder / f"{name}.predictions.parquet", frame)
        score = {"value": of_set / 4, "value_index0": of_set / 4, "n": 4, "ties": 0}
        score["skipped_rows"] = 0
        score |= {"chance": 0.25, "ci_low": 0.0, "ci_high": 1.0, "above_chance": True}
        write_json(folder / f"{name}.json", score | {"manifest": {"query": {}}})


def write_adapter(folder, items_encoded):
    clusters = {"S": {"pairs": 40, "clusters": 10, "strategy": "x"}}
    counts = {"pairs_seen": 80, "queries_trained": 80, "items_encoded": items_encoded}
    write_json(folder / "card.json", {"clusters": clusters, **counts})
    log = [{"step": step, "pairs_seen": 20 * step} for step in (1, 2, 3, 4)]
    write_text(folder / "training_log.jsonl", "".join(json.dumps(one) + "\n" for one in log))


@pytest.fixture
def results(tmp_path):
    columns = ["part", "name", "meta_task", "split", "rows"]
    register = [("eval", "A", "vqa", "ind", 4), ("eval", "B", "vqa", "ood", 4)]
    write_csv(tmp_path / "datasets.csv", pd.DataFrame(register, columns=columns))
    write_scores(tmp_path / "scores/base/p", (1, 1))
    for seed, hits in ((0, (2, 2)), (1, (4, 4))):
        write_scores(tmp_path / f"scores/hns_seed{seed}/p", hits)
        write_scores(tmp_path / f"scores/hns_seed{seed}_step2/p", (2, 2))
        write_adapter(tmp_path / f"adapters/hns_seed{seed}/p", 160)
        write_scores(tmp_path / f"scores/hns-classic_seed{seed}/p", (1, 1))
        write_scores(tmp_path / f"scores/hns-classic_seed{seed}_step2/p", (1, 1))
        write_adapter(tmp_path / f"adapters/hns-classic_seed{seed}/p", 720)
    for strategy in ("hns", "saha"):
        statistics = {"pairs": 40, "clusters": 10, "clusters_phase_2": 0, "dropped_queries": 0}
        statistics |= {"negatives": 30, "hardness": {"mean": 0.5}, "overlap": {"mean": 0.25}}
        write_json(tmp_path / f"clusters/{strategy}/S.json", statistics)
    rate = dict.fromkeys(RATES_ROW["required"]) | {"by_hardness": []}
    rate |= dict.fromkeys(("clusters", "negatives", "false_negatives"), 9)
    rate |= {"overall": 0.1, "overall_ci_low": 0.05, "overall_ci_high": 0.2}
    for name in ("in_clusters", "equal_hardness"):
        rate |= {f"{name}{end}": 0.1 for end in ("", "_ci_low", "_ci_high")}
    report = {"known": 5, "pooled": ["S"], "tasks": {}, "differences": []}
    write_json(tmp_path / "all.json", {"strategies": {"hns": rate, "saha": rate}, **report})
    return tmp_path


def run(results):
    flags = {
        "register": "datasets.csv",
        "scores": "scores",
        "adapters": "adapters",
        "clusters": "clusters",
        "rates": "all.json",
        "out": "tables",
    }
    words = [f"--{key}={results / value}" for key, value in flags.items()]
    words += ["--strategies", "hns", "saha", "--subsets", "S", "--prompt", "p", "--steps", "4"]
    words += ["--runs", "hns/p", "hns-classic/p", "--seeds", "0", "1", "--checkpoints", "2"]
    return program.main(words)


def test_sampling_by_hand(results):
    """Seeds at 0.5 and 1: mean 0.75, standard deviation 0.354; 2 items a query, classic 9."""
    assert run(results) == 0
    frame = pd.read_csv(results / "tables/sampling.csv").set_index("strategy")
    assert frame.index.tolist() == ["hns", "saha", "hns-classic"]
    hns = frame.loc["hns"]
    assert hns["value"] == 0.75 and hns["spread"] == pytest.approx(0.5 / 2**0.5)
    assert (hns["items_per_query"], frame.loc["hns-classic", "items_per_query"]) == (2, 9)
    assert (hns["hardness"], hns["overall"]) == (0.5, 0.1)
    text = (results / "tables/sampling.md").read_text()
    assert "not trained" in text and "sd 35.4" in text


def test_rows_dropped_before_mining_and_training_are_told(results):
    assert run(results) == 0
    before = {one: (results / f"tables/{one}.md").read_text() for one in ("sampling", "efficiency")}
    for path in results.glob("clusters/*/S.json"):
        write_json(path, json.loads(path.read_text()) | {"dropped": 2})
    for path in results.glob("scores/hns*/p/*.json"):
        score = json.loads(path.read_text())
        write_json(path, score | {"manifest": {"query": {"trained_on": {"dropped": 2}}}})
    assert run(results) == 0
    after = {one: (results / f"tables/{one}.md").read_text() for one in before}
    said = "Times: table cost."
    wanted = before["sampling"].replace(said, f"{said} 2 rows dropped before mining.")
    assert after["sampling"] == wanted
    assert "; None. 2 rows dropped of the training subsets. " in after["efficiency"]


def test_efficiency_by_hand(results):
    """40 pairs seen after step 2 of 40 rows: one pass; published rows are marked."""
    assert run(results) == 0
    frame = pd.read_csv(results / "tables/efficiency.csv")
    ours = frame[(frame["run"] == "hns, p") & (frame["aggregate"] == "all")].set_index("step")
    assert ours["passes"].to_dict() == {0: 0.0, 2: 1.0, 4: 2.0}
    assert ours["value"].to_dict() == {0: 0.25, 2: 0.5, 4: 0.75}
    published = frame[(frame["origin"] == "published") & (frame["aggregate"] == "all")]
    assert published["value"].iloc[0] == 0.671
    assert published["passes"].iloc[0] == pytest.approx(3_072_000 / 1_070_000)
    text = (results / "tables/efficiency.md").read_text()
    assert "SaHa, Qwen2-VL-2B†" in text and "67.1†" in text


def test_a_step_that_was_not_trained(results):
    folder = results / "adapters/hns_seed0/p"
    assert pairs_seen_at(folder, [1, 4]) == {1: 20, 4: 80}
    with pytest.raises(InputError, match="has no step 9; its last is 4"):
        pairs_seen_at(folder, [9])


def test_costs_are_means_over_seeds():
    cards = [
        {"pairs_seen": 10, "items_encoded": 20, "queries_trained": 10},
        {"pairs_seen": 12, "items_encoded": 28, "queries_trained": 14},
    ]
    found = cost_of(cards)
    assert found == {"pairs_seen": 11.0, "items_encoded": 24.0, "items_per_query": 2.0}
