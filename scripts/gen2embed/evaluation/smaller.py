"""Vectors that take less room: their first numbers, one byte a number, one bit a number.

Pure functions; what is stored small is the targets, which are many, while a query stays as it is.
"""

from __future__ import annotations

import numpy as np

from gen2embed.canonical import canonical

FP32, INT8, BINARY, RESCORED = PRECISIONS = ("fp32", "int8", "binary", "binary_rescored")
STEPS = 255  # of int8


def prefix(vectors: np.ndarray, dim: int) -> np.ndarray:
    """The first ``dim`` numbers of each, normed anew: float32, shape (n, dim).

    Source: Kusupati et al. 2022, Matryoshka representation learning. A row of zeros stays one.
    """
    return _normed(np.asarray(vectors)[:, :dim].astype(np.float32))


def ranges(vectors: np.ndarray) -> np.ndarray:
    """Least and greatest of each number: float32, shape (2, dim)."""
    return np.stack([vectors.min(axis=0), vectors.max(axis=0)]).astype(np.float32)


def to_int8(vectors: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """A byte a number, in 255 equal steps of its range: int8, as vectors.

    Source: sentence-transformers, ``quantize_embeddings(precision="int8")``, whose codes these are.
    """
    codes = np.floor((vectors - limits[0]) / _steps(limits))
    return (np.clip(codes, 0, STEPS) - 128).astype(np.int8)


def from_int8(codes: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """The middles of the steps, normed: float32, as codes."""
    middles = limits[0] + (codes.astype(np.float32) + 128 + 0.5) * _steps(limits)
    return _normed(np.minimum(middles, limits[1]))


def signs(vectors: np.ndarray) -> np.ndarray:
    """Bits as unit vectors, 1 for what is above zero: float32; the product of two is
    1 - 2 x Hamming distance / dim."""
    dim = vectors.shape[1]
    return np.where(vectors > 0, 1, -1).astype(np.float32) / np.float32(np.sqrt(dim))


def rescored_hits(
    queries: np.ndarray,
    targets: np.ndarray,
    query_ids: np.ndarray,
    candidate_ids: np.ndarray,
    sizes: np.ndarray,
    few: int,
    target_valid: np.ndarray | None = None,
) -> np.ndarray:
    """Whether the positive, entry 0 of its list, is the best: bool, shape (n_rows,).

    Bits choose ``few`` candidates, of equals the positive last; the query as it is with the bits of
    these decides, a tie being a miss. queries, targets: unit vectors by id; target_valid: as of
    ``predict``. Source: Yamada et al. 2021 (BPR); sentence-transformers'
    ``semantic_search_faiss(rescore=True)``.
    """
    bits_of_queries, bits = signs(queries), signs(targets)
    hits = np.zeros(len(query_ids), dtype=bool)
    ends = np.cumsum(sizes)
    for row, (start, end) in enumerate(zip(ends - sizes, ends, strict=True)):
        ids = candidate_ids[start:end]
        takes_part = ids != ids[0]
        if target_valid is not None:
            takes_part &= target_valid[ids]
        others = ids[takes_part]
        coarse = np.rint(bits[others] @ bits_of_queries[query_ids[row]] * targets.shape[1])
        own = np.rint(bits[ids[0]] @ bits_of_queries[query_ids[row]] * targets.shape[1])
        if (coarse >= own).sum() >= few:
            continue
        kept = others[np.argsort(-coarse, kind="stable")[: few - 1]]
        query = queries[query_ids[row]].astype(np.float64)
        scores = canonical(query, bits[np.concatenate([ids[:1], kept])].astype(np.float64))
        hits[row] = (scores[1:] < scores[0]).all()
    return hits


def bytes_of(dim: int, precision: str) -> int:
    """Room of one stored vector."""
    return {FP32: 4 * dim, INT8: dim}.get(precision, -(-dim // 8))


def _steps(limits: np.ndarray) -> np.ndarray:
    steps = (limits[1] - limits[0]) / STEPS
    return np.where(steps == 0, 1, steps)


def _normed(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths == 0, 1, lengths)).astype(np.float32)
