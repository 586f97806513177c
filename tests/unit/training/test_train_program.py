"""train_adapter.py as a user runs it, on the tiny model: whole, deterministic, resumable."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForImageTextToText

from gen2embed.files import digest_file, write_parquet
from gen2embed.mining.clusters import ClusterTable, write_clusters

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "train_adapter.py"
spec = importlib.util.spec_from_file_location("train_adapter", SCRIPT)
train_adapter = importlib.util.module_from_spec(spec)
sys.modules["train_adapter"] = train_adapter
spec.loader.exec_module(train_adapter)


@pytest.fixture
def job(tiny, tmp_path):
    """Eight pairs of four queries and targets in two clusters."""
    texts = ["tram", "a red apple", "dog face", "<|image_1|>\nflag?"]
    items = pd.DataFrame({"item_id": range(4), "text": texts, "image_path": ["", "", "", "0.png"]})
    for side in ("query", "target"):
        write_parquet(tmp_path / f"{side}.parquet", items)
    pairs = pd.DataFrame(
        {
            "pair_id": np.arange(8),
            "query_id": np.arange(8) % 4,
            "target_id": (np.arange(8) + np.arange(8) // 4) % 4,
        }
    )
    write_parquet(tmp_path / "pairs.parquet", pairs, {"subset": "Toy"})
    table = ClusterTable(
        anchor_pair=np.array([0, 4]),
        phase=np.ones(2, dtype=np.int8),
        starts=np.array([0, 3, 6]),
        negative_pairs=np.array([1, 2, 3, 5, 6, 7]),
        hardness=np.zeros(6),
        overlap=np.zeros(6),
    )
    write_clusters(tmp_path / "clusters.parquet", table, {"strategy": "hns"})
    return {
        "model": str(tiny.folder), "prompt": "hierarchical",
        "pairs": [str(tmp_path / "pairs.parquet")],
        "clusters": [str(tmp_path / "clusters.parquet")],
        "query_items": str(tmp_path / "query.parquet"),
        "target_items": str(tmp_path / "target.parquet"),
        "image_root": str(tiny.images), "resolution": "native", "max_tokens": 256, "seed": 0,
        "steps": 6, "save_adapters_at": [2], "pairs_per_batch": 4, "chunk": 2, "caching": False,
        "temperature": 0.1, "mask_duplicates": True, "rate": 0.01, "warm_up": 1, "rank": 2,
        "alpha": 16, "dropout": 0.1, "dora": True, "threads": 1, "save_every": 2,
        "partial": str(tmp_path / "partial"), "out": str(tmp_path / "adapter"),
    }  # fmt: skip


def command(job, tmp_path, **changed):
    path = tmp_path / f"{abs(hash(str(changed)))}.json"
    path.write_text(json.dumps([{**job, **changed}]))
    return [sys.executable, str(SCRIPT), "--job-list", str(path)]


def run(job, tmp_path, **changed):
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    return subprocess.run(
        command(job, tmp_path, **changed), text=True, capture_output=True, env=environment
    )


def digests(folder):
    """Of everything that must not depend on when and how often the program ran."""
    return {
        path.relative_to(folder).as_posix(): digest_file(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_whole_folder_that_peft_loads(job, tiny, tmp_path):
    done = run(job, tmp_path)
    assert done.returncode == 0, done.stderr
    out = tmp_path / "adapter"
    card = json.loads((out / "card.json").read_text())
    assert card["clusters"] == {"Toy": {"strategy": "hns", "pairs": 8, "clusters": 2}}
    assert card["pairs_seen"] == 24 and card["settings"]["dora"] is True
    assert card["settings"]["caching"] is False  # as told: a default of the program is no answer
    log = [json.loads(line) for line in (out / "training_log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in log] == [1, 2, 3, 4, 5, 6]
    assert log[-1]["loss"] < log[0]["loss"]
    rates = [line["lr"] for line in log]
    assert rates[0] == 0 or rates[0] == max(rates)  # warm-up, then down
    assert rates[1:] == sorted(rates[1:], reverse=True)
    assert not list((tmp_path / "partial").glob("*"))
    model = AutoModelForImageTextToText.from_pretrained(tiny.folder)
    for folder in (out, out / "checkpoints" / "step-2"):
        loaded = PeftModel.from_pretrained(model, folder)
        weights = [p for name, p in loaded.named_parameters() if "lora_B" in name]
        assert weights and any(bool(torch.any(one != 0)) for one in weights)
        model = loaded.unload()


def test_killed_and_run_again_gives_the_same_bytes(job, tmp_path):
    """SIGKILL after a state was saved; the second run goes on from it."""
    long = {"steps": 60, "save_every": 10, "save_adapters_at": [10, 50]}
    whole = run(job, tmp_path, **long, out=str(tmp_path / "whole"), partial=None)
    assert whole.returncode == 0, whole.stderr
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    started = subprocess.Popen(
        command(job, tmp_path, **long), env=environment, stderr=subprocess.DEVNULL
    )
    until = time.monotonic() + 120
    while not list((tmp_path / "partial").glob("*/checkpoint-*/trainer_state.json")):
        assert started.poll() is None and time.monotonic() < until
        time.sleep(0.02)
    started.send_signal(signal.SIGKILL)
    started.wait()
    assert not (tmp_path / "adapter" / "adapter_model.safetensors").exists()
    again = run(job, tmp_path, **long)
    assert again.returncode == 0, again.stderr
    record = json.loads((tmp_path / "adapter.run.json").read_text())
    assert record["resumed_from"].startswith("checkpoint-")
    assert digests(tmp_path / "adapter") == digests(tmp_path / "whole")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"prompt": "nonesuch"}, "unknown prompt 'nonesuch'"),
        ({"steps": 0}, "--steps is 0; give at least 1"),
        ({"pairs_per_batch": 3}, "a cluster of 4 pairs does not fit into a batch of 3"),
        ({"clusters": ["missing.parquet"]}, "missing.parquet"),
        ({"save_adapters_at": [6]}, "--save-adapters-at 6: give steps from 1 to 5"),
    ],
)
def test_bad_input_is_one_line_and_no_output(job, tmp_path, capsys, change, said):
    assert train_adapter.main(command(job, tmp_path, **change)[2:]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "adapter").exists()


def test_pairs_of_other_items_are_refused(job, tmp_path, capsys):
    few = pd.DataFrame({"item_id": [0], "text": ["tram"], "image_path": [""]})
    write_parquet(tmp_path / "few.parquet", few)
    changed = {"target_items": str(tmp_path / "few.parquet")}
    assert train_adapter.main(command(job, tmp_path, **changed)[2:]) == 2
    assert "holds 1 items, but the pairs name target_id 3" in capsys.readouterr().err
