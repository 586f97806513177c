"""Number the items of all data sets: items, pairs, evaluation rows and equivalences by id."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

from gen2embed.data.mmeb import (
    equivalences_by_id,
    flatten,
    number,
    pairs_frame,
    rows_frame,
    stack,
)
from gen2embed.errors import InputError
from gen2embed.files import read_csv, read_parquet, run_record, write_parquet
from gen2embed.program import run_each

REGISTER = ("part", "name", "meta_task", "split", "labelled", "target_role", "rows")
COLUMNS = {
    "train": ("qry", "qry_image_path", "pos_text", "pos_image_path"),
    "eval": ("qry_text", "qry_img_path", "tgt_text", "tgt_img_path"),
}
FILES = {"train": "diverse_instruction-*.parquet", "eval": "test-*.parquet"}


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="prepare_items", description=__doc__)
    add = parser.add_argument
    add("--data", required=True, help="benchmark folder with datasets.csv, train/, eval/")
    add("--out", required=True, help="folder for items/, pairs/, rows/, equivalences/")
    return parser


def read_rows(data: Path, part: str, name: str) -> pd.DataFrame:
    """All shards of a data set in the order of their names."""
    shards = sorted((data / part / name).glob(FILES[part]))
    if not shards:
        raise InputError(f"{data / part / name}: no file {FILES[part]}; build the data again")
    columns = COLUMNS[part]
    return pd.concat([read_parquet(path, columns)[0] for path in shards], ignore_index=True)


def prepare_part(data: Path, out: Path, part: str, register: pd.DataFrame) -> None:
    sets = [entry._asdict() for entry in register[register["part"] == part].itertuples()]
    queries, targets, sizes = [], [], []
    for entry in sets:
        rows = read_rows(data, part, entry["name"])
        query_text, query_image, target_text, target_image = (rows[name] for name in COLUMNS[part])
        queries.append(stack(query_text, query_image, "query"))
        if part == "eval":
            target_text, counts = flatten(target_text)
            target_image, image_counts = flatten(target_image)
            wrong = (counts != image_counts) | (counts == 0)
            if wrong.any():
                raise InputError(
                    f"{data / part / entry['name']}: row {int(wrong.argmax())}: tgt_text and "
                    "tgt_img_path must be lists of one length, with the positive first"
                )
            sizes.append(counts)
        targets.append(stack(target_text, target_image, entry["target_role"]))
    query_items, query_ids = number(queries)
    target_items, target_ids = number(targets)
    write_parquet(out / "items" / f"{part}_query.parquet", query_items)
    write_parquet(out / "items" / f"{part}_target.parquet", target_items)
    for place, entry in enumerate(sets):
        name = entry["name"]
        if part == "train":
            frame = pairs_frame(query_ids[place], target_ids[place])
            metadata = {"subset": name, "labelled": entry["labelled"]}
            write_parquet(out / "pairs" / f"{name}.parquet", frame, metadata)
        else:
            frame = rows_frame(query_ids[place], target_ids[place], sizes[place])
            write_parquet(out / "rows" / f"{name}.parquet", frame, {"subset": name})
        known = data / part / name / "equivalences.parquet"
        if known.exists():
            by_content, _ = read_parquet(known, ("row", "text", "image_path"))
            frame = equivalences_by_id(
                by_content, query_ids[place], target_items, entry["target_role"], str(known)
            )
            write_parquet(out / "equivalences" / part / f"{name}.parquet", frame)


def prepare(job: argparse.Namespace) -> None:
    data, out = Path(job.data), Path(job.out)
    register = read_csv(data / "datasets.csv", REGISTER)
    with run_record(out / "items.run.json"):
        for part in ("train", "eval"):
            if (register["part"] == part).any():
                prepare_part(data, out, part, register)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), prepare, argv)


if __name__ == "__main__":
    sys.exit(main())
