"""Mining against its floor and against what the field does: python tests/bench/bench_mining.py

floor: one bare FAISS search of the very anchors that mining searched, in one batch, for the same
number of neighbours. loop: one query at a time, FAISS and Python sets, as reference programs do,
timed on the first pairs and scaled by the share of anchors. Ratios within one run; interpreter
start and imports excluded. Each case runs in a process of its own, whose peak memory is told.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

import faiss

from gen2embed.mining.gpu import neighbours_on
from gen2embed.mining.mine import mine_subset
from gen2embed.mining.strategies import get_strategy
from gen2embed.mining.subset import Subset

CASES = [(5_000, 768), (20_000, 768), (50_000, 768), (5_000, 1536), (20_000, 1536), (50_000, 1536)]
K, M = 15, 3
LOOPED = 300  # anchors of the loop that are timed


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def clustered(n: int, dim: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Queries and their targets around n / 50 centres: unit vectors, float32."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(max(2, n // 50), dim)).astype(np.float32)
    rows = centres[rng.integers(0, len(centres), n)]
    queries = unit(rows + rng.normal(size=(n, dim)).astype(np.float32))
    return queries, unit(queries + 0.04 * rng.normal(size=(n, dim)).astype(np.float32))


def loop(queries: np.ndarray, targets: np.ndarray, limit: int) -> tuple[float, int]:
    """Seconds and anchors: greedy SaHa as it is usually written, one search per anchor."""
    index = faiss.IndexFlatIP(targets.shape[1])
    index.add(targets)
    used: set[int] = set()
    anchors = 0
    start = time.perf_counter()
    for anchor in range(len(queries)):
        if anchor in used:
            continue
        _, found = index.search(queries[anchor : anchor + 1], 2 * K * M)
        owners = [one for one in found[0].tolist() if one != anchor and one not in used][: K * M]
        likeness = [float(queries[anchor] @ queries[one]) for one in owners]
        kept = [one for _, one in sorted(zip(likeness, owners, strict=True))[:K]]
        used.update([anchor, *kept])
        anchors += 1
        if anchors == limit:
            break
    return time.perf_counter() - start, anchors


def case(n: int, dim: int, device: str, memory_gb: float) -> dict[str, float]:
    queries, targets = clustered(n, dim, 0)
    everything = np.ones(n, dtype=bool)
    subset = Subset.of(np.arange(n), np.arange(n), everything, everything)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    mined = mine_subset(
        subset, queries, targets, get_strategy("saha"), k=K, m=M, labelled=False, seed=0,
        block_rows=1024, memory=memory_gb * 1e9, neighbours=neighbours_on(device),
    )  # fmt: skip
    seconds = time.perf_counter() - start
    extra = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    anchors = np.sort(np.random.default_rng(0).permutation(n)[: mined.prefetched])
    start = time.perf_counter()
    faiss.knn(queries[anchors], targets, 2 * K * M, metric=faiss.METRIC_INNER_PRODUCT)
    floor = time.perf_counter() - start
    looped, of_anchors = loop(queries, targets, LOOPED)
    searched = mined.tally["searches"]
    return {
        "pairs": n,
        "dim": dim,
        "anchors": int(searched),
        "mining_s": seconds,
        "floor_s": floor,
        "loop_s": looped * searched / of_anchors,
        "extra_gb": extra / 1e6,
    }


def sentence_transformers_says() -> str:
    try:
        import sentence_transformers
    except ImportError:
        return "sentence-transformers: not installed here"
    return (
        f"sentence-transformers {sentence_transformers.__version__}: mine_hard_negatives encodes "
        "texts itself; compare by hand"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", nargs=2, type=int, metavar=("N", "DIM"), help="one case alone")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--memory-gb", type=float, default=2.0)
    job = parser.parse_args()
    if job.case:
        print(json.dumps(case(*job.case, job.device, job.memory_gb)))
        return
    print("| pairs | dim | anchors | mining (s) | x floor | loop x mining | extra memory (GB) |")
    print("|---|---|---|---|---|---|---|")
    for n, dim in CASES:
        command = [sys.executable, __file__, "--case", str(n), str(dim), "--device", job.device]
        command += ["--memory-gb", str(job.memory_gb)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        one = json.loads(done.stdout)
        print(
            f"| {n} | {dim} | {one['anchors']} | {one['mining_s']:.2f} "
            f"| {one['mining_s'] / one['floor_s']:.2f} | {one['loop_s'] / one['mining_s']:.1f} "
            f"| {one['extra_gb']:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
