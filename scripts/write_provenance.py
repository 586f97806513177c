"""Write what a run was made of: configuration, software, revision, time and memory of each job."""

from __future__ import annotations

import argparse
import sys
from html import escape
from pathlib import Path

import pandas as pd

from gen2embed.command_line import run_each
from gen2embed.errors import InputError
from gen2embed.files import read_text, write_json, write_text
from gen2embed.outputs import add_output
from gen2embed.reporting.pages.html import page, table
from gen2embed.reporting.pages.provenance import gather


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="write_provenance", description=__doc__)
    add = parser.add_argument
    add("--results", required=True, help="folder of the experiment")
    add("--config", required=True, help="its whole configuration (YAML)")
    add_output(
        parser, "--out", ".html", help="provenance.html; provenance.run.json is written beside it"
    )
    return parser


def write(job: argparse.Namespace) -> None:
    config = Path(job.config)
    if not config.is_file():
        raise InputError(f"{config}: no such file; the rule write_configuration makes it")
    project = Path(__file__).resolve().parents[1]
    facts = gather(job.results, read_text(config), project)
    write_json(Path(job.out).with_suffix(".run.json"), facts)
    times = pd.DataFrame(facts["run_times"])
    shown = pd.DataFrame(
        {
            "job": times["job"],
            "seconds": [f"{value:.1f}" for value in times["seconds"]],
            "peak memory (MB)": [
                "" if pd.isna(value) else f"{value:.0f}" for value in times["peak_mb"]
            ],
        }
    )
    versions = pd.DataFrame(facts["software"].items(), columns=["package", "version"])
    body = "\n".join(
        [
            f"<h1>Provenance</h1>\n<p>Revision of the project: {escape(facts['revision'])}<br>",
            f"Machine: {escape(facts['machine']['platform'])}</p>",
            "<h2>Configuration</h2>",
            f"<pre>{escape(facts['configuration'])}</pre>",
            "<h2>Software</h2>",
            table(versions),
            "<h2>Run times</h2>",
            table(
                shown,
                f"{len(shown)} records, {times['seconds'].sum() / 60:.1f} minutes of jobs in all. "
                "Jobs run side by side, so this is more than the wall time.",
            ),
        ]
    )
    write_text(job.out, page("Provenance", body))


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), write, argv)


if __name__ == "__main__":
    sys.exit(main())
