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
EVAL_SPLIT = "test"


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="prepare_items", description=__doc__)
    add = parser.add_argument
    add("--data", required=True, help="benchmark folder with datasets.csv, train/, eval/")
    add("--train-split", default="diverse_instruction", help="original or diverse_instruction")
    add("--train-row-cap", type=int, help="first rows of each training subset; default: all")
    add("--eval-row-cap", type=int, help="first rows of each evaluation set; default: all")
    add("--out", required=True, help="folder for items/, pairs/, rows/, equivalences/")
    return parser


def read_rows(folder: Path, part: str, split: str, row_cap: int | None) -> pd.DataFrame:
    """All shards of a data set's split in the order of their names, at most ``row_cap`` rows."""
    shards = sorted(folder.glob(f"{split}-*.parquet"))
    if not shards:
        raise InputError(f"{folder}: no file {split}-*.parquet; build the data again")
    frames = [read_parquet(path, COLUMNS[part])[0] for path in shards]
    return pd.concat(frames, ignore_index=True).head(row_cap)


def prepare_part(
    data: Path, out: Path, part: str, register: pd.DataFrame, split: str, row_cap: int | None
) -> None:
    taken = {"split": split, "row_cap": "" if row_cap is None else str(row_cap)}
    sets = [entry._asdict() for entry in register[register["part"] == part].itertuples()]
    queries, targets, sizes = [], [], []
    for entry in sets:
        rows = read_rows(data / part / entry["name"], part, split, row_cap)
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
            metadata = {"subset": name, "labelled": entry["labelled"], **taken}
            write_parquet(out / "pairs" / f"{name}.parquet", frame, metadata)
        else:
            frame = rows_frame(query_ids[place], target_ids[place], sizes[place])
            write_parquet(out / "rows" / f"{name}.parquet", frame, {"subset": name, **taken})
        known = data / part / name / "equivalences.parquet"
        if known.exists():
            by_content, _ = read_parquet(known, ("row", "text", "image_path"))
            frame = equivalences_by_id(
                by_content,
                query_ids[place],
                target_items,
                entry["target_role"],
                str(known),
                capped=row_cap is not None,
            )
            write_parquet(out / "equivalences" / part / f"{name}.parquet", frame)


def prepare(job: argparse.Namespace) -> None:
    data, out = Path(job.data), Path(job.out)
    register = read_csv(data / "datasets.csv", REGISTER)
    parts = {
        "train": (job.train_split, job.train_row_cap),
        "eval": (EVAL_SPLIT, job.eval_row_cap),
    }
    for part, (_, row_cap) in parts.items():
        if row_cap is not None and row_cap < 1:
            raise InputError(f"--{part}-row-cap {row_cap}: give at least 1, or leave it out")
    with run_record(out / "items.run.json"):
        for part, (split, row_cap) in parts.items():
            if (register["part"] == part).any():
                prepare_part(data, out, part, register, split, row_cap)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), prepare, argv)


if __name__ == "__main__":
    sys.exit(main())
