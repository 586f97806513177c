"""Score one evaluation data set: Precision@1 with ties, chance and intervals, and predictions."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

from gen2embed.artifacts.embedding_files import EmbeddingFiles
from gen2embed.artifacts.ids import check_rows, read_rows, usable_rows
from gen2embed.artifacts.origin import check_subset
from gen2embed.artifacts.rows_taken import from_metadata
from gen2embed.command_line import run_program
from gen2embed.evaluation.precision import predict
from gen2embed.evaluation.score_files import at_chance_warning, summarise, write_score
from gen2embed.files import run_record
from gen2embed.outputs import add_output


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="score_subset", description=__doc__)
    add = parser.add_argument
    add("--rows", required=True, help="evaluation rows parquet (docs/data_dictionary.md)")
    add("--query-embeddings", required=True, help="npy of unit vectors, row = query_id")
    add("--target-embeddings", required=True, help="npy of unit vectors, row = candidate id")
    add("--subset", required=True, help="name of the data set")
    add_output(
        parser,
        "--out",
        ".json",
        beside=(".predictions.parquet",),
        help="score .json; .predictions.parquet beside it",
    )
    return parser


def score(job: argparse.Namespace, vectors: EmbeddingFiles) -> None:
    out = Path(job.out)
    queries, query_valid = vectors.get(job.query_embeddings)
    targets, target_valid = vectors.get(job.target_embeddings)
    vectors.check_one_space(job.query_embeddings, job.target_embeddings)
    rows = read_rows(job.rows)
    frame, metadata = rows.frame, rows.metadata
    check_subset(job.rows, metadata, "--subset", {"subset": job.subset})
    vectors.check_items(job.rows, metadata, "query", job.query_embeddings)
    vectors.check_items(job.rows, metadata, "target", job.target_embeddings)
    holders = {
        "query": (job.query_embeddings, len(queries)),
        "target": (job.target_embeddings, len(targets)),
    }
    check_rows(job.rows, rows, holders)
    usable = usable_rows(job.rows, rows, query_valid, target_valid)
    with run_record(out.with_suffix(".run.json")):
        predictions = predict(queries, targets, *rows.asked(usable), target_valid)
        facts = {
            "left_out_candidates": int(predictions.left_out.sum()),
            "skipped_rows": int((~usable).sum()),
        }
        concepts = frame["concept"].to_numpy()[usable] if "concept" in frame else None
        if "alike" in frame:
            facts["informed_chance"] = round(float((1 / frame["alike"][usable]).mean()), 9)
        result = summarise(
            job.subset,
            "precision_at_1",
            predictions.hits,
            predictions.index0_hits,
            predictions.ties,
            1 / predictions.candidates,
            facts,
            concepts,
        )
        result["data"] = from_metadata(metadata)
        result["manifest"] = {
            "query": vectors.manifest(job.query_embeddings) or None,
            "target": vectors.manifest(job.target_embeddings) or None,
        }
        table = pd.DataFrame(
            {
                "row_id": frame["row_id"].to_numpy()[usable],
                "predicted_id": predictions.predicted_id,
                "rank_of_positive": predictions.rank_of_positive,
                "margin": predictions.margin,
            }
        )
        if concepts is not None:
            table["concept"] = concepts
        write_score(out, result, table)
    if warning := at_chance_warning(result):
        print(warning, file=sys.stderr)


def main(argv: list[str] | None = None) -> int:
    def work(jobs: list[argparse.Namespace]) -> None:
        vectors = EmbeddingFiles()
        for job in jobs:
            score(job, vectors)

    return run_program(build_parser(), work, argv)


if __name__ == "__main__":
    sys.exit(main())
