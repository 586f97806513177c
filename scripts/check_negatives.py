"""Examine a file of queries, positives and negatives, whoever mined it; write a repaired one."""

from __future__ import annotations

import argparse
import logging
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from gen2embed.command_line import run_each
from gen2embed.errors import InputError
from gen2embed.files import write_csv, write_json
from gen2embed.flag_types import seed, whole
from gen2embed.outputs import add_output
from gen2embed.triplets.collisions import expected
from gen2embed.triplets.faults import (
    CERTAIN,
    KINDS,
    ROW_KINDS,
    Fault,
    Known,
    find_faults,
    kept_places,
)
from gen2embed.triplets.items import Row
from gen2embed.triplets.layouts import LAYOUTS, Layout, Record
from gen2embed.triplets.pools import describe_pool, harder_than_chance
from gen2embed.triplets.records import (
    ENDINGS,
    read_corpus,
    read_records,
    read_triplets,
    write_records,
)

log = logging.getLogger("gen2embed.check_negatives")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="check_negatives", description=__doc__)
    add = parser.add_argument
    add("--triplets", required=True, help=f"file with negatives: {', '.join(ENDINGS)}")
    add("--layout", choices=sorted(LAYOUTS), help="default: known by its columns")
    add("--corpus", help="documents by docid, where rows name them so (tevatron)")
    add("--batch", type=whole(2), default=256, help="rows of a batch, for the expected collisions")
    add("--near", type=float, default=0.9, help="share of letter runs that near duplicates share")
    add("--seed", type=seed, default=0, help="of the negatives drawn for comparison")
    add(
        "--repair",
        nargs="+",
        choices=sorted(KINDS),
        default=list(CERTAIN),
        help="faults whose negatives the repaired file leaves out",
    )
    add_output(parser, "--repaired", *ENDINGS, required=False, help="the file without them")
    add_output(
        parser, "--out", ".json", beside=(".csv",), help="report .json; every fault beside it, .csv"
    )
    return parser


def check_flags(job: argparse.Namespace) -> None:
    if not 0 < job.near <= 1:
        raise InputError(f"--near is {job.near}; give a share above 0, at most 1")


def repair(
    records: Sequence[Record], rows: Sequence[Row], layout: Layout, faults: Sequence[Fault],
    kinds: set[str],
) -> tuple[list[Record], int]:  # fmt: skip
    """The records without these negatives, and how many rows are left out.

    Left out are rows with a fault of their own, those that lost all negatives, and in a layout
    whose rows are all of one length those that lost any.
    """
    bad = {fault.row for fault in faults if fault.negative < 0}
    made = []
    for number, (record, kept) in enumerate(
        zip(records, kept_places(rows, faults, kinds), strict=True)
    ):
        short = layout.fixed and len(kept) < len(rows[number].negatives)
        if number in bad or not kept or short:
            continue
        made.append(
            record if len(kept) == len(rows[number].negatives) else layout.keep(record, kept)
        )
    return made, len(records) - len(made)


def examine(job: argparse.Namespace) -> None:
    check_flags(job)
    records = read_records(job.triplets)
    layout, rows = read_triplets(job.triplets, records, job.layout, read_corpus(job.corpus))
    known = Known.of(rows)
    faults = find_faults(rows, known, job.near)
    counted = Counter(fault.kind for fault in faults)
    owned = sum(negative in known.targets for row in rows for negative in row.negatives)
    report: dict[str, Any] = {
        "file": Path(job.triplets).name,
        "layout": layout.name,
        "rows": len(rows),
        "queries": len(known.positives),
        "rows_with_images": sum(
            any(item.images for item in (row.query, *row.positives, *row.negatives)) for row in rows
        ),
        "near": job.near,
        "faulty_negatives": {kind: counted[kind] for kind in KINDS},
        "faulty_rows": {kind: counted[kind] for kind in ROW_KINDS},
        "negatives_that_are_positives_of_other_queries": owned,
        "pool": describe_pool(rows),
        "hardness": harder_than_chance(rows, job.seed),
        "collisions": expected(rows, known, job.batch),
    }
    if job.repaired:
        made, left_out = repair(records, rows, layout, faults, set(job.repair))
        if not made:
            raise InputError(
                f"{job.triplets}: no row is left after the repair; mine negatives anew"
            )
        report["repaired"] = {
            "rows": len(made),
            "rows_left_out": left_out,
            "of": sorted(job.repair),
        }
        write_records(job.repaired, made, job.triplets)
    write_csv(Path(job.out).with_suffix(".csv"), pd.DataFrame(faults, columns=Fault._fields))
    write_json(job.out, report)
    for line in summary(report):
        log.info("%s", line)


def summary(report: dict[str, Any]) -> list[str]:
    """The report in a few lines: what is wrong, and what to do about it."""
    pool, batch = report["pool"], report["collisions"]
    lines = [
        f"{report['file']} ({report['layout']}): {report['rows']} rows, "
        f"{report['queries']} queries, "
        f"{pool['negatives']} negatives, {pool['different_negatives']} different ones"
    ]
    for name, meaning in (("faulty_negatives", KINDS), ("faulty_rows", ROW_KINDS)):
        what = "negatives" if name == "faulty_negatives" else "rows"
        for kind, count in report[name].items():
            if count:
                lines.append(f"  {count} {what}: {kind} ({meaning[kind]})")
    if pool["small"]:
        lines.append("  few different negatives for so many in a row: mine from a larger pool")
    if pool["overused"]:
        lines.append(
            f"  {pool['overused']} negatives stand in more than 5 % of the rows; the model can "
            "learn these by heart"
        )
    lines.append(f"  hardness: {report['hardness']['verdict']}")
    lines.append(
        f"  a batch of {batch['batch']}: {batch['by_positives']['share']:.1%} of its queries meet "
        f"another row's positive that is theirs, too, {batch['with_negatives']['share']:.1%} with "
        "others' negatives; batches without duplicates, or masking them, avoid that"
    )
    if "repaired" in report:
        lines.append(
            f"  repaired: {report['repaired']['rows']} rows stay, "
            f"{report['repaired']['rows_left_out']} are left out"
        )
    return lines


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), examine, argv)


if __name__ == "__main__":
    sys.exit(main())
