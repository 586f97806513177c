"""Score a subset of SugarCrepe or SugarCrepe++: pairwise accuracy with ties, chance, intervals."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from gen2embed.artifacts.embedding_files import EmbeddingFiles
from gen2embed.artifacts.ids import check_ids, check_once, read_id_rows
from gen2embed.artifacts.origin import check_subset
from gen2embed.artifacts.rows_taken import dropped_from_metadata
from gen2embed.command_line import run_program
from gen2embed.data.composition_sets import IMAGE_TO_TEXT, TEXT_ONLY
from gen2embed.errors import InputError
from gen2embed.evaluation.compositionality import image_to_text, text_only
from gen2embed.evaluation.score_files import at_chance_warning, summarise, write_score
from gen2embed.files import run_record
from gen2embed.outputs import add_output

COLUMNS = ("row_id", "image_id", "true_ids", "false_id")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="score_compositions", description=__doc__)
    add = parser.add_argument
    add("--rows", required=True, help="composition rows parquet (docs/data_dictionary.md)")
    add("--query-embeddings", required=True, help="npy of unit vectors of the captions")
    add("--target-embeddings", help="npy of unit vectors of the images (text_only needs none)")
    add("--subset", required=True, help="name of the subset")
    add("--task", choices=(IMAGE_TO_TEXT, TEXT_ONLY), default=IMAGE_TO_TEXT, help="what is asked")
    add_output(
        parser,
        "--out",
        ".json",
        beside=(".predictions.parquet",),
        help="score .json; .predictions.parquet beside it",
    )
    return parser


def check_flags(job: argparse.Namespace) -> None:
    if job.task == IMAGE_TO_TEXT and not job.target_embeddings:
        raise InputError(f"--target-embeddings is missing; --task {IMAGE_TO_TEXT} needs the images")


def read_rows(path: str, task: str) -> tuple[pd.DataFrame, dict[str, str]]:
    """The rows, and the file's metadata."""
    frame, metadata = read_id_rows(path, COLUMNS, ("row_id", "image_id", "false_id"))
    check_once(path, "row_id", frame["row_id"].to_numpy())
    counts = (2,) if task == TEXT_ONLY else (1, 2)
    for row, ids in enumerate(frame["true_ids"]):
        if not isinstance(ids, np.ndarray) or ids.dtype != np.int64 or len(ids) not in counts:
            raise InputError(
                f"{path}: row {row}: true_ids must be a list of {' or '.join(map(str, counts))} "
                f"int64 ids for --task {task}"
            )
    return frame, metadata


def score(job: argparse.Namespace, vectors: EmbeddingFiles) -> None:
    out = Path(job.out)
    captions, caption_valid = vectors.get(job.query_embeddings)
    frame, metadata = read_rows(job.rows, job.task)
    check_subset(job.rows, metadata, "--subset", {"subset": job.subset})
    vectors.check_items(job.rows, metadata, "query", job.query_embeddings)
    rows = np.arange(len(frame))
    true_ids, false_ids = frame["true_ids"].to_list(), frame["false_id"].to_numpy()
    of_rows = np.repeat(rows, [len(true_id) for true_id in true_ids])
    every = np.concatenate(true_ids)
    check_ids(job.rows, "true caption", every, job.query_embeddings, len(captions), of_rows)
    check_ids(job.rows, "false caption", false_ids, job.query_embeddings, len(captions), rows)
    usable = caption_valid[false_ids] & [bool(caption_valid[true_id].all()) for true_id in true_ids]
    if job.task == IMAGE_TO_TEXT:
        images, image_valid = vectors.get(job.target_embeddings)
        vectors.check_one_space(job.query_embeddings, job.target_embeddings)
        vectors.check_items(job.rows, metadata, "target", job.target_embeddings)
        image_ids = frame["image_id"].to_numpy()
        check_ids(job.rows, "image_id", image_ids, job.target_embeddings, len(images), rows)
        usable &= image_valid[image_ids]
    if not usable.any():
        raise InputError(f"{job.rows}: every row has a caption or image that was not embedded")
    true_ids, false_ids = [true_ids[row] for row in rows[usable]], false_ids[usable]
    with run_record(out.with_suffix(".run.json")):
        if job.task == IMAGE_TO_TEXT:
            found = image_to_text(captions, images, image_ids[usable], true_ids, false_ids)
        else:
            found = text_only(captions, true_ids, false_ids)
        result = summarise(
            job.subset,
            "pairwise_accuracy",
            found.right,
            found.index0_right,
            found.ties,
            found.chances,
            {"task": job.task, "skipped_rows": int((~usable).sum())},
        )
        if dropped := dropped_from_metadata(metadata):
            result["data"] = dropped
        of_images = None
        if job.task == IMAGE_TO_TEXT:
            of_images = vectors.manifest(job.target_embeddings) or None
        of_captions = vectors.manifest(job.query_embeddings) or None
        result["manifest"] = {"query": of_captions, "target": of_images}
        row_ids = frame["row_id"].to_numpy()[usable]
        table = pd.DataFrame({"row_id": row_ids, "right": found.right, "margin": found.margin})
        write_score(out, result, table)
    if warning := at_chance_warning(result):
        print(warning, file=sys.stderr)


def main(argv: list[str] | None = None) -> int:
    def work(jobs: list[argparse.Namespace]) -> None:
        for job in jobs:
            check_flags(job)
        vectors = EmbeddingFiles()
        for job in jobs:
            score(job, vectors)

    return run_program(build_parser(), work, argv)


if __name__ == "__main__":
    sys.exit(main())
