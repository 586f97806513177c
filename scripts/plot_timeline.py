"""Plot which jobs of a run ran when, side by side, and which it had to wait for."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

import pandas as pd

from gen2embed.command_line import run_each
from gen2embed.outputs import add_output
from gen2embed.reporting.figures.style import style, write_figure
from gen2embed.reporting.figures.timeline import alone, jobs_of, last_call, with_slots

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURED = 8  # kinds with a colour of their own: those that took longest
NAMED = 4  # kinds that the caption names
REST = "other"


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="plot_timeline", description=__doc__)
    add = parser.add_argument
    add("--results", required=True, help="folder of the experiment")
    add_output(parser, "--out", help="folder for timeline.pdf, .png, .csv, .md")
    return parser


def draw(jobs: pd.DataFrame) -> Figure:
    """jobs: kind, start, seconds, slot."""
    from matplotlib.figure import Figure

    longest = jobs.groupby("kind")["seconds"].sum().sort_values(ascending=False)
    shown = [*longest.index[:COLOURED], *([REST] if len(longest) > COLOURED else [])]
    kinds = jobs["kind"].where(jobs["kind"].isin(longest.index[:COLOURED]), REST)
    slots = int(jobs["slot"].max()) + 1
    figure = Figure(figsize=(7.0, 1.6 + 0.35 * slots), layout="constrained")
    axes = figure.subplots()
    for number, kind in enumerate(shown):
        of_kind = jobs[kinds == kind]
        axes.barh(
            of_kind["slot"],
            of_kind["seconds"] / 60,
            left=of_kind["start"] / 60,
            height=0.8,
            color="0.8" if kind == REST else f"C{number}",
            edgecolor="white",
            linewidth=0.5,
            label=kind,
        )
    axes.set_yticks(range(slots), [f"slot {slot + 1}" for slot in range(slots)])
    axes.invert_yaxis()
    axes.set_xlabel("minutes since the first job")
    axes.grid(visible=False, axis="y")
    figure.legend(loc="outside upper center", ncols=3)
    return figure


def plot(job: argparse.Namespace) -> None:
    jobs = with_slots(last_call(jobs_of(job.results)))
    waits = alone(jobs)
    end = float((jobs["start"] + jobs["seconds"]).max())
    busy = float(jobs["seconds"].sum())
    named = "; ".join(f"{kind} {seconds:.0f} s" for kind, seconds in waits.head(NAMED).items())
    caption = (
        f"{len(jobs)} jobs in {end / 60:.1f} minutes, {busy / 60:.1f} minutes of work. A bar is a "
        f"job, a row a slot. For {waits.sum():.0f} s one job ran alone, longest: {named}. From "
        "Snakemake's benchmarks, the programs' own records, and the times of these files."
    )
    with style():
        write_figure(job.out, "timeline", draw(jobs), jobs.round(3), caption)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), plot, argv)


if __name__ == "__main__":
    sys.exit(main())
