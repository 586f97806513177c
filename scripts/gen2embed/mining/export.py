"""Mined clusters in the shapes that other programs train on: pure functions, frames out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gen2embed.mining.clusters import ClusterTable

TUPLES, MMEB, JSONL = "sentence-transformers", "mmeb", "jsonl"
CELLS, FLAG, SWIFT, TEVATRON = (
    "sentence-transformers-cells",
    "flagembedding",
    "ms-swift",
    "tevatron",
)
FORMATS = (TUPLES, CELLS, MMEB, FLAG, SWIFT, TEVATRON, JSONL)
LINES = (FLAG, SWIFT, TEVATRON, JSONL)  # written as JSON lines


@dataclass(frozen=True)
class Texts:
    """What pairs consist of: query and target of each pair, and the items they name.

    query_id (-1: none), target_id: shape (n_pairs,); queries, targets: frames with ``text`` and
    ``image_path`` ("" = none), row = item id.
    """

    query_id: np.ndarray
    target_id: np.ndarray
    queries: pd.DataFrame
    targets: pd.DataFrame

    def query(self, pair: int) -> dict[str, str]:
        return _item(self.queries, self.query_id[pair])

    def target(self, pair: int) -> dict[str, str]:
        return _item(self.targets, self.target_id[pair])


def _item(items: pd.DataFrame, item_id: int) -> dict[str, str]:
    if item_id < 0:  # a target of a corpus has no query
        return {"text": "", "image_path": ""}
    return {name: str(items[name].iat[item_id]) for name in ("text", "image_path")}


def as_tuples(table: ClusterTable, texts: Texts, negatives: int) -> tuple[pd.DataFrame, int]:
    """sentence-transformers' n-tuples: anchor, positive, negative_1 ... negative_n (strings).

    Where any of the items has an image, each column ``x`` has a column ``x_image`` beside it.
    Clusters with fewer negatives are left out, since a row of its losses has no holes; of longer
    ones the first are taken. Returns the frame and how many clusters were left out.
    """
    rows, left_out = [], 0
    for anchor, kept, _ in clusters_of(table):
        if len(kept) < negatives:
            left_out += 1
            continue
        items = [texts.query(anchor), texts.target(anchor), *map(texts.target, kept[:negatives])]
        rows.append(items)
    names = ["anchor", "positive", *(f"negative_{number + 1}" for number in range(negatives))]
    with_images = any(item["image_path"] for row in rows for item in row)
    columns = {}
    for index, name in enumerate(names):
        columns[name] = [row[index]["text"] for row in rows]
        if with_images:
            columns[f"{name}_image"] = [row[index]["image_path"] for row in rows]
    return pd.DataFrame(columns), left_out


def as_mmeb(table: ClusterTable, texts: Texts) -> pd.DataFrame:
    """Rows in MMEB's training schema with negatives: one row per anchor and negative.

    qry, qry_image_path, pos_text, pos_image_path, neg_text, neg_image_path; strings, "" = none.
    """
    names = ["qry", "qry_image_path", "pos_text", "pos_image_path", "neg_text", "neg_image_path"]
    rows = [
        [
            *texts.query(anchor).values(),
            *texts.target(anchor).values(),
            *texts.target(kept_one).values(),
        ]
        for anchor, kept, _ in clusters_of(table)
        for kept_one in kept
    ]
    return pd.DataFrame(rows, columns=names)


def as_records(table: ClusterTable, texts: Texts) -> Iterator[dict[str, Any]]:
    """One object per cluster, with everything that mining knows of it.

    cluster_id, phase, anchor and negatives; each of these a pair: pair_id, query, target (text,
    image_path); negatives with hardness and overlap.
    """

    def pair(number: int) -> dict[str, Any]:
        return {"pair_id": number, "query": texts.query(number), "target": texts.target(number)}

    for cluster_id, (anchor, kept, span) in enumerate(clusters_of(table)):
        yield {
            "cluster_id": cluster_id,
            "phase": int(table.phase[cluster_id]),
            "anchor": pair(anchor),
            "negatives": [
                {
                    **pair(kept_one),
                    "hardness": round(float(table.hardness[index]), 6),
                    "overlap": round(float(table.overlap[index]), 6),
                }
                for kept_one, index in zip(kept, span, strict=True)
            ],
        }


def clusters_of(table: ClusterTable) -> Iterator[tuple[int, list[int], range]]:
    """anchor pair, negative pairs, and their places in the table's flat arrays."""
    for number, anchor in enumerate(table.anchor_pair.tolist()):
        span = range(int(table.starts[number]), int(table.starts[number + 1]))
        yield anchor, table.negative_pairs[span.start : span.stop].tolist(), span
