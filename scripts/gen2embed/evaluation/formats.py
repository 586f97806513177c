"""Precision@1 by the length of vectors and the number format of the stored targets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gen2embed.artifacts.embedding_files import EmbeddingFiles
from gen2embed.artifacts.ids import Rows, check_rows, read_rows, usable_rows
from gen2embed.errors import InputError
from gen2embed.evaluation import smaller
from gen2embed.evaluation.intervals import share_interval
from gen2embed.evaluation.precision import predict

FEW = 40  # candidates that bits choose


def score_formats(
    rows: Sequence[str], query_vectors: str, target_vectors: str, dims: Sequence[int], few: int
) -> pd.DataFrame:
    """One line a length and format, over the rows of all data sets; as ``score_subset.py`` reads
    them, so a row whose query or positive was not embedded is left out.

    rows: evaluation rows parquets; the others .npy files of unit vectors. dims: first so many
    numbers, besides all; few: candidates that bits choose to be rescored. Columns: dim, precision,
    bytes, value, ci_low, ci_high (fractions, 95 % over rows), data_sets, rows. Raises InputError.
    """
    files = EmbeddingFiles()
    paths = {"query": query_vectors, "target": target_vectors}
    (queries, query_valid), (targets, target_valid) = (files.get(path) for path in paths.values())
    files.check_one_space(*paths.values())
    sets = [read_rows(path) for path in rows]
    holders = {"query": (paths["query"], len(queries)), "target": (paths["target"], len(targets))}
    usable = []
    for path, of_set in zip(rows, sets, strict=True):
        check_rows(path, of_set, holders)
        for side, vectors in paths.items():
            files.check_items(path, of_set.metadata, side, vectors)
        usable.append(usable_rows(path, of_set, query_valid, target_valid))
    lines = []
    for dim in _checked(dims, few, queries.shape[1]):
        of_dim = smaller.prefix(queries, dim), smaller.prefix(targets, dim)
        hits = [
            hits_of(*of_dim, target_valid, *of_set, few)
            for of_set in zip(sets, usable, strict=True)
        ]
        for name in smaller.PRECISIONS:
            of_sets = np.concatenate([of_format[name] for of_format in hits])
            low, high = share_interval(of_sets)
            lines.append(
                {
                    "dim": dim, "precision": name, "bytes": smaller.bytes_of(dim, name),
                    "value": round(float(of_sets.mean()), 6),
                    "ci_low": round(low, 6), "ci_high": round(high, 6),
                    "data_sets": len(sets), "rows": len(of_sets),
                }
            )  # fmt: skip
    return pd.DataFrame(lines)


def hits_of(
    queries: np.ndarray,
    targets: np.ndarray,
    valid: np.ndarray,
    rows: Rows,
    usable: np.ndarray,
    few: int,
) -> dict[str, np.ndarray]:
    """Of each number format, which usable rows are hits: bool. Vectors: unit, of one length;
    valid: of each target, whether it was embedded."""
    asked = rows.asked(usable)
    limits = smaller.ranges(targets[valid])
    bytes_back = smaller.from_int8(smaller.to_int8(targets, limits), limits)
    stored = {
        smaller.FP32: (queries, targets),
        smaller.INT8: (queries, bytes_back),
        smaller.BINARY: (smaller.signs(queries), smaller.signs(targets)),
    }
    found = {name: predict(*vectors, *asked, valid).hits for name, vectors in stored.items()}
    rescored = smaller.rescored_hits(queries, targets, *asked, few, valid)
    return found | {smaller.RESCORED: rescored}


def _checked(dims: Sequence[int], few: int, width: int) -> list[int]:
    """All lengths, longest first."""
    wrong = [dim for dim in dims if not 0 < dim < width]
    if wrong:
        raise InputError(f"--dims {wrong[0]}: vectors have {width} numbers; give 1 to {width - 1}")
    if few < 1:
        raise InputError(f"--rescored is {few}; give at least 1")
    return sorted({*dims, width}, reverse=True)
