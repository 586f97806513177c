"""Score one evaluation data set: Precision@1 with ties, chance and intervals, and predictions."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gen2embed.errors import InputError
from gen2embed.evaluation.intervals import (
    ABOVE_CHANCE_P,
    above_chance,
    bootstrap_means,
    interval,
)
from gen2embed.evaluation.precision import Predictions, predict
from gen2embed.files import (
    load_embeddings,
    load_valid,
    read_json,
    read_parquet,
    run_record,
    write_json,
    write_parquet,
)
from gen2embed.program import run_program


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="score_subset", description=__doc__)
    add = parser.add_argument
    add("--rows", required=True, help="evaluation rows parquet (docs/data_dictionary.md)")
    add("--query-embeddings", required=True, help="npy of unit vectors, row = query_id")
    add("--target-embeddings", required=True, help="npy of unit vectors, row = candidate id")
    add("--subset", required=True, help="name of the data set")
    add("--out", required=True, help="score .json; .predictions.parquet beside it")
    return parser


class Vectors:
    """Embedding files, each checked once however many jobs name it."""

    def __init__(self) -> None:
        self.loaded: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def get(self, path: str) -> tuple[np.ndarray, np.ndarray]:
        if path not in self.loaded:
            vectors = load_embeddings(path)
            self.loaded[path] = vectors, load_valid(path, len(vectors))
        return self.loaded[path]


def read_rows(path: str) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """The rows, their candidate ids one list after another, and the lists' lengths."""
    frame, _ = read_parquet(path, ["row_id", "query_id", "candidate_ids"])
    if frame.empty:
        raise InputError(f"{path}: holds no rows")
    for column in ("row_id", "query_id"):
        if frame[column].dtype != np.int64:
            raise InputError(f"{path}: {column} is {frame[column].dtype}; ids are int64")
    lists = frame["candidate_ids"]
    for row, one in enumerate(lists):
        if not isinstance(one, np.ndarray) or one.dtype != np.int64 or not len(one):
            raise InputError(
                f"{path}: row {row}: candidate_ids must be a list of int64 ids, "
                "entry 0 the positive"
            )
    return frame, np.concatenate(lists.to_list()), lists.map(len).to_numpy(dtype=np.int64)


def check_ids(
    path: str, what: str, ids: np.ndarray, rows: np.ndarray, vectors: str, n: int
) -> None:
    wrong = np.flatnonzero((ids < 0) | (ids >= n))
    if len(wrong):
        at = int(wrong[0])
        raise InputError(
            f"{path}: row {rows[at]}: {what} {ids[at]} has no vector in {vectors}, which holds {n} "
            "rows; embed the items that these rows were made from"
        )


def summarise(subset: str, predictions: Predictions, skipped: int) -> dict[str, Any]:
    """The score contract of docs/data_dictionary.md, without the manifest."""
    hits = predictions.hits
    n = len(hits)
    chance = float(np.mean(1 / predictions.candidates))
    p_value = above_chance(int(hits.sum()), n, chance)
    low, high = interval(bootstrap_means(hits))
    numbers = {
        "value": hits.mean(),
        "value_index0": predictions.index0_hits.mean(),
        "chance": chance,
        "ci_low": low,
        "ci_high": high,
    }
    return {
        "subset": subset,
        "metric": "precision_at_1",
        "n": n,
        "ties": int(predictions.ties.sum()),
        "left_out_candidates": int(predictions.left_out.sum()),
        "skipped_rows": skipped,
        "above_chance": p_value < ABOVE_CHANCE_P,
        "p_value": float(f"{p_value:.6g}"),
        **{name: round(float(value), 9) for name, value in numbers.items()},
    }


def manifest(path: str) -> Any:
    """The embedding file's own manifest; None for vectors that have none."""
    beside = Path(path).with_suffix(".json")
    return read_json(beside) if beside.is_file() else None


def score(job: argparse.Namespace, vectors: Vectors) -> None:
    out = Path(job.out)
    queries, query_valid = vectors.get(job.query_embeddings)
    targets, target_valid = vectors.get(job.target_embeddings)
    if queries.shape[1] != targets.shape[1]:
        raise InputError(
            f"{job.target_embeddings}: has {targets.shape[1]} dimensions, {job.query_embeddings} "
            f"has {queries.shape[1]}; embed both sides with one model"
        )
    frame, candidates, sizes = read_rows(job.rows)
    query_ids = frame["query_id"].to_numpy()
    rows = np.arange(len(frame))
    check_ids(job.rows, "query_id", query_ids, rows, job.query_embeddings, len(queries))
    of_rows = np.repeat(rows, sizes)
    check_ids(job.rows, "candidate", candidates, of_rows, job.target_embeddings, len(targets))
    positives = candidates[np.cumsum(sizes) - sizes]
    usable = query_valid[query_ids] & target_valid[positives]
    if not usable.any():
        raise InputError(f"{job.rows}: every row has a query or positive that was not embedded")
    with run_record(out.with_suffix(".run.json")):
        predictions = predict(
            queries,
            targets,
            query_ids[usable],
            candidates[np.repeat(usable, sizes)],
            sizes[usable],
            target_valid,
        )
        result = summarise(job.subset, predictions, int((~usable).sum()))
        result["manifest"] = {
            "query": manifest(job.query_embeddings),
            "target": manifest(job.target_embeddings),
        }
        table = pd.DataFrame(
            {
                "row_id": frame["row_id"].to_numpy()[usable],
                "predicted_id": predictions.predicted_id,
                "rank_of_positive": predictions.rank_of_positive,
                "margin": predictions.margin,
            }
        )
        write_parquet(out.with_suffix(".predictions.parquet"), table)
        write_json(out, result)
    if not result["above_chance"]:
        print(
            f"{job.subset}: WARNING: {result['value']:.4f} is not above chance "
            f"({result['chance']:.4f}, p = {result['p_value']:.3g}): is the model loaded right?",
            file=sys.stderr,
        )


def main(argv: list[str] | None = None) -> int:
    def work(jobs: list[argparse.Namespace]) -> None:
        for job in jobs:
            if Path(job.out).suffix != ".json":
                raise InputError(f"--out {job.out}: the name of a score ends in .json")
        vectors = Vectors()
        for job in jobs:
            score(job, vectors)

    return run_program(build_parser(), work, argv)


if __name__ == "__main__":
    sys.exit(main())
