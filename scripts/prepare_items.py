"""Number the items of all data sets: items, pairs, evaluation rows, and by id what is
known of them: equivalences and minimal pairs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from gen2embed.artifacts.ids import EXTRAS
from gen2embed.artifacts.origin import SIDES, items_metadata
from gen2embed.artifacts.register_file import read_register
from gen2embed.artifacts.rows_taken import as_metadata
from gen2embed.command_line import run_each
from gen2embed.data.bad_rows import Listed, count_out, read_dropped, staying
from gen2embed.data.mmeb import (
    equivalences_by_id,
    flatten,
    number,
    of_kept,
    pairs_frame,
    rows_frame,
    stack,
)
from gen2embed.errors import InputError
from gen2embed.files import read_parquet, run_record, write_parquet
from gen2embed.flag_types import whole
from gen2embed.outputs import add_output
from gen2embed.study.layout import items_file, set_file

REGISTER = ("part", "name", "meta_task", "split", "labelled", "target_role", "rows")
COLUMNS = {
    "train": ("qry", "qry_image_path", "pos_text", "pos_image_path"),
    "eval": ("qry_text", "qry_img_path", "tgt_text", "tgt_img_path"),
}
EVAL_SPLIT = "test"
FURTHER = "further.parquet"  # beside the rows of a training subset: a corpus to mine from
KNOWN = {"equivalences": ("train", "eval"), "minimal_pairs": ("train",)}  # of which parts


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="prepare_items", description=__doc__)
    add = parser.add_argument
    add("--data", required=True, help="benchmark folder with datasets.csv, train/, eval/")
    add("--train-split", default="diverse_instruction", help="original or diverse_instruction")
    add("--train-row-cap", type=whole(), help="first rows of each training subset; default: all")
    add("--eval-row-cap", type=whole(), help="first rows of each evaluation set; default: all")
    add("--dropped", help="dropped_rows.csv of check_data.py: rows that are left out")
    add_output(parser, "--out", help="folder for items/, pairs/, rows/, equivalences/, ...")
    return parser


def read_rows(folder: Path, part: str, split: str) -> pd.DataFrame:
    """All shards of a data set's split in the order of their names."""
    shards = sorted(folder.glob(f"{split}-*.parquet"))
    if not shards:
        raise InputError(f"{folder}: no file {split}-*.parquet; build the data again")
    optional = EXTRAS if part == "eval" else ()
    frames = [read_parquet(path, COLUMNS[part], optional)[0] for path in shards]
    return pd.concat(frames, ignore_index=True, join="inner")


def take_rows(
    rows: pd.DataFrame, row_cap: int | None, listed: Listed | None, split: str, source: str
) -> tuple[pd.DataFrame, int]:
    """The first ``row_cap`` rows, as published, but for the bad ones; how many these are.

    The index of a row is its number as published.
    """
    stays = staying(range(len(rows)), listed, split, source)[:row_cap]
    return rows.head(row_cap)[stays], count_out(stays, source)


@dataclass(frozen=True)
class Taken:
    """One data set: its rows' numbers as published, items of both sides, candidates of each row."""

    numbers: np.ndarray  # int64, (rows,)
    queries: pd.DataFrame
    targets: pd.DataFrame
    sizes: np.ndarray | None  # int64, (rows,); None: training rows have one target
    extras: pd.DataFrame  # the columns of EXTRAS that the data set has, (rows,)
    dropped: int


def take_set(
    source: Path, part: str, role: str, split: str, row_cap: int | None, listed: Listed | None
) -> Taken:
    rows = read_rows(source, part, split)
    rows, dropped = take_rows(rows, row_cap, listed, split, str(source))
    query_text, query_image, target_text, target_image = (rows[name] for name in COLUMNS[part])
    sizes = None
    if part == "eval":
        target_text, sizes = flatten(target_text)
        target_image, image_sizes = flatten(target_image)
        wrong = (sizes != image_sizes) | (sizes == 0)
        if wrong.any():
            raise InputError(
                f"{source}: row {rows.index[wrong.argmax()]}: tgt_text and tgt_img_path must be "
                "lists of one length, with the positive first"
            )
    queries = stack(query_text, query_image, "query")
    targets = stack(target_text, target_image, role)
    extras = rows[[name for name in EXTRAS if name in rows]]
    return Taken(rows.index.to_numpy(), queries, targets, sizes, extras, dropped)


def read_further(folder: Path, sets: list[dict]) -> list[pd.DataFrame]:
    """Targets without owner of every data set, where the first of them has any; else none."""
    paths = [folder / entry["name"] / FURTHER for entry in sets]
    if not paths[0].exists():
        return []
    frames = [read_parquet(path, ("text", "image_path"))[0] for path in paths]
    return [
        stack(frame["text"], frame["image_path"], entry["target_role"])
        for frame, entry in zip(frames, sets, strict=True)
    ]


def prepare_part(
    data: Path,
    out: Path,
    part: str,
    register: pd.DataFrame,
    split: str,
    row_cap: int | None,
    dropped: Mapping[tuple[str, str], Listed],
) -> None:
    sets = [entry._asdict() for entry in register[register["part"] == part].itertuples()]
    taken = []
    for entry in sets:
        source, listed = data / part / entry["name"], dropped.get((part, entry["name"]))
        taken.append(take_set(source, part, entry["target_role"], split, row_cap, listed))
    further = read_further(data / part, sets) if part == "train" else []
    query_items, query_ids = number([side.queries for side in taken])
    target_items, target_ids = number([side.targets for side in taken] + further)
    further_ids = target_ids[len(taken) :]
    target_ids = target_ids[: len(taken)]
    files = [items_file(out / "items", part, side) for side in SIDES]
    write_parquet(files[0], query_items)
    write_parquet(files[1], target_items)
    of_items = items_metadata(*files)
    for entry, ids in zip(sets if further else [], further_ids, strict=True):
        frame = pd.DataFrame({"target_id": np.unique(ids)})
        metadata = {"subset": entry["name"], **of_items}
        write_parquet(out / "further" / f"{entry['name']}.parquet", frame, metadata)
    for entry, of_set, *ids in zip(sets, taken, query_ids, target_ids, strict=True):
        name, of_rows = entry["name"], as_metadata(split, row_cap, of_set.dropped) | of_items
        if part == "train":
            metadata = {"subset": name, "labelled": entry["labelled"], **of_rows}
            write_parquet(set_file(out / "pairs", name), pairs_frame(*ids), metadata)
        else:
            frame = rows_frame(of_set.numbers, *ids, of_set.sizes, of_set.extras)
            write_parquet(set_file(out / "rows", name), frame, {"subset": name, **of_rows})
        for kind in (kind for kind, parts in KNOWN.items() if part in parts):
            known = data / part / name / f"{kind}.parquet"
            if known.exists():
                by_content, _ = read_parquet(known, ("row", "text", "image_path"))
                frame = equivalences_by_id(
                    of_kept(by_content, of_set.numbers) if of_set.dropped else by_content,
                    ids[0],
                    target_items,
                    entry["target_role"],
                    str(known),
                    capped=row_cap is not None or of_set.dropped > 0,
                )
                of_known = {"subset": name, **of_items}
                write_parquet(set_file(out / kind / part, name), frame, of_known)


def prepare(job: argparse.Namespace) -> None:
    data, out = Path(job.data), Path(job.out)
    register = read_register(data / "datasets.csv", REGISTER)
    parts = {
        "train": (job.train_split, job.train_row_cap),
        "eval": (EVAL_SPLIT, job.eval_row_cap),
    }
    dropped = read_dropped(job.dropped)
    with run_record(out / "items.run.json"):
        for part, (split, row_cap) in parts.items():
            if (register["part"] == part).any():
                prepare_part(data, out, part, register, split, row_cap, dropped)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), prepare, argv)


if __name__ == "__main__":
    sys.exit(main())
