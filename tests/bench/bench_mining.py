"""Mining against its floor and against what the field does: python tests/bench/bench_mining.py

floor: one bare FAISS search of as many anchors as mining searched, in one batch, for as many
neighbours. loop: one query at a time, FAISS and Python sets, as reference programs do, timed on
the first anchors and scaled to as many as mining searched; "over all": to all queries.
sentence-transformers (--peers, where it is installed): its mine_hard_negatives on the same vectors,
through a model that looks them up; it mines every query, makes no clusters, filters by score.
Ratios within one run; interpreter start and imports excluded. Each case runs in a process of its
own; extra memory is what mining allocates beyond the vectors.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

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


def sentence_transformers(queries: np.ndarray, targets: np.ndarray) -> float | None:
    """Seconds of mine_hard_negatives with as many negatives from as large a pool; None without."""
    try:
        import torch
        from datasets import Dataset
        from sentence_transformers.util import mine_hard_negatives
    except ImportError:
        return None

    class LookUp:
        device = torch.device("cpu")
        model_card_data = SimpleNamespace(base_model="look-up")

        def encode_query(self, texts: list[str], **_: object) -> np.ndarray:
            return queries[[int(text[1:]) for text in texts]]

        def encode_document(self, texts: list[str], **_: object) -> np.ndarray:
            return targets[[int(text[1:]) for text in texts]]

        def get_embedding_dimension(self) -> int:
            return queries.shape[1]

        def similarity_pairwise(self, left: np.ndarray, right: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(np.einsum("ij,ij->i", left, right))

    columns = {"q": [f"q{i}" for i in range(len(queries))]}
    columns["t"] = [f"t{i}" for i in range(len(targets))]
    start = time.perf_counter()
    mine_hard_negatives(
        Dataset.from_dict(columns), LookUp(), range_max=K * M, num_negatives=K, use_faiss=True,
        output_format="n-tuple", verbose=False,
    )  # fmt: skip
    return time.perf_counter() - start


class ExtraMemory:
    """Peak of anonymous memory (GB) above that at the start, sampled every 5 ms."""

    def __enter__(self) -> ExtraMemory:
        self.start = self.peak = self._now()
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.thread.join()
        self.gigabytes = (self.peak - self.start) / 1e6

    def _watch(self) -> None:
        while not self.done.wait(0.005):
            self.peak = max(self.peak, self._now())

    @staticmethod
    def _now() -> int:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))


def case(n: int, dim: int, device: str, memory_gb: float, peers: bool) -> dict[str, float]:
    queries, targets = clustered(n, dim, 0)
    everything = np.ones(n, dtype=bool)
    subset = Subset.of(np.arange(n), np.arange(n), everything, everything)
    start = time.perf_counter()
    with ExtraMemory() as extra:
        mined = mine_subset(
            subset, queries, targets, get_strategy("saha"), k=K, m=M, labelled=False, seed=0,
            block_rows=1024, memory=memory_gb * 1e9, neighbours=neighbours_on(device),
        )  # fmt: skip
    seconds = time.perf_counter() - start
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
        "loop_all_s": looped * n / of_anchors,
        "sentence_transformers_s": sentence_transformers(queries, targets) if peers else None,
        "extra_gb": extra.gigabytes,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", nargs=2, type=int, metavar=("N", "DIM"), help="one case alone")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--memory-gb", type=float, default=2.0)
    parser.add_argument("--peers", action="store_true", help="sentence-transformers, too")
    job = parser.parse_args()
    if job.case:
        print(json.dumps(case(*job.case, job.device, job.memory_gb, job.peers)))
        return
    print("| pairs | dim | anchors | mining (s) | mining / floor | loop / mining | ", end="")
    print("loop over all / mining | sentence-transformers / mining | extra memory (GB) |")
    print("|---|---|---|---|---|---|---|---|---|")
    for n, dim in CASES:
        command = [sys.executable, __file__, "--case", str(n), str(dim), "--device", job.device]
        command += ["--memory-gb", str(job.memory_gb), *(["--peers"] if job.peers else [])]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        one = json.loads(done.stdout.splitlines()[-1])
        theirs = one["sentence_transformers_s"]
        peer = "-" if theirs is None else f"{theirs / one['mining_s']:.1f}"
        print(
            f"| {n} | {dim} | {one['anchors']} | {one['mining_s']:.2f} "
            f"| {one['mining_s'] / one['floor_s']:.2f} | {one['loop_s'] / one['mining_s']:.1f} "
            f"| {one['loop_all_s'] / one['mining_s']:.0f} | {peer} | {one['extra_gb']:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
