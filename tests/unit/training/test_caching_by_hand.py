"""Gradient caching and what it stands for: each row in its place, the loss of a whole batch."""

import json

import numpy as np
import pytest
import torch

import embed_items
import train_adapter
from gen2embed.training.caching import encode_chunks
from unit.training.test_train_program import command, job  # noqa: F401  (a fixture)


@pytest.mark.parametrize("caching", [False, True])
def test_rows_come_back_in_the_batch_s_order_with_their_gradients(caching):
    """Three chunks of five items; row i of the batch is item order[i], some of them twice."""
    items = torch.arange(10.0).reshape(5, 2)
    weights = torch.tensor([[1.0, 2.0], [3.0, 5.0]], requires_grad=True)
    order = torch.tensor([3, 0, 4, 4, 1, 2, 0])
    chunks = [{"x": items[:2]}, {"x": items[2:3]}, {"x": items[3:]}]
    rows = encode_chunks(lambda chunk: torch.sin(chunk["x"] @ weights), chunks, order, caching)
    plain = torch.sin(items[order] @ weights)
    assert torch.equal(rows, plain)
    factor = torch.linspace(-1, 1, 14).reshape(7, 2)
    (found,) = torch.autograd.grad((rows * factor).sum(), weights)
    (wanted,) = torch.autograd.grad((plain * factor).sum(), weights)
    assert torch.allclose(found, wanted, atol=1e-6)


def vectors_of(job, tmp_path, side):  # noqa: F811
    flags = {
        "model": job["model"], "prompt": job["prompt"], "role": side, "threads": 1,
        "items": job[f"{side}_items"], "image_root": job["image_root"], "max_tokens": 256,
        "out": str(tmp_path / f"{side}.npy"),
    }  # fmt: skip
    (tmp_path / "embed.json").write_text(json.dumps([flags]))
    assert embed_items.main(["--job-list", str(tmp_path / "embed.json")]) == 0
    return np.load(tmp_path / f"{side}.npy", allow_pickle=False).astype(np.float64)


@pytest.mark.parametrize("caching", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_the_first_loss_is_that_of_vectors_embedded_one_side_at_a_time(
    job, tmp_path, caching, masked  # noqa: F811
):  # fmt: skip
    """A new adapter changes nothing, so the first step's loss follows from the model's own vectors.

    One batch holds all eight pairs: -log of each pair's share among all targets, but for other
    annotated positives of its query where these are masked.
    """
    queries, targets = (vectors_of(job, tmp_path, side) for side in ("query", "target"))
    query_id, target_id = np.arange(8) % 4, (np.arange(8) + np.arange(8) // 4) % 4
    scores = queries[query_id] @ targets[target_id].T / job["temperature"]
    losses = []
    for pair in range(8):
        others = [
            other
            for other in range(8)
            if other != pair
            and not (
                masked
                and any(
                    query_id[row] == query_id[pair] and target_id[row] == target_id[other]
                    for row in range(8)
                )
            )
        ]
        shares = np.exp(scores[pair, [pair, *others]])
        losses.append(-np.log(shares[0] / shares.sum()))
    changed = {
        "caching": caching, "mask_duplicates": masked, "dropout": 0.0, "steps": 2, "warm_up": 0,
        "pairs_per_batch": 8, "save_adapters_at": [],
    }  # fmt: skip
    assert train_adapter.main(command(job, tmp_path, **changed)[2:]) == 0
    log = (tmp_path / "adapter" / "training_log.jsonl").read_text().splitlines()
    assert json.loads(log[0])["pairs"] == 8
    assert json.loads(log[0])["loss"] == pytest.approx(np.mean(losses), abs=2e-5)
