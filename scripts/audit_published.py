"""Recompute every published aggregate from the numbers published with it; flag what disagrees."""

from __future__ import annotations

import argparse
import sys

import pandas as pd

from gen2embed.command_line import run_each
from gen2embed.evaluation.audit import AGREES, SYSTEM, audit
from gen2embed.evaluation.published import mmeb_datasets, published_scores
from gen2embed.outputs import add_output
from gen2embed.reporting.captions import AGGREGATE_LABELS
from gen2embed.reporting.tables.paper_tables import write_paper_table


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="audit_published", description=__doc__)
    add_output(parser, "--out", help="folder for published_audit.csv, .md, ...")
    return parser


def shown_findings(frame: pd.DataFrame) -> pd.DataFrame:
    """What does not agree, as it is read."""
    found = frame[frame["verdict"] != AGREES]
    return pd.DataFrame(
        {
            "system": found["model"] + ", " + found["backbone"] + ", " + found["params"],
            "aggregate": found["aggregate"].map(AGGREGATE_LABELS),
            "printed": [f"{value:.1f}" for value in found["printed"]],
            "recomputed": [f"{value:.1f}" for value in found["recomputed"]],
            "from": found["made_from"],
            "finding": found["verdict"],
        }
    )


def run(job: argparse.Namespace) -> None:
    scores = published_scores()
    frame = audit(scores, mmeb_datasets())
    agree = int((frame["verdict"] == AGREES).sum())
    systems = len(scores.groupby(SYSTEM))
    caption = (
        f"Published, not measured here: {len(scores)} scores of {systems} systems. Each of their "
        f"aggregates was recomputed in every way that the published numbers allow ({len(frame)} "
        f"in all): {agree} agree within rounding; the {len(frame) - agree} others are listed. "
        "Means over data sets weight meta-tasks by their numbers of data sets."
    )
    write_paper_table(job.out, "published_audit", frame, shown_findings(frame), caption)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), run, argv)


if __name__ == "__main__":
    sys.exit(main())
