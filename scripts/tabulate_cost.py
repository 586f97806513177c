"""Tabulate what the experiment was set to, beside the paper, and what it cost on this machine.

Paper: number not known here.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

from gen2embed.command_line import run_each
from gen2embed.errors import InputError
from gen2embed.outputs import add_output
from gen2embed.reporting.pages.provenance import machine, run_times
from gen2embed.reporting.tables.paper_tables import write_paper_table
from gen2embed.reporting.tables.published_scores import MARK_NOTE
from gen2embed.reporting.tables.settings import settings_beside, shown_settings
from gen2embed.study.configuration import read_configuration


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tabulate_cost", description=__doc__)
    add = parser.add_argument
    add("--results", required=True, help="folder of the experiment")
    add("--config", required=True, help="its whole configuration (YAML)")
    add_output(parser, "--out", help="folder for settings.csv, .md, ...")
    add("--cost-out", required=True, help="folder for cost.csv, .md, ...: it differs by run")
    return parser


def by_kind(times: pd.DataFrame) -> pd.DataFrame:
    """Jobs of one kind together; times: job, seconds, peak_mb. The most expensive first."""
    kind = [name.rsplit("/", 1)[0] if "/" in name else name for name in times["job"]]
    grouped = times.assign(kind=kind).groupby("kind", sort=False)
    frame = grouped.agg(
        jobs=("job", "size"),
        seconds=("seconds", "sum"),
        longest=("seconds", "max"),
        peak_mb=("peak_mb", "max"),
    )
    frame = frame.reset_index().sort_values(["seconds", "kind"], ascending=[False, True])
    return frame.reset_index(drop=True)


def tabulate_settings(job: argparse.Namespace) -> None:
    path = Path(job.config)
    if not path.is_file():
        raise InputError(f"{path}: no such file; the rule write_configuration makes it")
    config = read_configuration(path)
    frame = settings_beside(config, job.config)
    caption = (
        f"Hyper-parameters of the paper and of this experiment (`{config['experiment']}`). "
        f"{MARK_NOTE} The LoRA adapts q, k, v, o and down projections of the language model, with "
        "gaussian initialisation, in both."
    )
    write_paper_table(job.out, "settings", frame, shown_settings(frame), caption)


def tabulate_cost(job: argparse.Namespace) -> None:
    times = run_times(job.results)
    if times.empty:
        raise InputError(f"{job.results}: holds no benchmarks; run `snakemake --cores all` first")
    frame = by_kind(times)
    shown = pd.DataFrame(
        {
            "jobs of": frame["kind"],
            "number": frame["jobs"],
            "seconds in all": [f"{value:.1f}" for value in frame["seconds"]],
            "longest (s)": [f"{value:.1f}" for value in frame["longest"]],
            "peak memory (MB)": [
                "-" if pd.isna(value) else f"{value:.0f}" for value in frame["peak_mb"]
            ],
        }
    )
    facts = machine()
    caption = (
        f"What the experiment cost on {facts['platform']} ({facts['cores']} cores): "
        f"{frame['seconds'].sum() / 60:.1f} minutes of jobs, which run side by side. Measured in "
        "this run; another run differs."
    )
    write_paper_table(job.cost_out, "cost", frame.round(3), shown, caption)


def tabulate(job: argparse.Namespace) -> None:
    tabulate_settings(job)
    tabulate_cost(job)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), tabulate, argv)


if __name__ == "__main__":
    sys.exit(main())
