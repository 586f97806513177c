"""Tabulate Precision@1 by dimension and number format, every model of a study."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

from gen2embed.command_line import run_each
from gen2embed.evaluation.formats import FEW, score_formats
from gen2embed.flag_types import whole
from gen2embed.outputs import add_output
from gen2embed.reporting.tables.formats import shown
from gen2embed.reporting.tables.paper_tables import write_paper_table
from gen2embed.study.layout import vectors_file


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tabulate_precisions", description=__doc__)
    add = parser.add_argument
    add("--rows", required=True, nargs="+", help="evaluation rows parquets of data sets")
    add("--embeddings", required=True, help="folder with MODEL/PROMPT/eval_query.npy and _target")
    add("--models", required=True, nargs="+", help="MODEL/PROMPT, in the order of the table")
    add("--dims", type=whole(), nargs="*", default=[], help="first so many numbers; besides all")
    add("--rescored", type=whole(), default=FEW, help="candidates that bits choose to be rescored")
    add_output(parser, "--out", help="folder for precisions.csv, .md, .tex, .html")
    return parser


def tabulate(job: argparse.Namespace) -> None:
    frames = []
    for model in job.models:
        folder = Path(job.embeddings) / model
        vectors = (str(vectors_file(folder, "eval", side)) for side in ("query", "target"))
        frames.append(score_formats(job.rows, *vectors, job.dims, job.rescored))
        frames[-1].insert(0, "model", model)
    frame = pd.concat(frames, ignore_index=True)
    caption, wide = shown(frame, ["model", "dim"], job.rescored)
    write_paper_table(job.out, "precisions", frame, wide, caption)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), tabulate, argv)


if __name__ == "__main__":
    sys.exit(main())
