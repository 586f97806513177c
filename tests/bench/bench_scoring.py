"""Scoring at MMEB's size: python tests/bench/bench_scoring.py

1000 queries with 1000 candidates each, dimension 1536, for so many data sets: the program
score_subset.py as it is called by the workflow, interpreter start and reading of files included.
"float64 loop": what every candidate's float64 score costs, one list at a time, on the first lists
and scaled to all of them: the same predictions without proposing in float32.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from gen2embed.canonical import canonical
from gen2embed.files import write_npy, write_parquet

ROOT = Path(__file__).resolve().parents[2]
QUERIES, CANDIDATES, DIM, TARGETS = 1000, 1000, 1536, 20_000
LOOPED = 100


def unit(rng: np.random.Generator, n: int) -> np.ndarray:
    vectors = rng.standard_normal((n, DIM), dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def prepare(folder: Path, sets: int) -> list[dict[str, str]]:
    """Vectors and rows of the data sets, each with candidates drawn from a pool of its own."""
    rng = np.random.default_rng(0)
    write_npy(folder / "q.npy", unit(rng, sets * QUERIES))
    write_npy(folder / "t.npy", unit(rng, TARGETS))
    jobs = []
    for number in range(sets):
        lists = rng.integers(0, TARGETS, (QUERIES, CANDIDATES))
        frame = {
            "row_id": np.arange(QUERIES),
            "query_id": number * QUERIES + np.arange(QUERIES),
            "candidate_ids": list(lists),
        }
        write_parquet(folder / f"{number}.parquet", pd.DataFrame(frame))
        jobs.append(
            {
                "subset": str(number),
                "rows": str(folder / f"{number}.parquet"),
                "query_embeddings": str(folder / "q.npy"),
                "target_embeddings": str(folder / "t.npy"),
                "out": str(folder / f"{number}.json"),
            }
        )
    return jobs


def float64_loop(folder: Path) -> float:
    """Seconds for one data set."""
    queries = np.load(folder / "q.npy", mmap_mode="r")
    targets = np.load(folder / "t.npy", mmap_mode="r")
    lists = pd.read_parquet(folder / "0.parquet")["candidate_ids"]
    start = time.perf_counter()
    for row in range(LOOPED):
        query = np.asarray(queries[row], dtype=np.float64)
        canonical(query, targets[lists[row]].astype(np.float64)).argmax()
    return (time.perf_counter() - start) * QUERIES / LOOPED


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="*", type=int, default=[1, 36], help="how many data sets")
    job = parser.parse_args()
    print("| data sets | seconds | seconds a set | float64 loop, seconds a set |")
    print("|---|---|---|---|")
    for sets in job.sets:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            jobs = prepare(folder, sets)
            command = [sys.executable, str(ROOT / "scripts/score_subset.py"), "--job-list", "-"]
            start = time.perf_counter()
            done = subprocess.run(
                command, input=json.dumps(jobs), text=True, capture_output=True, check=True
            )
            seconds = time.perf_counter() - start
            assert done.stderr.count("WARNING") == sets  # random vectors score at chance
            loop = float64_loop(folder)
        print(f"| {sets} | {seconds:.1f} | {seconds / sets:.2f} | {loop:.2f} |", flush=True)


if __name__ == "__main__":
    main()
