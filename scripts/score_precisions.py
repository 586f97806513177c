"""Precision@1 by dimension and number format: what shorter and smaller vectors cost."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from gen2embed.command_line import run_each
from gen2embed.embedding_files import EmbeddingFiles
from gen2embed.errors import InputError
from gen2embed.evaluation import smaller
from gen2embed.evaluation.intervals import share_interval
from gen2embed.evaluation.precision import predict
from gen2embed.files import write_csv, write_text
from gen2embed.ids import Rows, check_rows, read_rows
from gen2embed.outputs import add_output
from gen2embed.reporting.tables import percent

FEW = 40  # candidates that bits choose


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="score_precisions", description=__doc__)
    add = parser.add_argument
    add("--rows", required=True, nargs="+", help="evaluation rows parquets of data sets")
    add("--query-embeddings", required=True, help="npy of unit vectors, row = query_id")
    add("--target-embeddings", required=True, help="npy of unit vectors, row = candidate id")
    add("--dims", type=int, nargs="*", default=[], help="first so many numbers; besides all")
    add("--rescored", type=int, default=FEW, help="candidates that bits choose to be rescored")
    add_output(
        parser, "--out", ".csv", beside=(".md",), help="a row a dimension and format; also .md"
    )
    return parser


def hits_of(
    queries: np.ndarray, targets: np.ndarray, rows: Rows, usable: np.ndarray, few: int
) -> dict[str, np.ndarray]:
    """Of each number format, which usable rows are hits: bool. Vectors: unit, of one length."""
    asked = rows.frame["query_id"].to_numpy()[usable]
    lists = rows.candidates[np.repeat(usable, rows.sizes)], rows.sizes[usable]
    limits = smaller.ranges(targets)
    bytes_back = smaller.from_int8(smaller.to_int8(targets, limits), limits)
    stored = {
        smaller.FP32: (queries, targets),
        smaller.INT8: (queries, bytes_back),
        smaller.BINARY: (smaller.signs(queries), smaller.signs(targets)),
    }
    found = {name: predict(*vectors, asked, *lists).hits for name, vectors in stored.items()}
    return found | {smaller.RESCORED: smaller.rescored_hits(queries, targets, asked, *lists, few)}


def check_dims(job: argparse.Namespace, width: int) -> list[int]:
    wrong = [dim for dim in job.dims if not 0 < dim < width]
    if wrong:
        raise InputError(f"--dims {wrong[0]}: vectors have {width} numbers; give 1 to {width - 1}")
    if job.rescored < 1:
        raise InputError(f"--rescored is {job.rescored}; give at least 1")
    return sorted({*job.dims, width}, reverse=True)


def score(job: argparse.Namespace) -> None:
    files = EmbeddingFiles()
    paths = {"query": job.query_embeddings, "target": job.target_embeddings}
    (queries, query_valid), (targets, target_valid) = (files.get(path) for path in paths.values())
    files.check_one_space(*paths.values())
    sets = [read_rows(path) for path in job.rows]
    holders = {"query": (paths["query"], len(queries)), "target": (paths["target"], len(targets))}
    usable = []
    for path, rows in zip(job.rows, sets, strict=True):
        check_rows(path, rows, holders)
        for side, vectors in paths.items():
            files.check_items(path, rows.metadata, side, vectors)
        valid = query_valid[rows.frame["query_id"].to_numpy()]
        ends = np.cumsum(rows.sizes)
        for row in np.flatnonzero(valid):
            ids = rows.candidates[ends[row] - rows.sizes[row] : ends[row]]
            valid[row] = target_valid[ids].all()
        if not valid.any():
            raise InputError(f"{path}: every row has an item that was not embedded")
        usable.append(valid)
    lines = []
    for dim in check_dims(job, queries.shape[1]):
        of_dim = smaller.prefix(queries, dim), smaller.prefix(targets, dim)
        hits = [hits_of(*of_dim, rows, its, job.rescored) for rows, its in zip(sets, usable,
                strict=True)]  # fmt: skip
        for name in smaller.PRECISIONS:
            of_sets = np.concatenate([one[name] for one in hits])
            low, high = share_interval(of_sets)
            lines.append(
                {
                    "dim": dim, "precision": name, "bytes": smaller.bytes_of(dim, name),
                    "value": round(float(of_sets.mean()), 6),
                    "ci_low": round(low, 6), "ci_high": round(high, 6),
                    "data_sets": len(sets), "rows": len(of_sets),
                }
            )  # fmt: skip
    frame = pd.DataFrame(lines)
    write_csv(Path(job.out), frame)
    write_text(Path(job.out).with_suffix(".md"), as_read(frame, job.rescored))


def as_read(frame: pd.DataFrame, few: int) -> str:
    frame = frame.assign(
        cell=[percent(*row) for row in frame[["value", "ci_low", "ci_high"]].to_numpy()]
    )
    wide = frame.pivot(index="dim", columns="precision", values="cell")
    wide = wide.loc[frame["dim"].unique(), list(smaller.PRECISIONS)].reset_index()
    said = (
        "Precision@1 in percent over all rows, by the vectors' length and the targets' number "
        f"format; bits alone, and {few} of their best rescored by the query as it is; 95 % "
        "intervals over rows."
    )
    return f"{said}\n\n{wide.to_markdown(index=False)}\n"


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), score, argv)


if __name__ == "__main__":
    sys.exit(main())
