"""Number the captions and images of SugarCrepe and SugarCrepe++: items, and rows by id."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from gen2embed.artifacts.origin import SIDES, items_metadata
from gen2embed.artifacts.rows_taken import dropped_as_metadata
from gen2embed.command_line import run_each
from gen2embed.data.bad_rows import Listed, count_out, read_dropped, staying
from gen2embed.data.composition_sets import SUBSETS
from gen2embed.data.compositions import Composition, by_id, read_subset, refuse_faults
from gen2embed.files import run_record, write_parquet
from gen2embed.outputs import add_output
from gen2embed.study.layout import items_file, set_file


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="prepare_compositions", description=__doc__)
    add = parser.add_argument
    add("--data", required=True, help="folder with <benchmark>/<subset>.json, as published")
    add("--image-root", required=True, help="folder that the rows' file names start from")
    add("--benchmarks", nargs="+", choices=SUBSETS, default=list(SUBSETS), help="which (both)")
    add("--dropped", help="dropped_rows.csv of check_data.py: rows that are left out")
    add_output(parser, "--out", help="folder for items/ and compositions/")
    return parser


def read_kept(
    job: argparse.Namespace, listed: Listed | None, benchmark: str, subset: str
) -> tuple[list[Composition], int]:
    """The rows of a subset but for the listed ones, and how many these are."""
    source = f"{Path(job.data, benchmark, subset)}.json"
    rows = read_subset(job.data, benchmark, subset)
    stays = staying([row.row_id for row in rows], listed, "", source)
    kept = [row for row, stay in zip(rows, stays, strict=True) if stay]
    refuse_faults(kept, job.image_root, source)
    return kept, count_out(stays, source)


def prepare(job: argparse.Namespace) -> None:
    out = Path(job.out)
    with run_record(out / "compositions.run.json"):
        names = [
            (benchmark, subset) for benchmark in job.benchmarks for subset in SUBSETS[benchmark]
        ]
        dropped = read_dropped(job.dropped)
        read = [
            read_kept(job, dropped.get(("composition", "/".join(name))), *name) for name in names
        ]
        queries, targets, frames = by_id([rows for rows, _ in read])
        files = [items_file(out / "items", "composition", side) for side in SIDES]
        write_parquet(files[0], queries)
        write_parquet(files[1], targets)
        of_items = items_metadata(*files)
        for (benchmark, subset), (_, count), frame in zip(names, read, frames, strict=True):
            path = set_file(out / "compositions" / benchmark, subset)
            metadata = {"subset": f"{benchmark}/{subset}", **dropped_as_metadata(count), **of_items}
            write_parquet(path, frame, metadata)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), prepare, argv)


if __name__ == "__main__":
    sys.exit(main())
