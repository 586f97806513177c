"""The embedding space in numbers and in two dimensions."""

from __future__ import annotations

import numpy as np

from gen2embed.evaluation.intervals import DRAWS, SEED, interval
from gen2embed.reporting.figures.compiled import cache_for_numba


def centroid_distance(left: np.ndarray, right: np.ndarray) -> float:
    """Distance between the centroids of two sets of unit vectors.

    Of items with an image and of texts it is the image-text gap (Liang et al. 2022's modality gap);
    of queries and their targets the query-target gap, another number.
    left, right: shape (n, dim) and (m, dim); 0 = the clouds are one, 2 = opposite.
    """
    return float(np.linalg.norm(left.mean(axis=0) - right.mean(axis=0)))


def gap_interval(
    left: np.ndarray, right: np.ndarray, draws: int = DRAWS, seed: int = SEED
) -> tuple[float, float]:
    """95 % bootstrap interval of that distance: the vectors of either set are resampled."""
    rng = np.random.default_rng(seed)
    centroids = []
    for side in (left, right):
        counts = rng.multinomial(len(side), np.full(len(side), 1 / len(side)), draws)
        centroids.append(counts.astype(np.float32) @ side.astype(np.float32) / len(side))
    return interval(np.linalg.norm(centroids[0] - centroids[1], axis=1))


def alignment(queries: np.ndarray, targets: np.ndarray) -> tuple[float, float]:
    """Mean cosine of matching pairs, and of all other pairs of the same rows (both (n, dim))."""
    scores = queries @ targets.T
    matching = float(np.diag(scores).mean())
    n = len(scores)
    return matching, float((scores.sum() - np.trace(scores)) / (n * (n - 1)))


def flatten(vectors: np.ndarray, seed: int, neighbours: int = 15) -> np.ndarray:
    """UMAP to two dimensions with cosine distance: shape (n, 2). One thread, fixed seed.

    Source: McInnes et al. 2018, umap-learn's defaults but for the metric.
    """
    with cache_for_numba():
        import umap

        reducer = umap.UMAP(
            n_neighbors=min(neighbours, len(vectors) - 1),
            metric="cosine",
            random_state=seed,
            n_jobs=1,
        )
        return np.asarray(reducer.fit_transform(vectors.astype(np.float32)))
