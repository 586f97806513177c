"""The same embedding taken at every layer: Precision@1 and image-text gap, by layer and prompt."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy as np
import pandas as pd

from gen2embed.artifacts.ids import read_rows
from gen2embed.artifacts.origin import SIDES, check_items
from gen2embed.command_line import run_each
from gen2embed.errors import InputError
from gen2embed.evaluation.intervals import share_interval
from gen2embed.evaluation.precision import predict
from gen2embed.evaluation.subsample import sample_rows
from gen2embed.files import digest_file, run_record, write_csv
from gen2embed.flag_types import whole
from gen2embed.models.analysis.common import (
    add_flags,
    batches_for,
    check_flags,
    load_eager,
    plan_for,
    spaced,
)
from gen2embed.prompts.items import Item, read_items
from gen2embed.reporting.figures.embedding_space import centroid_distance

COLUMNS = ["prompt", "layer", "value", "ci_low", "ci_high", "chance", "n", "image_text_gap"]


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="analyse_layers", description=__doc__)
    add_flags(parser)
    add = parser.add_argument
    add("--rows", required=True, nargs="+", help="evaluation rows of each data set")
    add("--query-items", required=True, help="items parquet of the query side")
    add("--target-items", required=True, help="items parquet of the target side")
    add("--rows-per-set", type=whole(), required=True, help="rows of each data set, evenly spaced")
    return parser


@dataclass(frozen=True)
class Sample:
    """Items of both sides, renumbered, and the rows over them."""

    queries: list[Item]
    targets: list[Item]
    query_ids: np.ndarray  # (n_rows,)
    candidates: np.ndarray  # the rows' lists one after another
    sizes: np.ndarray  # (n_rows,)


def read_sample(job: argparse.Namespace) -> Sample:
    ids, lists = [], []
    for path in job.rows:
        rows = read_rows(path)
        for side, source in zip(SIDES, (job.query_items, job.target_items), strict=True):
            check_items(path, rows.metadata, side, digest_file(source), source)
        chosen = spaced(len(rows.frame), job.rows_per_set)
        of_set = np.split(rows.candidates, np.cumsum(rows.sizes)[:-1])
        sampled_ids, sampled = sample_rows(rows.frame["query_id"].to_numpy(), of_set, chosen)
        ids.append(sampled_ids)
        lists += sampled
    query_ids, query_places = np.unique(np.concatenate(ids), return_inverse=True)
    target_ids, target_places = np.unique(np.concatenate(lists), return_inverse=True)
    return Sample(
        take(job.query_items, "query", query_ids),
        take(job.target_items, "target", target_ids),
        query_places,
        target_places,
        np.array(list(map(len, lists))),
    )


def take(path: str, side: str, ids: np.ndarray) -> list[Item]:
    items = read_items(path, side)
    if ids[0] < 0 or ids[-1] >= len(items):
        raise InputError(
            f"{path}: holds {len(items)} items, but the rows name {side}_id {ids[-1]}; "
            "prepare items and rows together"
        )
    return [items[item_id] for item_id in ids]


def score_layer(queries: np.ndarray, targets: np.ndarray, sample: Sample) -> list[float]:
    """Precision@1 with its interval, chance, number of rows."""
    found = predict(queries, targets, sample.query_ids, sample.candidates, sample.sizes)
    low, high = share_interval(found.hits)
    chance = float((1 / found.candidates).mean())
    return [float(found.hits.mean()), low, high, chance, len(found.hits)]


def analyse(job: argparse.Namespace) -> None:
    check_flags(job)
    sample = read_sample(job)
    with run_record(Path(job.out).with_suffix(".run.json")):
        from gen2embed.models.analysis.layers import encode_layers

        backbone, device = load_eager(job)
        sides = ((sample.queries, job.query_items), (sample.targets, job.target_items))
        image = np.array([bool(item.image_path) for items, _ in sides for item in items])
        rows = []
        for prompt in job.prompts:
            vectors = []
            for items, source in sides:
                planned = plan_for(backbone, job, prompt, items, source)
                batches = batches_for(backbone, job, planned, device)
                vectors.append(encode_layers(backbone, batches, len(items)))
            for layer, (queries, targets) in enumerate(zip(*vectors, strict=True), start=1):
                vectors_of_layer = np.concatenate([queries, targets])
                gap = (
                    centroid_distance(vectors_of_layer[image], vectors_of_layer[~image])
                    if image.any()
                    else np.nan
                )
                rows.append([prompt, layer, *score_layer(queries, targets, sample), gap])
        write_csv(job.out, pd.DataFrame(rows, columns=COLUMNS).round(9))


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), analyse, argv)


if __name__ == "__main__":
    sys.exit(main())
