"""What a configuration asks for, by hand: 2 prompts, 3 trainings, 100 items, 10 a second."""

import importlib.util
import json
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from gen2embed.files import write_json, write_parquet, write_text
from gen2embed.reporting.pages.plan import (
    encodings,
    hours,
    measured_rates,
    trainings,
    vector_bytes,
)

ROOT = Path(__file__).resolve().parents[3]
CONFIG = {
    "mining_from": "",
    "embed": {"prompts": ["a", "b"]},
    "train": {
        **{"runs": [{}, {}, {}], "seeds": [0, 1], "steps": 10, "checkpoints": [3, 6]},
        **{"pairs_per_batch": 8, "caching": True},
    },
}
ITEMS = {"train": 50, "eval": 100, "composition": 20}


def test_items_are_embedded_for_prompts_mining_checkpoints_and_adapters():
    """6 trainings: 2 x 120, 50, 6 x 2 x 100, 6 x 120."""
    assert list(encodings(CONFIG, ITEMS).values()) == [240, 50, 1200, 720]
    elsewhere = CONFIG | {"mining_from": "other"}
    assert encodings(elsewhere, ITEMS)["training items, for mining"] == 0
    unknown = encodings(CONFIG, ITEMS | {"eval": None})
    assert list(unknown.values()) == [None, 50, None, None]


def test_nothing_is_trained_without_runs():
    config = CONFIG | {"train": CONFIG["train"] | {"runs": []}}
    assert list(encodings(config, ITEMS | {"train": 0}).values()) == [240, 0, 0, 0]
    assert trainings(config)["optimiser steps"] == 0


def test_steps_and_passes():
    """60 steps of 8 pairs: 480 pairs, 960 items, twice with gradient caching."""
    assert list(trainings(CONFIG).values()) == [6, 60, 480, 1920]


def test_hours_and_bytes_are_known_only_where_all_of_them_are():
    embedded, trained = encodings(CONFIG, ITEMS), trainings(CONFIG)
    rates = {"items_per_second": 10.0, "pairs_per_second": 0.5}
    found = hours(embedded, trained, rates)
    assert found["embedding"] == pytest.approx(2210 / 10 / 3600)
    assert found["training"] == pytest.approx(480 / 0.5 / 3600)
    nothing = {"items_per_second": None, "pairs_per_second": None}
    assert hours(embedded, trained, nothing) == {"embedding": None, "training": None}
    assert vector_bytes(embedded, 16) == 2210 * 16 * 4
    assert vector_bytes(embedded, None) is None


def test_rates_are_medians_of_what_was_measured(tmp_path):
    assert measured_rates(tmp_path) == {"items_per_second": None, "pairs_per_second": None}
    for name, seconds in (("a", 10), ("b", 20), ("c", 5)):
        record = {"items": 100, "seconds": seconds}
        write_json(tmp_path / f"embeddings/base/p/{name}.run.json", record)
    lines = "".join(json.dumps({"pairs_per_second": one}) + "\n" for one in (1, 9, 2))
    write_text(tmp_path / "adapters/saha_seed0/p/training_log.run.jsonl", lines)
    assert measured_rates(tmp_path) == {"items_per_second": 10, "pairs_per_second": 2}


def test_the_program_says_what_it_knows_and_what_not(tmp_path, capsys):
    spec = importlib.util.spec_from_file_location("plan_run", ROOT / "scripts" / "plan_run.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["plan_run"] = module
    spec.loader.exec_module(module)
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    for side, rows in (("query", 3), ("target", 4)):
        frame = pd.DataFrame({"item_id": range(rows)})
        write_parquet(tmp_path / f"results/items/eval_{side}.parquet", frame)
        write_parquet(tmp_path / f"results/items/composition_{side}.parquet", frame)
    write_text(tmp_path / "jobs", "job   count\n----\nall   1\ntotal   45\n")
    words = ["--config", "config.yaml", "--results", "results", "--measured", "results"]
    words += ["--jobs", "jobs", "--out", "plan.run.json"]
    paths = [str(tmp_path / one) if not one.startswith("--") else one for one in words]
    assert module.main(paths) == 0
    found = json.loads((tmp_path / "plan.run.json").read_text())
    assert found["jobs"] == 45 and found["to download (bytes)"] == 0
    prompts = len(config["embed"]["prompts"])
    assert found["items to embed"]["evaluated, zero-shot"] == 14 * prompts
    assert found["items to embed"]["training items, for mining"] is None
    said = capsys.readouterr().out
    assert "not known yet" in said and "jobs of Snakemake" in said
