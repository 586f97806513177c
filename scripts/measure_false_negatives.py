"""Measure the true false-negative rate of mined clusters, also at equal hardness, for one subset.

Reads known equivalences, which mining never sees; compares all the cluster files it is given.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from gen2embed.errors import InputError
from gen2embed.files import read_parquet, run_record, write_csv, write_json
from gen2embed.mining.clusters import read_clusters
from gen2embed.mining.false_negatives import BINS, DRAWS, Negatives, compare, label_negatives
from gen2embed.program import run_program


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="measure_false_negatives", description=__doc__)
    add = parser.add_argument
    add("--pairs", required=True, help="pairs parquet that the clusters were mined from")
    add("--equivalences", required=True, help="parquet of query_id, target_id: further positives")
    add("--clusters", required=True, nargs="+", help="cluster files, one per strategy")
    add("--bins", type=int, default=BINS, help="hardness bins for the comparison")
    add("--draws", type=int, default=DRAWS, help="bootstrap draws of clusters for the intervals")
    add("--seed", type=int, default=0, help="of the bootstrap")
    add("--out", required=True, help="report .json; a row per strategy beside it as .csv")
    return parser


def check_flags(job: argparse.Namespace) -> None:
    for flag in ("bins", "draws"):
        if getattr(job, flag) < 1:
            raise InputError(f"--{flag} is {getattr(job, flag)}; give at least 1")
    if job.seed < 0:
        raise InputError(f"--seed is {job.seed}; give 0 or more")
    if Path(job.out).suffix != ".json":
        raise InputError(f"--out {job.out}: the name of a report ends in .json")


def read_ids(path: str) -> tuple[np.ndarray, np.ndarray, dict[str, str]]:
    frame, metadata = read_parquet(path, ["query_id", "target_id"])
    for column in frame:
        if len(frame) and (frame[column].dtype != np.int64 or frame[column].min() < 0):
            raise InputError(f"{path}: {column} must hold int64 ids from 0 up")
    return *(frame[column].to_numpy(dtype=np.int64) for column in frame), metadata


def measure(job: argparse.Namespace) -> None:
    out = Path(job.out)
    with run_record(out.with_suffix(".run.json")):
        query_id, target_id, metadata = read_ids(job.pairs)
        known_query, known_target, _ = read_ids(job.equivalences)
        strategies: dict[str, Negatives] = {}
        for path in job.clusters:
            table, mined_as = read_clusters(path, len(query_id))
            name = mined_as.get("strategy", Path(path).stem)
            if name in strategies:
                raise InputError(f"{path}: strategy {name!r} is given twice; give it once")
            strategies[name] = label_negatives(
                table, query_id, target_id, known_query, known_target
            )
        reports, bins = compare(strategies, bins=job.bins, draws=job.draws, seed=job.seed)
        subset = metadata.get("subset", Path(job.pairs).stem)
        rows = {name: report.flat() for name, report in reports.items()}
        write_json(
            out,
            {
                "subset": subset,
                "seed": job.seed,
                "draws": job.draws,
                "hardness_bins": bins,
                "strategies": rows,
            },
        )
        frame = pd.DataFrame(
            [{"subset": subset, "strategy": name, **row} for name, row in rows.items()]
        )
        write_csv(out.with_suffix(".csv"), frame)


def main(argv: list[str] | None = None) -> int:
    def work(jobs: list[argparse.Namespace]) -> None:
        for job in jobs:
            check_flags(job)
        for job in jobs:
            measure(job)

    return run_program(build_parser(), work, argv)


if __name__ == "__main__":
    sys.exit(main())
