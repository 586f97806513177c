"""Pairs that share their target, as class names do: no negatives of each other, unless asked."""

import json

import numpy as np
import pandas as pd
import pytest

from gen2embed.files import write_parquet
from gen2embed.mining.clusters import ClusterTable, write_clusters
from unit.training.test_train_program import job, run_here  # noqa: F401  (a fixture)


def losses(job, tmp_path, targets, **changed):  # noqa: F811
    """Of two steps on single pairs, one for each target, all in one batch."""
    n = len(targets)
    frame = pd.DataFrame({"pair_id": range(n), "query_id": range(n), "target_id": targets})
    write_parquet(tmp_path / "pairs.parquet", frame, {"subset": "Toy"})
    nothing = np.empty(0)
    table = ClusterTable(
        anchor_pair=np.arange(n),
        phase=np.ones(n, dtype=np.int8),
        starts=np.zeros(n + 1, dtype=np.int64),
        negative_pairs=nothing.astype(np.int64),
        hardness=nothing,
        overlap=nothing,
    )
    write_clusters(tmp_path / "clusters.parquet", table, {"strategy": "in_batch"})
    settings = {"steps": 2, "warm_up": 0, "pairs_per_batch": max(n, 2), "save_adapters_at": []}
    assert run_here(job, tmp_path, **settings, **changed) == 0
    log = (tmp_path / "adapter" / "training_log.jsonl").read_text().splitlines()
    return [json.loads(line)["loss"] for line in log]


@pytest.mark.parametrize("caching", [False, True])
def test_one_target_for_all_leaves_nothing_to_tell_apart(job, tmp_path, caching):  # noqa: F811
    assert losses(job, tmp_path, [1, 1, 1, 1], caching=caching) == pytest.approx([0, 0], abs=1e-6)


def test_unmasked_they_are_negatives_that_cannot_be_told_apart(job, tmp_path):  # noqa: F811
    """Four equal scores: the loss is log 4 whatever the adapter does."""
    found = losses(job, tmp_path, [1, 1, 1, 1], mask_duplicates=False)
    assert found == pytest.approx([np.log(4)] * 2, abs=1e-5)


def test_one_pair_trains_without_a_negative(job, tmp_path):  # noqa: F811
    assert losses(job, tmp_path, [2]) == pytest.approx([0, 0], abs=1e-6)
