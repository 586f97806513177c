"""A training in the shape of the paper's batch: 256 pairs a process, chunks of 4, 4 workers."""

import numpy as np
import pandas as pd

from gen2embed.files import write_parquet
from gen2embed.mining.clusters import ClusterTable, write_clusters

CLUSTERS, SIZE = 16, 16  # of one process (paper: 16 clusters of 15 + 1 pairs)


def paper_job(tiny, folder, **changed):
    """Every pair with items and images of its own on both sides; each worker is some batches ahead.

    A chunk is five tensors, so that a worker that is two batches ahead holds 1280 of them.
    """
    pairs = CLUSTERS * SIZE
    rows = np.arange(pairs)
    images = [f"{row % 6}.png" for row in rows]
    for side, word in (("query", "number"), ("target", "tram")):
        texts = [f"<|image_1|>\n{word} {row}" for row in rows]
        items = pd.DataFrame({"item_id": rows, "text": texts, "image_path": images})
        write_parquet(folder / f"{side}.parquet", items)
    ids = pd.DataFrame({"pair_id": rows, "query_id": rows, "target_id": rows})
    write_parquet(folder / "pairs.parquet", ids, {"subset": "Toy"})
    anchors = np.arange(0, pairs, SIZE)
    table = ClusterTable(
        anchor_pair=anchors,
        phase=np.ones(CLUSTERS, dtype=np.int8),
        starts=np.arange(CLUSTERS + 1) * (SIZE - 1),
        negative_pairs=np.setdiff1d(rows, anchors),
        hardness=np.zeros(pairs - CLUSTERS),
        overlap=np.zeros(pairs - CLUSTERS),
    )
    write_clusters(folder / "clusters.parquet", table, {"strategy": "hns"})
    files = {name: str(folder / f"{name}.parquet") for name in ("pairs", "clusters")}
    items = {f"{side}_items": str(folder / f"{side}.parquet") for side in ("query", "target")}
    settings = {
        "model": str(tiny.folder), "prompt": "plain", "image_root": str(tiny.images),
        "resolution": "native", "max_tokens": 512, "seed": 0, "steps": 6,
        "pairs_per_batch": pairs, "chunk": 4, "caching": False, "temperature": 0.02,
        "mask_duplicates": False, "rate": 0.001, "warm_up": 1, "rank": 2, "alpha": 16,
        "dropout": 0.1, "dora": True, "threads": 1, "loader_workers": 4,
        "out": str(folder / "adapter"),
    }  # fmt: skip
    return {**{name: [path] for name, path in files.items()}, **items, **settings, **changed}
