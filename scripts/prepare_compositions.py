"""Number the captions and images of SugarCrepe and SugarCrepe++: items, and rows by id."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from gen2embed.data.composition_sets import SUBSETS
from gen2embed.data.compositions import by_id, check_images, read_subset
from gen2embed.files import run_record, write_parquet
from gen2embed.program import run_each


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="prepare_compositions", description=__doc__)
    add = parser.add_argument
    add("--data", required=True, help="folder with <benchmark>/<subset>.json, as published")
    add("--image-root", required=True, help="folder that the rows' file names start from")
    add("--benchmarks", nargs="+", choices=SUBSETS, default=list(SUBSETS), help="which (both)")
    add("--out", required=True, help="folder for items/ and compositions/")
    return parser


def prepare(job: argparse.Namespace) -> None:
    out = Path(job.out)
    with run_record(out / "compositions.run.json"):
        names = [(one, subset) for one in job.benchmarks for subset in SUBSETS[one]]
        sets = [read_subset(job.data, *name) for name in names]
        for name, rows in zip(names, sets, strict=True):
            check_images(rows, job.image_root, f"{Path(job.data, *name)}.json")
        queries, targets, frames = by_id(sets)
        write_parquet(out / "items" / "composition_query.parquet", queries)
        write_parquet(out / "items" / "composition_target.parquet", targets)
        for (benchmark, subset), frame in zip(names, frames, strict=True):
            path = out / "compositions" / benchmark / f"{subset}.parquet"
            write_parquet(path, frame, {"subset": f"{benchmark}/{subset}"})


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), prepare, argv)


if __name__ == "__main__":
    sys.exit(main())
