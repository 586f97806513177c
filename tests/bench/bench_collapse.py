"""Mining where vectors collapse, beside ordinary ones: python tests/bench/bench_collapse.py

Processor seconds of SaHa (k = 15, m = 3, one thread, dimension 256), start and vectors excluded.
equal: all vectors the same; near: all within 1e-6 of one; targets: all targets within 1e-7 of one;
repeated: one query many times; usual: clusters of fifty.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from gen2embed.mining.backends import threads
from gen2embed.mining.mine import mine_subset
from gen2embed.mining.strategies import get_strategy
from gen2embed.mining.subset import Subset

CASES = ("equal", "near", "targets", "repeated", "usual")
DIM = 256


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def vectors(case: str, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Queries and targets, float32, shapes (n, DIM)."""
    rng = np.random.default_rng(0)

    def around_one(noise: float) -> np.ndarray:
        return unit(base + noise * rng.normal(size=(n, DIM)))

    base = rng.normal(size=(1, DIM))
    spread = unit(rng.normal(size=(n, DIM)))
    if case == "equal":
        return around_one(0), around_one(0)
    if case == "near":
        return around_one(1e-6), around_one(1e-6)
    if case == "targets":
        return spread, around_one(1e-7)
    if case == "repeated":
        return around_one(0), spread
    centres = rng.normal(size=(max(2, n // 50), DIM))
    queries = unit(centres[rng.integers(0, len(centres), n)] + rng.normal(size=(n, DIM)))
    return queries, unit(queries + 0.04 * rng.normal(size=(n, DIM)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, nargs="+", default=[8_000, 16_000])
    parser.add_argument("--cases", nargs="+", choices=CASES, default=CASES)
    job = parser.parse_args()
    print("| case | pairs | processor time (s) | clusters | distinct searches | crowded |")
    print("|---|---|---|---|---|---|")
    for n in job.pairs:
        ids = np.arange(n)
        subset = Subset.of(ids, ids, np.ones(n, bool), np.ones(n, bool))
        for case in job.cases:
            queries, targets = vectors(case, n)
            start = time.process_time()
            with threads(1):
                mined = mine_subset(
                    subset, queries, targets, get_strategy("saha"), k=15, m=3, labelled=False,
                    seed=0, block_rows=1024, memory=2e9,
                )  # fmt: skip
            took = time.process_time() - start
            counts = f"{len(mined.clusters)} | {mined.searched} | {mined.crowded}"
            print(f"| {case} | {n} | {took:.1f} | {counts} |", flush=True)


if __name__ == "__main__":
    main()
