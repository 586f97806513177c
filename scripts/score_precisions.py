"""Precision@1 by dimension and number format: what shorter and smaller vectors cost."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from gen2embed.command_line import run_each
from gen2embed.evaluation.formats import FEW, score_formats
from gen2embed.files import write_csv, write_text
from gen2embed.flag_types import whole
from gen2embed.outputs import add_output
from gen2embed.reporting.tables.formats import shown


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="score_precisions", description=__doc__)
    add = parser.add_argument
    add("--rows", required=True, nargs="+", help="evaluation rows parquets of data sets")
    add("--query-embeddings", required=True, help="npy of unit vectors, row = query_id")
    add("--target-embeddings", required=True, help="npy of unit vectors, row = candidate id")
    add("--dims", type=whole(), nargs="*", default=[], help="first so many numbers; besides all")
    add("--rescored", type=whole(), default=FEW, help="candidates that bits choose to be rescored")
    add_output(
        parser, "--out", ".csv", beside=(".md",), help="a row a dimension and format; also .md"
    )
    return parser


def score(job: argparse.Namespace) -> None:
    vectors = job.query_embeddings, job.target_embeddings
    frame = score_formats(job.rows, *vectors, job.dims, job.rescored)
    write_csv(Path(job.out), frame)
    caption, wide = shown(frame, ["dim"], job.rescored)
    write_text(Path(job.out).with_suffix(".md"), f"{caption}\n\n{wide.to_markdown(index=False)}\n")


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), score, argv)


if __name__ == "__main__":
    sys.exit(main())
