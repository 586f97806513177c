"""The cluster file: schema, writing, reading, checking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from gen2embed.artifacts.further_targets import FURTHER
from gen2embed.errors import InputError
from gen2embed.files import read_parquet, write_parquet
from gen2embed.mining.subset import Subset

SCHEMA = pa.schema(
    [
        ("cluster_id", pa.int64()),
        ("anchor_pair", pa.int64()),
        ("negative_pairs", pa.list_(pa.int64())),
        ("phase", pa.int8()),
        ("hardness", pa.list_(pa.float32())),
        ("overlap", pa.list_(pa.float32())),
    ]
)


@dataclass(frozen=True)
class Cluster:
    """One anchor pair and its negative pairs, in kept order; pairs are rows of the subset."""

    anchor_pair: int
    negative_pairs: np.ndarray  # int64
    phase: int  # 1 or 2: the pass it was made in
    hardness: np.ndarray  # float64: anchor query . negative pair's target
    overlap: np.ndarray  # float64: anchor query . owner query


@dataclass(frozen=True)
class ClusterTable:
    """Mined clusters in the order of mining; pairs are by ``pair_id`` of the pairs file.

    The negatives of cluster i lie at ``starts[i]:starts[i + 1]`` of the three flat arrays.
    """

    anchor_pair: np.ndarray  # int64, shape (n_clusters,)
    phase: np.ndarray  # int8, shape (n_clusters,)
    starts: np.ndarray  # int64, shape (n_clusters + 1,)
    negative_pairs: np.ndarray  # int64, shape (n_negatives,)
    hardness: np.ndarray  # float64 as mined, float32 as read; shape (n_negatives,)
    overlap: np.ndarray  # likewise

    def __len__(self) -> int:
        return len(self.anchor_pair)

    @property
    def negatives(self) -> np.ndarray:
        """How many negative pairs each cluster has: int64, shape (n_clusters,)."""
        return np.diff(self.starts)

    @classmethod
    def of(cls, clusters: Sequence[Cluster], subset: Subset) -> ClusterTable:
        sizes = [len(cluster.negative_pairs) for cluster in clusters]
        rows = np.array([cluster.anchor_pair for cluster in clusters], dtype=np.int64)
        negatives = _joined([cluster.negative_pairs for cluster in clusters], np.int64)
        return cls(
            anchor_pair=subset.pair_ids[rows],
            phase=np.array([cluster.phase for cluster in clusters], dtype=np.int8),
            starts=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
            negative_pairs=subset.numbers[negatives],
            hardness=_joined([cluster.hardness for cluster in clusters], np.float64),
            overlap=_joined([cluster.overlap for cluster in clusters], np.float64),
        )

    @classmethod
    def alone(cls, subset: Subset) -> ClusterTable:
        """Every pair a cluster of its own."""
        n_pairs = len(subset.pair_ids)
        return cls(
            anchor_pair=subset.pair_ids,
            phase=np.ones(n_pairs, dtype=np.int8),
            starts=np.zeros(n_pairs + 1, dtype=np.int64),
            negative_pairs=np.empty(0, dtype=np.int64),
            hardness=np.empty(0),
            overlap=np.empty(0),
        )


def _joined(arrays: list[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate([np.empty(0, dtype=dtype), *arrays])


def write_clusters(path: str | Path, table: ClusterTable, metadata: dict[str, str]) -> None:
    """``metadata`` (all strings) says how the clusters were mined: subset, strategy, k, m, ..."""

    def lists(values: np.ndarray, kind: pa.DataType) -> pa.Array:
        return pa.ListArray.from_arrays(
            pa.array(table.starts, pa.int32()), pa.array(values).cast(kind, safe=False)
        )

    columns = [
        pa.array(np.arange(len(table)), pa.int64()),
        pa.array(table.anchor_pair, pa.int64()),
        lists(table.negative_pairs, pa.int64()),
        pa.array(table.phase, pa.int8()),
        lists(table.hardness, pa.float32()),
        lists(table.overlap, pa.float32()),
    ]
    write_parquet(path, pa.table(columns, schema=SCHEMA), metadata)


def read_clusters(
    path: str | Path, n_pairs: int, further: bool = False
) -> tuple[ClusterTable, dict[str, str]]:
    """Read and check a cluster file made from ``n_pairs`` pairs; also returns its metadata.

    further: whether negatives may be targets of a corpus without owner, which are numbered after
    the pairs (``further.py``); the metadata tell how many there are.

    Raises InputError when a column is missing or of another type, an id is out of range, a phase
    is not 1 or 2, the three lists of a cluster differ in length, or a pair stands twice in it.
    """
    frame, metadata = read_parquet(path, SCHEMA.names)
    try:
        arrow = pa.Table.from_pandas(frame, SCHEMA, preserve_index=False)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise InputError(f"{path}: does not hold clusters ({error}); mine them again") from None
    flat = {
        name: arrow[name].combine_chunks() for name in ("negative_pairs", "hardness", "overlap")
    }
    lengths = {name: column.value_lengths().to_numpy(False) for name, column in flat.items()}
    table = ClusterTable(
        anchor_pair=arrow["anchor_pair"].to_numpy(),
        phase=arrow["phase"].to_numpy(),
        starts=np.concatenate([[0], np.cumsum(lengths["negative_pairs"])]).astype(np.int64),
        negative_pairs=flat["negative_pairs"].flatten().to_numpy(False),
        hardness=flat["hardness"].flatten().to_numpy(False),
        overlap=flat["overlap"].flatten().to_numpy(False),
    )
    owner = np.repeat(np.arange(len(table)), table.negatives)
    members = np.stack(
        [
            np.concatenate([np.arange(len(table)), owner]),
            np.concatenate([table.anchor_pair, table.negative_pairs]),
        ]
    )
    faults = [
        (arrow["cluster_id"].to_numpy() != np.arange(len(table)), "cluster_id is not the row"),
        (~np.isin(table.phase, (1, 2)), "phase is not 1 or 2"),
        (
            (lengths["hardness"] != table.negatives) | (lengths["overlap"] != table.negatives),
            "negative_pairs, hardness and overlap differ in length",
        ),
    ]
    n_further = int(metadata.get(FURTHER, 0))
    if n_further and not further and (members[1] >= n_pairs).any():
        raise InputError(
            f"{path}: has negatives from a corpus, which have no query; mine without --corpus"
        )
    n_pairs += n_further
    outside = members[0, (members[1] < 0) | (members[1] >= n_pairs)]
    faults.append((np.isin(np.arange(len(table)), outside), f"a pair is not in 0..{n_pairs - 1}"))
    unique, counts = np.unique(members, axis=1, return_counts=True)
    twice = unique[0, counts > 1]
    faults.append((np.isin(np.arange(len(table)), twice), "a pair stands in it twice"))
    for wrong, what in faults:
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise InputError(f"{path}: row {row}: {what}; mine the clusters again")
    return table, metadata
