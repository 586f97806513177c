"""The doctor: check rows and images of every data set on a CPU, before anything costs GPU time.

Errors stop it with the data set's name; warnings and notes become a table. Reads the data contract
of docs/data_dictionary.md, so it checks data of your own as well.
"""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from gen2embed.artifacts.register_file import read_register
from gen2embed.artifacts.rows_taken import rows_dropped
from gen2embed.command_line import progress, run_each
from gen2embed.data.bad_rows import bad_rows, dropped, is_droppable, write_dropped
from gen2embed.data.checks import (
    ERROR,
    SEVERITIES,
    Finding,
    check_evaluation,
    check_row_count,
    check_training,
    errors,
    of_severity,
    used_images,
)
from gen2embed.data.composition_sets import SUBSETS
from gen2embed.data.compositions import check_captions, read_subset
from gen2embed.data.image_checks import check_images
from gen2embed.data.normalise import COLUMNS
from gen2embed.data.registry import TRAIN_SPLITS, registered_rows
from gen2embed.errors import InputError
from gen2embed.files import read_parquet, run_record
from gen2embed.flag_types import seed, whole
from gen2embed.outputs import add_output
from gen2embed.reporting.tables.rendering import write_table

REGISTER = ("part", "name", "meta_task", "split", "labelled", "target_role")  # as later stages
PARTS = ("train", "eval", "composition")
EXPECTED = ("registered", "any")
SETS, FOUND, DROPPED = "data_sets", "data_findings", "dropped_rows"
COUNTED = tuple(f"{severity}s" for severity in SEVERITIES)
SET_COLUMNS = ("part", "name", "rows", "registered", "images", "decoded", *COUNTED, "dropped")
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
    add("--drop-bad-rows", type=whole(0), default=0, help="rows of a data set that may be left out")
    add("--workers", type=whole(most=1024), default=2, help="threads that look at images")
    add("--seed", type=seed, default=0, help="decides which images are decoded")
    add("--report-only", action="store_true", help="errors go to the table, too, and do not stop")
    add_output(parser, "--out", help=f"folder of the tables {SETS}, {FOUND}, {DROPPED}")
    return parser


def sets_of(job: argparse.Namespace) -> list[tuple[str, str]]:
    """(part, name) of every data set that is checked; compositional names are bench/subset."""
    data = Path(job.data)
    register = read_register(data / "datasets.csv", REGISTER)
    every = [(row.part, row.name) for row in register[["part", "name"]].itertuples(index=False)]
    every += [
        ("composition", f"{benchmark}/{subset}")
        for benchmark, subsets in SUBSETS.items()
        for subset in subsets
        if (data / "composition" / benchmark).is_dir()
    ]
    chosen = [entry for entry in every if entry[0] in job.parts]
    if job.sets:
        known = {name for _, name in chosen}
        for name in job.sets:
            if name not in known:
                raise InputError(f"{data}: has no data set {name!r}; it has: {sorted(known)}")
        chosen = [entry for entry in chosen if entry[1] in job.sets]
    return chosen


def read_rows(folder: Path, part: str, split: str) -> pd.DataFrame:
    shards = sorted(folder.glob(f"{split}-*.parquet"))
    if not shards:
        raise InputError(f"{folder}: no file {split}-*.parquet; fetch the data again")
    frames = [read_parquet(path, COLUMNS[part])[0] for path in shards]
    return pd.concat(frames, ignore_index=True)


def check_known(path: Path, rows: int) -> list[Finding]:
    """Equivalences of a set, where it has any: they name its rows."""
    if not path.exists():
        return []
    known, _ = read_parquet(path, ("row", "text", "image_path"))
    outside = ~known["row"].between(0, rows - 1).to_numpy()
    if not outside.any():
        return []
    wording = f"equivalences name row {known['row'][outside.argmax()]} of {rows}"
    return [Finding("equivalences", ERROR, int(outside.sum()), -1, wording)]


@dataclass(frozen=True)
class Checked:
    """What was found in one data set; rows to be left out, each with the finding that names it."""

    part: str
    name: str
    split: str  # "" of a compositional subset
    rows: int
    registered: int | None
    images: int
    decoded: int
    findings: list[Finding]
    dropped: dict[int, Finding]

    def line(self) -> dict:
        """Its line in the table of data sets."""
        facts = {key: getattr(self, key) for key in SET_COLUMNS[:6]}
        for severity, counted in zip(SEVERITIES, COUNTED, strict=True):
            facts[counted] = len(of_severity(self.findings, severity))
        return facts | {"dropped": len(self.dropped)}


def check_set(job: argparse.Namespace, part: str, name: str) -> Checked:
    data = Path(job.data)
    if part == "composition":
        benchmark, subset = name.split("/")
        rows = read_subset(data / part, benchmark, subset)
        registered, split, root = registered_rows(benchmark, subset), "", data / part / "images"
        paths, row_of = [row.image for row in rows], [row.row_id for row in rows]
        findings = check_captions(rows)
    else:
        split = job.train_split if part == "train" else "test"
        rows = read_rows(data / part / name, part, split)
        registered, root = registered_rows(part, name), data / part
        findings = check_training(rows) if part == "train" else check_evaluation(rows)
        paths, row_of = used_images(rows, part)
        findings += check_known(data / part / name / "equivalences.parquet", len(rows))
    expected = registered if job.rows == "registered" else None
    findings = check_row_count(len(rows), expected) + findings
    wanted = None if job.images == "all" else int(job.images)
    of_images, images, decoded = check_images(root, paths, row_of, wanted, job.seed, job.workers)
    findings, left_out = dropped(findings + of_images, len(rows), job.drop_bad_rows)
    counts = (len(rows), registered, images, decoded)
    return Checked(part, name, split, *counts, findings, left_out)


def line_of(part: str, name: str, finding: Finding) -> str:
    where = f"row {finding.row}: " if finding.row >= 0 else ""
    rows = f" ({finding.count} in all)" if finding.count > 1 and finding.row >= 0 else ""
    return f"{part}/{name}: {where}{finding.wording}{rows}"


def refused(job: argparse.Namespace, checked: list[Checked]) -> InputError | None:
    """What ends the check: the first error of all data sets, and what can be done; or None."""
    wrong = [(finding, error) for finding in checked for error in errors(finding.findings)]
    if not wrong:
        return None
    first, error = wrong[0]
    sick = len({(finding.part, finding.name) for finding, _ in wrong})
    too_many = why_kept(first, job.drop_bad_rows) if is_droppable(error) else ""
    return InputError(
        f"{line_of(first.part, first.name, error)}{too_many}; {len(wrong)} errors in {sick} data "
        "sets stand in the log: fetch them again, or see all of them with --report-only"
    )


def why_kept(of: Checked, most: int) -> str:
    """Why the bad rows of a data set were not dropped."""
    bad = len(bad_rows(of.findings))
    if bad <= most:  # and yet kept
        return f"; all its {bad} rows are bad"
    return (
        f"; it has {bad} bad row{'s' * (bad > 1)}, data.drop_bad_rows (--drop-bad-rows) lets "
        f"{most} be dropped"
    )


def check(job: argparse.Namespace) -> None:
    if job.images != "all" and not re.fullmatch(r"[0-9]{1,15}", job.images):
        raise InputError(f"--images {job.images}: give a number or all")
    out, checked = Path(job.out), []
    sets = sets_of(job)
    with run_record(out / f"{SETS}.run.json"):
        for part, name in progress(sets, len(sets), "check", "set"):
            checked.append(check_set(job, part, name))
            for finding in checked[-1].findings:
                print(
                    f"{finding.severity}: {line_of(part, name, finding)}",
                    file=sys.stderr,
                    flush=True,
                )
        error = refused(job, checked)
        if error and not job.report_only:
            raise error
        write_tables(out, checked)


def write_tables(out: Path, checked: list[Checked]) -> None:
    lines = [finding.line() for finding in checked]
    sets = pd.DataFrame(lines, columns=list(SET_COLUMNS)).astype({"registered": "Int64"})
    shown = sets.astype("str").replace("<NA>", "-")
    dropped = rows_dropped(sum(len(finding.dropped) for finding in checked), " {}.")
    caption = "Data sets as they were checked: rows, images, and how many images were decoded."
    write_table(out, SETS, sets, shown, caption + dropped)
    rows = [
        (
            of.part,
            of.name,
            finding.check,
            finding.severity,
            finding.count,
            finding.row,
            finding.wording,
        )
        for of in checked
        for finding in of.findings
    ]
    findings = pd.DataFrame(rows, columns=list(FOUND_COLUMNS))
    caption = "What the check of the data found: rows concerned, the first of them, in words."
    write_table(out, FOUND, findings, findings.astype("str"), caption)
    left_out = [
        (of.part, of.name, of.split, row, finding.check, finding.faults[row])
        for of in checked
        for row, finding in of.dropped.items()
    ]
    write_dropped(out / f"{DROPPED}.csv", left_out)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), check, argv)


if __name__ == "__main__":
    sys.exit(main())
