"""Audit what each evaluation set shares with training: images, texts and whole items by content."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

from gen2embed.artifacts.ids import check_rows, read_rows
from gen2embed.artifacts.origin import check_items, check_subset
from gen2embed.command_line import run_each
from gen2embed.evaluation.leakage import KINDS, content_keys, shared
from gen2embed.files import digest_file, read_parquet
from gen2embed.outputs import add_output
from gen2embed.reporting.captions import dropped_in_files
from gen2embed.reporting.results import read_register
from gen2embed.reporting.tables.paper_tables import write_paper_table
from gen2embed.study.layout import items_file, set_file

SIDES = ("query", "target")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="audit_leakage", description=__doc__)
    add = parser.add_argument
    add("--register", required=True, help="datasets.csv of the benchmark")
    add("--rows", required=True, help="folder with <dataset>.parquet")
    add("--items", required=True, help="folder with <part>_<side>.parquet")
    add("--train-images", required=True, help="folder that training image paths start from")
    add("--eval-images", required=True, help="folder that evaluation image paths start from")
    add_output(parser, "--out", help="folder for leakage.csv, .md, .tex, .html")
    return parser


def items_of(job: argparse.Namespace, part: str, side: str) -> Path:
    return items_file(job.items, part, side)


def read_keys(job: argparse.Namespace, part: str, root: str) -> dict[str, pd.DataFrame]:
    """Content keys of both sides of a part."""
    found = {}
    for side in SIDES:
        path = items_of(job, part, side)
        found[side] = content_keys(read_parquet(path, ["text", "image_path"])[0], root)
    return found


def audit(job: argparse.Namespace) -> None:
    trained = pd.concat(read_keys(job, "train", job.train_images).values())
    known = {kind: set(trained[kind]) - {""} for kind in KINDS}
    keys = read_keys(job, "eval", job.eval_images)
    digests = {side: digest_file(items_of(job, "eval", side)) for side in SIDES}
    register = read_register(job.register)
    rows, files = [], []
    for entry in register[register["part"] == "eval"].itertuples():
        path = set_file(job.rows, entry.name)
        files.append(path)
        of_set = read_rows(path)
        check_subset(path, of_set.metadata, job.register, {"subset": entry.name})
        items = {side: items_of(job, "eval", side) for side in SIDES}
        check_rows(path, of_set, {side: (items[side], len(keys[side])) for side in SIDES})
        for side in SIDES:
            check_items(path, of_set.metadata, side, digests[side], items[side])
        ids = {
            "query": of_set.frame["query_id"].unique(),
            "target": pd.unique(of_set.candidates),
        }
        for side in SIDES:
            for kind in KINDS:
                n, found = shared(keys[side].loc[ids[side], kind], known[kind])
                rows.append((entry.name, entry.split, side, kind, n, found))
    columns = ["dataset", "split", "side", "kind", "different", "shared"]
    frame = pd.DataFrame(rows, columns=columns)
    cells = [
        f"{row.shared} of {row.different}" if row.different else "-" for row in frame.itertuples()
    ]
    heads = frame["side"] + " " + frame["kind"]
    shown = frame.assign(cell=cells, head=heads).pivot(
        index="dataset", columns="head", values="cell"
    )
    shown = shown.loc[frame["dataset"].unique(), heads.unique()].rename_axis(columns=None)
    whole = frame[frame["kind"] == "items"]
    images = frame[frame["kind"] == "images"]
    caption = (
        "What evaluation shares with training: different images (by their bytes), texts (by their "
        "words) and whole items (both) of each evaluation set's queries and candidates that occur "
        f"anywhere in training. In all, {images['shared'].sum()} of {images['different'].sum()} "
        f"images and {whole['shared'].sum()} of {whole['different'].sum()} items are shared. "
        "Shared texts of queries with images are the tasks' instructions; shared candidates that "
        "are texts are labels and captions." + dropped_in_files(files)
    )
    write_paper_table(job.out, "leakage", frame, shown.reset_index(), caption)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), audit, argv)


if __name__ == "__main__":
    sys.exit(main())
