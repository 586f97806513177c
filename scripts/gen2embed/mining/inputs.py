"""What mining reads of one subset: its pairs, the vectors of both sides, what their files tell."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gen2embed.embedding_files import EmbeddingFiles, manifest
from gen2embed.errors import InputError
from gen2embed.ids import check_ids, read_id_rows
from gen2embed.mining.subset import Subset
from gen2embed.rows_taken import dropped_from_metadata


@dataclass(frozen=True)
class MiningInputs:
    subset: Subset
    name: str
    labelled: bool
    prompt: str | None  # of the query vectors, where their manifest tells
    form: dict[str, str] | None  # of the inputs of both sides, likewise
    rows: int
    dropped: dict[str, int]  # bad rows that the pairs were made without; empty: none
    queries: np.ndarray
    targets: np.ndarray


def read_pairs(path: str) -> tuple[np.ndarray, np.ndarray, dict[str, str]]:
    """query_id and target_id by row, and the file's metadata."""
    columns = ["pair_id", "query_id", "target_id"]
    frame, metadata = read_id_rows(path, columns, columns, "pairs")
    if not (frame["pair_id"].to_numpy() == np.arange(len(frame))).all():
        raise InputError(f"{path}: pair_id must be 0, 1, 2, ... in row order")
    return frame["query_id"].to_numpy(), frame["target_id"].to_numpy(), metadata


def read_inputs(
    pairs: str,
    query_embeddings: str,
    target_embeddings: str,
    labelled: bool | None,
    embeddings: EmbeddingFiles,
) -> MiningInputs:
    """Read and compare; labelled: None is what the pairs' own metadata say.

    Raises InputError for files that are missing, broken or not of one set.
    """
    query_id, target_id, metadata = read_pairs(pairs)
    queries, query_valid = embeddings.get(query_embeddings)
    targets, target_valid = embeddings.get(target_embeddings)
    form = embeddings.check_one_space(query_embeddings, target_embeddings)
    check_ids(pairs, "query_id", query_id, query_embeddings, len(queries))
    check_ids(pairs, "target_id", target_id, target_embeddings, len(targets))
    subset = Subset.of(query_id, target_id, query_valid, target_valid)
    if not len(subset.pair_ids):
        raise InputError(f"{pairs}: every pair has an item that could not be embedded")
    return MiningInputs(
        subset=subset,
        name=metadata.get("subset", Path(pairs).stem),
        labelled=metadata.get("labelled") == "true" if labelled is None else labelled,
        prompt=manifest(query_embeddings).get("prompt"),
        form=form,
        rows=len(query_id),
        dropped=dropped_from_metadata(metadata),
        queries=queries,
        targets=targets,
    )
