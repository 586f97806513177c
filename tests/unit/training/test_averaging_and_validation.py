"""Averaged checkpoints and early stopping, by hand and through the program."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from gen2embed.errors import InputError
from gen2embed.files import write_parquet
from gen2embed.training.averaging import mean_of
from gen2embed.training.batches import batches_of
from gen2embed.training.trainer import ContrastiveTrainer
from gen2embed.training.validation import History, hold_out
from unit.training.test_train_program import digests, job, killed_at, run_here  # noqa: F401

WEIGHTS = "adapter_model.safetensors"


def test_the_mean_by_hand():
    """(1 + 2 + 6) / 3 = 3; the first state's type."""
    states = [{"a": torch.tensor([one], dtype=torch.bfloat16)} for one in (1.0, 2.0, 6.0)]
    assert mean_of(states)["a"].tolist() == [3.0] and mean_of(states)["a"].dtype == torch.bfloat16


def test_a_training_s_last_adapter_is_averaged(job, tmp_path):  # noqa: F811
    told = {"save_adapters_at": [2, 4], "out": str(tmp_path / "plain")}
    assert run_here(job, tmp_path, **told) == 0
    assert run_here(job, tmp_path, save_adapters_at=[], average=[2, 4]) == 0
    plain = tmp_path / "plain"
    folders = (plain, plain / "checkpoints/step-2", plain / "checkpoints/step-4")
    states = [load_file(folder / WEIGHTS) for folder in folders]
    found = load_file(tmp_path / "adapter" / WEIGHTS)
    assert found.keys() == states[0].keys()
    for name, value in found.items():
        expected = sum(state[name] for state in states) / 3
        torch.testing.assert_close(value, expected, rtol=1e-6, atol=1e-8)
    assert not (tmp_path / "adapter" / "checkpoints").exists()
    assert run_here(job, tmp_path, average=[6]) == 2


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.integers(-1, 9), min_size=1, max_size=4), min_size=2, max_size=12),
       st.floats(0.05, 0.9), st.integers(0, 3))  # fmt: skip
def test_no_query_is_trained_on_and_held_out(asking, share, seed):
    """Pairs numbered through; an anchor always asks."""
    query_id = np.array([abs(q) if not i else q for one in asking for i, q in enumerate(one)])
    ends = np.cumsum([len(one) for one in asking])
    clusters = np.split(np.arange(len(query_id)), ends[:-1])
    try:
        kept, held = hold_out(clusters, query_id, share, seed)
    except InputError:
        return
    anchors = {int(cluster[0]) for cluster in clusters}
    assert all(int(cluster[0]) in anchors for cluster in (*kept, *held))
    asked = {int(q) for cluster in held for q in query_id[cluster] if q >= 0}
    assert not asked & {int(q) for cluster in kept for q in query_id[cluster]}
    assert sum(map(len, held)) <= share * len(query_id)


def test_batches_of_held_out_clusters():
    clusters = [np.arange(3), np.arange(3, 5), np.arange(5, 9), np.arange(9, 10)]
    assert [len(batch) for batch in batches_of(clusters, 5)] == [2, 2]
    assert [len(batch) for batch in batches_of(clusters, 9, clusters_per_batch=1)] == [1, 1, 1, 1]


def test_when_it_is_over():
    """3, 2, 2.5, 2: step 20 is the best, of equals the first; two measurements since."""
    history = History(patience=2)
    over = []
    for step, loss in ((10, 3.0), (20, 2.0), (30, 2.5), (40, 2.0)):
        history.losses[step] = loss
        over.append(history.over)
    assert over == [False, False, False, True] and history.best == 20


@pytest.fixture
def apart(job, tmp_path):  # noqa: F811
    """The job's two clusters, of eight queries."""
    texts = [f"{word} {n}" for n in range(2) for word in ("tram", "apple", "dog face", "flag")]
    items = pd.DataFrame({"item_id": range(8), "text": texts, "image_path": [""] * 8})
    write_parquet(tmp_path / "query.parquet", items)
    ids = np.arange(8)
    pairs = pd.DataFrame({"pair_id": ids, "query_id": ids, "target_id": ids % 4})
    write_parquet(tmp_path / "pairs.parquet", pairs, {"subset": "Toy"})
    return job | {"save_adapters_at": [], "validation_share": 0.5, "save_every": 1}


def test_the_best_step_is_kept_and_the_training_ends(apart, tmp_path, monkeypatch):
    """Losses 3, 2, 2.5, 2.6: after step 4 of 6, with the adapter of step 2; killed after 3, too."""
    losses, seen = [3.0, 2.0, 2.5, 2.6, 1.0, 1.0], {}

    def measured(trainer, batches):
        step = trainer.state.global_step
        assert [len(batch.own) for batch in batches] == [4]
        seen[step] = {n: p.detach().clone() for n, p in trainer.model.named_parameters()}
        return losses[step - 1]

    monkeypatch.setattr(ContrastiveTrainer, "loss_of", measured)
    assert run_here(apart, tmp_path, patience=2) == 0
    out = tmp_path / "adapter"
    card = json.loads((out / "card.json").read_text())
    assert card["validation"] == {
        "kept_step": 2, "losses": {"1": 3.0, "2": 2.0, "3": 2.5, "4": 2.6},
    }  # fmt: skip
    assert card["pairs_seen"] == 16 and len((out / "training_log.jsonl").read_text().split()) > 4
    for name, value in load_file(out / WEIGHTS).items():
        first, last = name.removesuffix(".weight"), f"{name}.default.weight"
        (inside,) = {last, f"{first}.default.weight"} & seen[2].keys()
        assert torch.equal(value, seen[2][inside])
    whole = digests(out)
    shutil.rmtree(out)
    with monkeypatch.context() as patch, killed_at(3, patch):
        run_here(apart, tmp_path, patience=2)
    assert run_here(apart, tmp_path, patience=2) == 0
    assert json.loads((tmp_path / "adapter.run.json").read_text())["resumed_from"]
    assert digests(out) == whole


def test_measuring_changes_nothing(apart, tmp_path):
    """At every step or at the last alone: the same log, and finite losses on the card."""
    for name, every in (("often", 1), ("once", 6)):
        told = {"save_every": every, "patience": 9, "out": str(tmp_path / name)}
        assert run_here(apart, tmp_path, **told) == 0
    logs = [(tmp_path / name / "training_log.jsonl").read_text() for name in ("often", "once")]
    assert logs[0] == logs[1]
    losses = json.loads((tmp_path / "often" / "card.json").read_text())["validation"]["losses"]
    assert len(losses) == 6 and all(np.isfinite(list(losses.values())))
    assert run_here(apart, tmp_path, save_adapters_at=[2]) == 2
