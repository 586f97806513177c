"""The doctor: check rows and images of every data set on a CPU, before anything costs GPU time.

Errors stop it with the data set's name; warnings become a table. Reads the data contract of
docs/data_dictionary.md, so it checks data of your own as well.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

from gen2embed.data.checks import (
    Finding,
    check_evaluation,
    check_row_count,
    check_training,
    errors,
    image_paths,
)
from gen2embed.data.composition_sets import SUBSETS
from gen2embed.data.compositions import read_subset
from gen2embed.data.image_checks import check_images
from gen2embed.data.normalise import COLUMNS
from gen2embed.data.registry import TRAIN_SPLITS, registered_rows
from gen2embed.errors import InputError
from gen2embed.files import read_csv, read_parquet, run_record
from gen2embed.program import progress, run_each
from gen2embed.reporting.tables import write_table

PARTS = ("train", "eval", "composition")
EXPECTED = ("registered", "any")
SETS, FOUND = "data_sets", "data_findings"
SET_COLUMNS = ("part", "name", "rows", "registered", "images", "decoded", "errors", "warnings")
FOUND_COLUMNS = ("part", "name", "check", "severity", "count", "row", "said")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="check_data", description=__doc__)
    add = parser.add_argument
    add("--data", required=True, help="folder with datasets.csv, train/, eval/, composition/")
    add(
        "--parts", nargs="+", choices=PARTS, default=list(PARTS), help="default: all that are there"
    )
    add("--sets", nargs="+", help="names of data sets; default: all of the parts")
    add("--train-split", default="diverse_instruction", choices=TRAIN_SPLITS)
    add("--images", default="200", help="images of each data set that are decoded: a number or all")
    add("--rows", default="registered", choices=EXPECTED, help="row counts must be the published")
    add("--workers", type=int, default=2, help="threads that look at images")
    add("--seed", type=int, default=0, help="decides which images are decoded")
    add("--report-only", action="store_true", help="errors go to the table, too, and do not stop")
    add("--out", required=True, help=f"folder of the tables {SETS} and {FOUND}")
    return parser


def sets_of(job: argparse.Namespace) -> list[tuple[str, str]]:
    """(part, name) of every data set that is checked; compositional names are bench/subset."""
    data = Path(job.data)
    register = read_csv(data / "datasets.csv", ("part", "name"))
    every = [(row.part, row.name) for row in register[["part", "name"]].itertuples(index=False)]
    every += [
        ("composition", f"{benchmark}/{subset}")
        for benchmark, subsets in SUBSETS.items()
        for subset in subsets
        if (data / "composition" / benchmark).is_dir()
    ]
    chosen = [one for one in every if one[0] in job.parts]
    if job.sets:
        known = {name for _, name in chosen}
        for name in job.sets:
            if name not in known:
                raise InputError(f"{data}: has no data set {name!r}; it has: {sorted(known)}")
        chosen = [one for one in chosen if one[1] in job.sets]
    return chosen


def read_rows(folder: Path, part: str, split: str) -> pd.DataFrame:
    shards = sorted(folder.glob(f"{split}-*.parquet"))
    if not shards:
        raise InputError(f"{folder}: no file {split}-*.parquet; fetch the data again")
    frames = [read_parquet(path, COLUMNS[part])[0] for path in shards]
    return pd.concat(frames, ignore_index=True)


def check_set(job: argparse.Namespace, part: str, name: str) -> tuple[list[Finding], dict]:
    """Findings of one data set, and its line in the table of data sets."""
    data = Path(job.data)
    if part == "composition":
        benchmark, subset = name.split("/")
        rows = read_subset(data / part, benchmark, subset)
        expected, root = registered_rows(benchmark, subset), data / part / "images"
        first = {row.image: place for place, row in reversed(list(enumerate(rows)))}
        paths, row_of = list(first), list(first.values())
        findings = []
    else:
        split = job.train_split if part == "train" else "test"
        rows = read_rows(data / part / name, part, split)
        expected, root = registered_rows(part, name), data / part
        findings = check_training(rows) if part == "train" else check_evaluation(rows)
        paths, row_of = image_paths(rows, part)
    findings = check_row_count(len(rows), expected if job.rows == "registered" else None) + findings
    wanted = None if job.images == "all" else int(job.images)
    of_images, decoded = check_images(root, paths, row_of, wanted, job.seed, job.workers)
    findings += of_images
    line = {
        **{"part": part, "name": name, "rows": len(rows), "registered": expected},
        **{"images": len(paths), "decoded": decoded, "errors": len(errors(findings))},
        "warnings": len(findings) - len(errors(findings)),
    }
    return findings, line


def said(part: str, name: str, one: Finding) -> str:
    place = f"row {one.row}: " if one.row >= 0 else ""
    rows = f" ({one.count} in all)" if one.count > 1 and one.row >= 0 else ""
    return f"{part}/{name}: {place}{one.said}{rows}"


def check(job: argparse.Namespace) -> None:
    if job.images != "all" and not job.images.isdigit():
        raise InputError(f"--images {job.images}: give a number or all")
    if job.workers < 1:
        raise InputError(f"--workers is {job.workers}; give at least 1")
    out, lines, found = Path(job.out), [], []
    sets = sets_of(job)
    with run_record(out / f"{SETS}.run.json"):
        for part, name in progress(sets, len(sets), "check", "set"):
            findings, line = check_set(job, part, name)
            lines.append(line)
            found += [(part, name, one) for one in findings]
            for one in findings:
                print(f"{one.severity}: {said(part, name, one)}", file=sys.stderr, flush=True)
        wrong = [(part, name, one) for part, name, one in found if one in errors([one])]
        if wrong and not job.report_only:
            part, name, one = wrong[0]
            sick = len({(part, name) for part, name, _ in wrong})
            raise InputError(
                f"{said(part, name, one)}; {len(wrong)} errors in {sick} data sets stand in the "
                "log: fetch them again, or see all of them with --report-only"
            )
        write_tables(out, lines, found)


def write_tables(out: Path, lines: list[dict], found: list[tuple[str, str, Finding]]) -> None:
    sets = pd.DataFrame(lines, columns=list(SET_COLUMNS)).astype({"registered": "Int64"})
    shown = sets.astype("str").replace("<NA>", "-")
    caption = "Data sets as they were checked: rows, images, and how many images were decoded."
    write_table(out, SETS, sets, shown, caption)
    rows = [
        (part, name, one.check, one.severity, one.count, one.row, one.said)
        for part, name, one in found
    ]
    findings = pd.DataFrame(rows, columns=list(FOUND_COLUMNS))
    caption = "What the check of the data found: rows concerned, the first of them, in words."
    write_table(out, FOUND, findings, findings.astype("str"), caption)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), check, argv)


if __name__ == "__main__":
    sys.exit(main())
