"""Mine hard negatives: pairs and their vectors in, clusters of pairs out (SaHa and others)."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gen2embed.command_line import run_program
from gen2embed.errors import InputError
from gen2embed.files import (
    load_embeddings,
    load_valid,
    read_json,
    read_parquet,
    run_record,
    write_json,
)
from gen2embed.mining.approximate import Approximation, Index
from gen2embed.mining.backends import Neighbours, threads
from gen2embed.mining.clusters import write_clusters
from gen2embed.mining.gpu import neighbours_on
from gen2embed.mining.mine import mine_subset
from gen2embed.mining.statistics import describe
from gen2embed.mining.strategies import STRATEGIES, get_strategy
from gen2embed.mining.subset import Subset
from gen2embed.outputs import add_output
from gen2embed.prompts.input_form import check_same
from gen2embed.taken import dropped_from_metadata

GIGABYTE = 1e9


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mine_negatives", description=__doc__)
    add = parser.add_argument
    add("--pairs", required=True, help="pairs parquet of one subset (docs/data_dictionary.md)")
    add("--query-embeddings", required=True, help="npy of unit vectors, row = query_id")
    add("--target-embeddings", required=True, help="npy of unit vectors, row = target_id")
    add("--strategy", required=True, help=", ".join(STRATEGIES))
    add("--k", type=int, required=True, help="negatives per cluster, at most (paper: 15)")
    add("--m", type=int, required=True, help="candidates per negative (paper: 3)")
    add(
        "--labelled",
        action=argparse.BooleanOptionalAction,
        help="the labels leave no unlabelled positives (default: as the pairs file says)",
    )
    add("--seed", type=int, default=0, help="of the random strategies")
    add("--device", default="auto", choices=("auto", "cpu", "cuda"), help="who searches")
    add("--threads", type=int, help="CPU threads (default: all); the result is the same")
    add("--block-rows", type=int, default=1024, help="most anchors searched at once; likewise")
    add("--index", default="", help="FAISS factory string: approximate search (default: exact)")
    add("--index-parameters", default="", help="of the index, such as nprobe=32")
    add("--index-from", type=int, default=0, help="targets from which on the index is used")
    add("--least-recall", type=float, default=0.95, help="of an index's pool, measured; or refused")
    add("--memory-gb", type=float, default=2.0, help="bound of extra memory, 1e9 bytes; likewise")
    add_output(
        parser,
        "--out",
        ".parquet",
        beside=(".json",),
        help="clusters .parquet; statistics beside it as .json",
    )
    return parser


@dataclass(frozen=True)
class Inputs:
    subset: Subset
    name: str
    labelled: bool
    prompt: str | None  # of the query vectors, where their manifest tells
    form: dict[str, str] | None  # of the inputs of both sides, likewise
    rows: int
    dropped: dict[str, int]  # bad rows that the pairs were made without; empty: none
    queries: np.ndarray
    targets: np.ndarray


def check_flags(job: argparse.Namespace) -> None:
    get_strategy(job.strategy)
    for flag in ("k", "m", "block_rows"):
        if getattr(job, flag) < 1:
            name = flag.replace("_", "-")
            raise InputError(f"--{name} is {getattr(job, flag)}; give at least 1")
    if job.seed < 0:
        raise InputError(f"--seed is {job.seed}; give 0 or more")
    if job.threads is not None and job.threads < 1:
        raise InputError(f"--threads is {job.threads}; give at least 1, or leave it out")
    if not job.memory_gb > 0:
        raise InputError(f"--memory-gb is {job.memory_gb}; give a positive number")
    if not 0 <= job.least_recall <= 1:
        raise InputError(f"--least-recall is {job.least_recall}; give a share from 0 to 1")
    if Path(job.out).suffix != ".parquet":
        raise InputError(f"--out {job.out}: the name of a cluster file ends in .parquet")


class Embeddings:
    """Embedding files, each checked once however many jobs name it."""

    def __init__(self) -> None:
        self._loaded: dict[Path, tuple[np.ndarray, np.ndarray]] = {}

    def get(self, path: str) -> tuple[np.ndarray, np.ndarray]:
        """The memory-mapped vectors and which of them are valid."""
        key = Path(path).resolve()
        if key not in self._loaded:
            vectors = load_embeddings(path)
            self._loaded[key] = vectors, load_valid(path, len(vectors))
        return self._loaded[key]


def read_pairs(path: str) -> tuple[np.ndarray, np.ndarray, dict[str, str]]:
    """query_id and target_id by row, and the file's metadata."""
    frame, metadata = read_parquet(path, ["pair_id", "query_id", "target_id"])
    if frame.empty:
        raise InputError(f"{path}: holds no pairs")
    for column in frame:
        if frame[column].dtype != np.int64:
            raise InputError(f"{path}: {column} is {frame[column].dtype}; ids are int64")
    if not (frame["pair_id"].to_numpy() == np.arange(len(frame))).all():
        raise InputError(f"{path}: pair_id must be 0, 1, 2, ... in row order")
    return frame["query_id"].to_numpy(), frame["target_id"].to_numpy(), metadata


def check_ids(path: str, column: str, ids: np.ndarray, embeddings: str, n_items: int) -> None:
    wrong = np.flatnonzero((ids < 0) | (ids >= n_items))
    if len(wrong):
        row = int(wrong[0])
        raise InputError(
            f"{path}: row {row}: {column} {ids[row]} has no vector in {embeddings}, which holds "
            f"{n_items} rows; embed the items that these pairs were made from"
        )


def read_inputs(job: argparse.Namespace, embeddings: Embeddings) -> Inputs:
    query_id, target_id, metadata = read_pairs(job.pairs)
    queries, query_valid = embeddings.get(job.query_embeddings)
    targets, target_valid = embeddings.get(job.target_embeddings)
    if queries.shape[1] != targets.shape[1]:
        raise InputError(
            f"{job.target_embeddings}: has {targets.shape[1]} dimensions, {job.query_embeddings} "
            f"has {queries.shape[1]}; embed both sides with one model"
        )
    check_ids(job.pairs, "query_id", query_id, job.query_embeddings, len(queries))
    check_ids(job.pairs, "target_id", target_id, job.target_embeddings, len(targets))
    subset = Subset.of(query_id, target_id, query_valid, target_valid)
    if not len(subset.pair_ids):
        raise InputError(f"{job.pairs}: every pair has an item that could not be embedded")
    labelled = metadata.get("labelled") == "true" if job.labelled is None else job.labelled
    return Inputs(
        subset=subset,
        name=metadata.get("subset", Path(job.pairs).stem),
        labelled=labelled,
        prompt=read_manifest(job.query_embeddings).get("prompt"),
        form=one_form(job.query_embeddings, job.target_embeddings),
        rows=len(query_id),
        dropped=dropped_from_metadata(metadata),
        queries=queries,
        targets=targets,
    )


def read_manifest(embeddings: str) -> dict[str, Any]:
    """The vectors' manifest; empty without one, as of users' own vectors."""
    manifest = Path(embeddings).with_suffix(".json")
    return read_json(manifest) if manifest.is_file() else {}


def one_form(queries: str, targets: str) -> dict[str, str] | None:
    """The form of input of both files; InputError where theirs differ."""
    of_queries, of_targets = (read_manifest(path).get("input") for path in (queries, targets))
    check_same(of_queries, of_targets, f"{queries} and {targets}")
    return of_queries or of_targets


def approximation(job: argparse.Namespace) -> Approximation | None:
    if not job.index:
        return None
    index = Index(job.index, job.index_parameters)
    return Approximation(index, job.index_from, job.least_recall)


def mine(job: argparse.Namespace, inputs: Inputs, neighbours: Neighbours) -> None:
    out = Path(job.out)
    subset = inputs.subset
    with run_record(out.with_suffix(".run.json")) as record, threads(job.threads):
        mined = mine_subset(
            subset,
            inputs.queries,
            inputs.targets,
            get_strategy(job.strategy),
            k=job.k,
            m=job.m,
            labelled=inputs.labelled,
            seed=job.seed,
            block_rows=job.block_rows,
            memory=job.memory_gb * GIGABYTE,
            neighbours=neighbours,
            approximation=approximation(job),
        )
        how = {
            "subset": inputs.name,
            "strategy": job.strategy,
            "k": job.k,
            "m": job.m,
            "seed": job.seed,
            "labelled": inputs.labelled,
        }
        statistics = how | {
            "pairs": len(subset.pair_ids),
            "left_out_pairs": inputs.rows - len(subset.pair_ids),
            **inputs.dropped,
            "queries": len(subset.query_ids),
            "targets": len(subset.target_ids),
            "dropped_queries": mined.dropped_queries,
            "search": mined.search,
            **describe(mined.clusters, mined.tally),
        }
        metadata = {name: str(value) for name, value in how.items()}
        metadata["labelled"] = metadata["labelled"].lower()
        if inputs.prompt:
            metadata["prompt"] = inputs.prompt
        if inputs.form:
            metadata["input"] = json.dumps(inputs.form, sort_keys=True)
        write_clusters(out, mined.clusters, metadata)
        write_json(out.with_suffix(".json"), statistics)
        record["prefetched_searches"] = mined.prefetched
        record["widened_searches"] = mined.widened


def main(argv: list[str] | None = None) -> int:
    def work(jobs: list[argparse.Namespace]) -> None:
        for job in jobs:
            check_flags(job)
        embeddings = Embeddings()
        inputs = [read_inputs(job, embeddings) for job in jobs]
        for job, of_job in zip(jobs, inputs, strict=True):
            mine(job, of_job, neighbours_on(job.device))

    return run_program(build_parser(), work, argv)


if __name__ == "__main__":
    sys.exit(main())
