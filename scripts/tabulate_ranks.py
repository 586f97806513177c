"""Tabulate published systems in order, and which their printed means cannot tell apart."""

from __future__ import annotations

import argparse
import sys

import pandas as pd

from gen2embed.command_line import run_each
from gen2embed.evaluation.published import counterparts, paper_backbones
from gen2embed.outputs import add_output
from gen2embed.reporting.tables.paper_tables import write_paper_table
from gen2embed.reporting.tables.published_scores import MARK_NOTE, STAGES
from gen2embed.reporting.tables.ranks import (
    LEVEL,
    STAGE_LABELS,
    could_see,
    distances,
    ranked,
    shown_ranks,
)

PAPER = "SaHa"  # the paper's own systems
TYPICAL = 0.7  # the mean near which the least visible difference is told


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tabulate_ranks", description=__doc__)
    add_output(parser, "--out", help="folder for published_ranks.csv, .md, ...")
    return parser


def run(job: argparse.Namespace) -> None:
    frames = {stage: ranked(stage) for stage in STAGES}
    papers = [
        distances(frames[stage], model, backbone)
        for stage in STAGES
        for model in dict.fromkeys(counterparts(stage).values())
        if model.startswith(PAPER)
        for backbone in paper_backbones()
    ]
    caption = (
        "Published systems by their mean of MMEB's 36 data sets, in percent, with its standard "
        "error, and the ranks that it allows. Two systems are told apart if their difference is "
        f"shown ({LEVEL}), taken as of independent queries, which is on the safe side; where only "
        "the mean is published, the error is its upper bound. Means that the audit does not "
        f"confirm are left out. Near {100 * TYPICAL:.0f} two printed means show "
        f"{100 * could_see(TYPICAL):.1f} points (one comparison, 80 % power). "
        f"{' '.join(filter(None, papers))} {MARK_NOTE}"
    )
    numbers = pd.concat(frames.values(), ignore_index=True)
    numbers = numbers.assign(undecided=numbers["undecided"].str.join("; "))
    shown = shown_ranks(list(frames.values()), STAGE_LABELS)
    write_paper_table(job.out, "published_ranks", numbers, shown, caption)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), run, argv)


if __name__ == "__main__":
    sys.exit(main())
