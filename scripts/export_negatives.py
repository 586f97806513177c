"""Export mined clusters for training elsewhere, in the layouts that other packages read."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from gen2embed.artifacts.further_targets import check_corpus, read_further, with_further
from gen2embed.artifacts.ids import check_ids, read_pairs
from gen2embed.artifacts.origin import SIDES, check_items, check_mined_from
from gen2embed.command_line import run_each
from gen2embed.errors import InputError
from gen2embed.files import digest_file, read_parquet, write_parquet, write_text
from gen2embed.flag_types import whole
from gen2embed.mining.clusters import read_clusters
from gen2embed.mining.export import (
    CELLS,
    FLAG,
    FORMATS,
    JSONL,
    LINES,
    MMEB,
    SWIFT,
    TEVATRON,
    TUPLES,
    Texts,
    as_mmeb,
    as_records,
    as_tuples,
)
from gen2embed.mining.export_elsewhere import as_cells, as_flag, as_swift, as_tevatron
from gen2embed.outputs import add_output

log = logging.getLogger("gen2embed.export_negatives")
RECORDS = {FLAG: as_flag, SWIFT: as_swift, TEVATRON: as_tevatron, JSONL: as_records}


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="export_negatives", description=__doc__)
    add = parser.add_argument
    add("--pairs", required=True, help="pairs parquet that was mined")
    add("--clusters", required=True, help="cluster file of mine_negatives.py")
    add("--query-items", required=True, help="items parquet of the query side")
    add("--target-items", required=True, help="items parquet of the target side")
    add("--corpus", help="parquet of target_id, where clusters were mined with one")
    add("--format", required=True, choices=FORMATS, help="what is written")
    add("--negatives", type=whole(), default=1, help="of each tuple (sentence-transformers only)")
    add_output(
        parser, "--out", ".parquet", ".jsonl", help=f".parquet; .jsonl for {', '.join(LINES)}"
    )
    return parser


def read_items(path: str, pairs: str, name: str, ids: np.ndarray) -> pd.DataFrame:
    items, _ = read_parquet(path, ["item_id", "text", "image_path"])
    if not (items["item_id"].to_numpy() == range(len(items))).all():
        raise InputError(f"{path}: item_id must be 0, 1, 2, ... in row order")
    check_ids(pairs, name, ids, path, len(items))
    return items


def export(job: argparse.Namespace) -> None:
    suffix = ".jsonl" if job.format in LINES else ".parquet"
    if Path(job.out).suffix != suffix:
        raise InputError(f"--out {job.out}: the name of a {job.format} file ends in {suffix}")
    *ids, of_pairs = read_pairs(job.pairs)
    table, metadata = read_clusters(job.clusters, len(ids[0]), further=True)
    check_mined_from(job.clusters, metadata, job.pairs, of_pairs, *ids)
    items = []
    for side, path, its in zip(SIDES, (job.query_items, job.target_items), ids, strict=True):
        items.append(read_items(path, job.pairs, f"{side}_id", its))
        check_items(job.pairs, of_pairs, side, digest_file(path), path)
    further = np.empty(0, dtype=np.int64)
    if job.corpus:
        path = job.target_items
        further = read_further(job.corpus, job.pairs, of_pairs, path, len(items[1]))
    check_corpus(job.clusters, metadata, job.corpus, len(further))
    texts = Texts(*with_further(*ids, further), *items)
    if job.format in LINES:
        records = RECORDS[job.format](table, texts)
        lines = [json.dumps(record, ensure_ascii=False) + "\n" for record in records]
        if not lines:
            raise InputError(
                f"{job.clusters}: no cluster has negatives; mine with another strategy"
            )
        write_text(job.out, "".join(lines))
    elif job.format == MMEB:
        write_parquet(job.out, as_mmeb(table, texts), metadata)
    else:
        made = as_cells if job.format == CELLS else as_tuples
        frame, left_out = made(table, texts, job.negatives)
        if frame.empty:
            raise InputError(
                f"--negatives {job.negatives}: no cluster of {job.clusters} has so many; give fewer"
            )
        if job.format == TUPLES and "anchor_image" in frame:
            log.warning(
                "%s: sentence-transformers takes every column for an input of the loss, paths of "
                "images as texts: join anchor and anchor_image and so on yourself, or export as %s",
                job.out, CELLS,
            )  # fmt: skip
        log.info("%d tuples; %d clusters with fewer negatives left out", len(frame), left_out)
        write_parquet(job.out, frame, metadata)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), export, argv)


if __name__ == "__main__":
    sys.exit(main())
