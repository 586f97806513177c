"""Approximate search for very large subsets: any index that FAISS can name, its recall measured.

What is found is scored canonically, so the order is exact; what is missed is missed, and how much
that is is measured against exact search and told.
"""

from __future__ import annotations

from dataclasses import dataclass

import faiss
import numpy as np

from gen2embed.canonical import canonical, float32_error
from gen2embed.errors import InputError
from gen2embed.mining.backends import SHARE_OF_MEMORY, Backend
from gen2embed.mining.vectors import SideVectors

TRAINING_ROWS = 100_000  # targets that an index learns from, at most


@dataclass(frozen=True)
class Index:
    """FAISS's names: a factory string, such as ``IVF1024,Flat``, and ``nprobe=32,...``."""

    factory: str
    parameters: str = ""


class ApproximateBackend:
    """A FAISS index over the targets. Built with one thread, so that it is always the same one.

    Raises InputError for a factory string or parameters that FAISS does not know.
    """

    def __init__(self, targets: SideVectors, memory: float, index: Index, seed: int):
        self.targets = targets
        self.error = float32_error(targets.dim)
        self.widened = self.crowded = 0
        chunk_rows = max(1024, int(memory * SHARE_OF_MEMORY // (4 * targets.dim)))
        limit = faiss.omp_get_max_threads()
        faiss.omp_set_num_threads(1)
        try:
            self.index = faiss.index_factory(targets.dim, index.factory, faiss.METRIC_INNER_PRODUCT)
            if not self.index.is_trained:
                self.index.train(self._sample(seed))
            for _, chunk in targets.chunks(chunk_rows):
                self.index.add(np.ascontiguousarray(chunk))
            if index.parameters:
                faiss.ParameterSpace().set_index_parameters(self.index, index.parameters)
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]
            raise InputError(
                f"--index {index.factory} {index.parameters}: FAISS refuses ({reason}); see its "
                "documentation of index_factory"
            ) from None
        finally:
            faiss.omp_set_num_threads(limit)

    def _sample(self, seed: int) -> np.ndarray:
        n_targets = len(self.targets)
        rows = np.random.default_rng(seed).permutation(n_targets)[:TRAINING_ROWS]
        return np.ascontiguousarray(self.targets.float32(np.sort(rows)))

    def propose(self, vectors: np.ndarray, count: int) -> list[np.ndarray]:
        count = min(count, len(self.targets))
        _, rows = self.index.search(np.ascontiguousarray(vectors), count)
        return [row[row >= 0] for row in rows]


@dataclass(frozen=True)
class Approximation:
    """When an index is used (from ``from_targets`` targets on) and how good it must be."""

    index: Index
    from_targets: int
    least_recall: float
    sample: int = 256  # anchors on which recall is measured


def approximate_or_refuse(
    approximation: Approximation,
    exact: Backend,
    queries: SideVectors,
    targets: SideVectors,
    count: int,
    memory: float,
    seed: int,
) -> tuple[ApproximateBackend, dict[str, object]]:
    """The index, and what to say of it: index, parameters, recall_at_pool, recall_sample.

    Raises InputError if its recall on random queries is below the least that is allowed.
    """
    index = approximation.index
    backend = ApproximateBackend(targets, memory, index, seed)
    rows = np.random.default_rng([seed, len(queries)]).permutation(len(queries))
    rows = np.sort(rows[: approximation.sample])
    recall = recall_at_pool(backend, exact, targets, queries.float32(rows), count)
    if recall < approximation.least_recall:
        raise InputError(
            f"--index {index.factory} {index.parameters}: recall@{count} is {recall:.4f} on "
            f"{len(rows)} queries, below --least-recall {approximation.least_recall}; search more "
            "of the index (--index-parameters nprobe=... or efSearch=...) or search exactly"
        )
    return backend, {
        "index": index.factory,
        "index_parameters": index.parameters,
        "recall_at_pool": round(recall, 6),
        "recall_sample": len(rows),
    }


def recall_at_pool(
    approximate: Backend,
    exact: Backend,
    targets: SideVectors,
    vectors: np.ndarray,
    count: int,
    at_once: int = 256,
) -> float:
    """Share of the true ``count`` best targets (canonical order) that are proposed, over vectors.

    vectors: float32, shape (n, dim). Source: Johnson et al. 2017 (recall@k), with the pool as k.
    """
    count = min(count, len(targets))
    found = 0
    for start in range(0, len(vectors), at_once):
        block = vectors[start : start + at_once]
        pairs = zip(
            block, exact.propose(block, count), approximate.propose(block, count), strict=True
        )
        for vector, superset, proposed in pairs:
            scores = canonical(vector.astype(np.float64), targets.float64(superset))
            best = superset[np.lexsort((superset, -scores))[:count]]
            found += len(np.intersect1d(best, proposed))
    return found / (count * len(vectors))
