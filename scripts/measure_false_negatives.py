"""Measure the true false-negative rate of mined clusters, also at equal hardness.

Reads known equivalences, which mining never sees; compares all the cluster files it is given.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from gen2embed.command_line import run_program
from gen2embed.errors import InputError
from gen2embed.evaluation.false_negatives import (
    BINS,
    DRAWS,
    Negatives,
    compare,
    label_negatives,
    pool,
)
from gen2embed.files import read_parquet, run_record, write_csv, write_json
from gen2embed.ids import read_pairs
from gen2embed.mining.clusters import read_clusters
from gen2embed.origin import check_mined_from, check_same_items, check_subset
from gen2embed.outputs import add_output


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="measure_false_negatives", description=__doc__)
    add = parser.add_argument
    add(
        "--pairs", required=True, nargs="+", help="pairs parquets that the clusters were mined from"
    )
    add(
        "--equivalences",
        required=True,
        nargs="+",
        help="parquets of query_id, target_id: further positives; one per pairs file",
    )
    add(
        "--clusters",
        required=True,
        nargs="+",
        help="cluster files: of the first strategy one per pairs file, in their order, then of the "
        "next strategy, ...; several subsets are pooled",
    )
    add("--bins", type=int, default=BINS, help="hardness bins for the comparison")
    add("--draws", type=int, default=DRAWS, help="bootstrap draws of clusters for the intervals")
    add("--seed", type=int, default=0, help="of the bootstrap")
    add_output(
        parser,
        "--out",
        ".json",
        beside=(".csv",),
        help="report .json; a row per strategy beside it as .csv",
    )
    return parser


def check_flags(job: argparse.Namespace) -> None:
    for flag in ("bins", "draws"):
        if getattr(job, flag) < 1:
            raise InputError(f"--{flag} is {getattr(job, flag)}; give at least 1")
    if len(job.pairs) != len(job.equivalences) or len(job.clusters) % len(job.pairs):
        raise InputError(
            f"--pairs names {len(job.pairs)} files, --equivalences {len(job.equivalences)}, "
            f"--clusters {len(job.clusters)}; give one equivalences file per pairs file, and for "
            "each strategy one cluster file per pairs file"
        )
    if job.seed < 0:
        raise InputError(f"--seed is {job.seed}; give 0 or more")


def read_known(path: str, pairs: str, of_pairs: dict[str, str]) -> tuple[np.ndarray, np.ndarray]:
    """query_id and target_id of the further positives, which may be none."""
    frame, metadata = read_parquet(path, ["query_id", "target_id"])
    for column in frame:
        if len(frame) and frame[column].min() < 0:
            row = frame[column].argmin()
            raise InputError(f"{path}: row {row}: {column} is below 0; ids are rows of the items")
    check_subset(path, metadata, pairs, of_pairs)
    check_same_items(path, metadata, pairs, of_pairs)
    return tuple(frame[column].to_numpy(dtype=np.int64) for column in frame)


def measure(job: argparse.Namespace) -> None:
    out = Path(job.out)
    with run_record(out.with_suffix(".run.json")):
        subsets = [read_pairs(path) for path in job.pairs]
        known = [
            read_known(path, pairs, metadata)
            for path, pairs, (_, _, metadata) in zip(
                job.equivalences, job.pairs, subsets, strict=True
            )
        ]
        strategies: dict[str, Negatives] = {}
        for start in range(0, len(job.clusters), len(subsets)):
            parts = []
            names = set()
            paths = job.clusters[start : start + len(subsets)]
            for path, pairs, (*ids, metadata), of_known in zip(
                paths, job.pairs, subsets, known, strict=True
            ):
                table, mined_as = read_clusters(path, len(ids[0]))
                check_mined_from(path, mined_as, pairs, metadata, *ids)
                names.add(mined_as.get("strategy", Path(path).stem))
                parts.append(label_negatives(table, *ids, *of_known))
            name = names.pop()
            if names:
                raise InputError(f"{paths[0]}: strategy {name!r} is pooled with {names.pop()!r}")
            if name in strategies:
                raise InputError(f"{paths[0]}: strategy {name!r} is given twice; give it once")
            strategies[name] = pool(parts)
        reports, bins = compare(strategies, bins=job.bins, draws=job.draws, seed=job.seed)
        named = [
            metadata.get("subset", Path(path).stem)
            for path, (_, _, metadata) in zip(job.pairs, subsets, strict=True)
        ]
        subset = named[0] if len(named) == 1 else "all"
        rows = {name: report.flat() for name, report in reports.items()}
        write_json(
            out,
            {
                "subset": subset,
                "pooled": named,
                "seed": job.seed,
                "draws": job.draws,
                "hardness_bins": bins,
                "strategies": {
                    name: {**row, "by_hardness": list(reports[name].by_hardness)}
                    for name, row in rows.items()
                },
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
