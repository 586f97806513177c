"""The cluster file and its statistics: what is written is read, and what is wrong is named."""

from collections import Counter

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from gen2embed.errors import InputError
from gen2embed.files import write_parquet
from gen2embed.mining.clusters import SCHEMA, ClusterTable, read_clusters, write_clusters
from gen2embed.mining.statistics import describe, spread

TABLE = ClusterTable(
    anchor_pair=np.array([0, 3, 4]),
    phase=np.array([1, 1, 2], dtype=np.int8),
    starts=np.array([0, 2, 2, 3]),
    negative_pairs=np.array([2, 1, 2]),
    hardness=np.array([0.5, 0.25, 0.75]),
    overlap=np.array([0.1, 0.2, 0.6]),
)


def test_round_trip(tmp_path):
    path = tmp_path / "clusters.parquet"
    write_clusters(path, TABLE, {"strategy": "saha"})
    assert pq.read_schema(path).remove_metadata().equals(SCHEMA)
    table, metadata = read_clusters(path, 5)
    assert metadata == {"strategy": "saha"}
    for name in ("anchor_pair", "phase", "starts", "negative_pairs", "hardness"):
        assert getattr(table, name).tolist() == getattr(TABLE, name).tolist()
    np.testing.assert_allclose(table.overlap, TABLE.overlap, atol=1e-7)


def test_no_clusters_at_all(tmp_path):
    empty = ClusterTable(*(np.empty(0, np.int64),) * 2, np.zeros(1, np.int64), *(np.empty(0),) * 3)
    write_clusters(tmp_path / "c.parquet", empty, {})
    assert len(read_clusters(tmp_path / "c.parquet", 1)[0]) == 0
    assert describe(empty, Counter())["hardness"] is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cluster_id": [0, 2, 1]}, "row 1: cluster_id"),
        ({"phase": [1, 1, 3]}, "row 2: phase"),
        ({"anchor_pair": [0, 5, 4]}, r"row 1: a pair is not in 0..4"),
        ({"negative_pairs": [[2, -1], [], [2]]}, "row 0: a pair is not"),
        ({"negative_pairs": [[2, 2], [], [2]]}, "row 0: a pair stands in it twice"),
        ({"negative_pairs": [[2, 0], [], [2]]}, "row 0: a pair stands in it twice"),
        ({"hardness": [[0.5, 0.2], [], []]}, "row 2: negative_pairs, hardness and overlap"),
        ({"negative_pairs": ["x", "y", "z"]}, "each row is a list of numbers"),
    ],
)
def test_faults_are_named(tmp_path, change, message):
    path = tmp_path / "c.parquet"
    good = {
        "cluster_id": [0, 1, 2],
        "anchor_pair": [0, 3, 4],
        "negative_pairs": [[2, 1], [], [2]],
        "phase": [1, 1, 2],
        "hardness": [[0.5, 0.2], [], [0.7]],
        "overlap": [[0.5, 0.2], [], [0.7]],
    }
    write_parquet(path, pd.DataFrame(good))
    read_clusters(path, 5)
    write_parquet(path, pd.DataFrame(good | change))
    with pytest.raises(InputError, match=message):
        read_clusters(path, 5)


def test_statistics():
    tally = Counter(
        searches=4, owner_taken=5, passed_over=1, searched_anchors=3, positive_in_top_5=2
    )
    found = describe(TABLE, tally)
    assert found["cluster_sizes"] == {"1": 1, "2": 1, "3": 1}
    assert (found["clusters"], found["clusters_phase_1"], found["clusters_phase_2"]) == (3, 2, 1)
    assert (found["singles"], found["negatives"], found["searches"]) == (1, 3, 4)
    assert found["positive_rank"] == {"searched_anchors": 3, "top_1": 0, "top_5": 2, "top_10": 0}
    assert found["hardness"]["mean"] == found["hardness"]["q50"] == 0.5
    assert found["overlap"]["mean"] == 0.3
    assert found["overlap"]["q25"] == 0.15  # half way from .1 to .2
    assert spread(np.array([1.0]))["q05"] == 1.0
