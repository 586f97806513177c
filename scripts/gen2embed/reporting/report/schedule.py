"""The run's jobs as bars of a page: where each begins and how long it is, in percent. Ours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from gen2embed.errors import InputError
from gen2embed.reporting.figures.timeline import alone, jobs_of, last_call, with_slots

# Okabe and Ito's, as in matplotlibrc; the last is of all other kinds
COLOURS = ("0072B2", "E69F00", "009E73", "CC79A7", "56B4E9", "D55E00", "000000", "F0E442", "BBBBBB")
REST = "other"
NAMED = 4  # kinds of job that the sentence names


@dataclass(frozen=True)
class Bar:
    """left, width: percent of the run; colour: hexadecimal, without #."""

    left: float
    width: float
    colour: str
    title: str


@dataclass(frozen=True)
class Schedule:
    """slots: the bars of each; kinds: (colour, name) of the legend; caption: its sentence."""

    slots: list[list[Bar]]
    kinds: list[tuple[str, str]]
    minutes: float
    caption: str


def schedule(results: str | Path) -> Schedule | None:
    """The last stretch of work of an experiment's folder; None where nothing was timed."""
    try:
        jobs = with_slots(last_call(jobs_of(results)))
    except InputError:
        return None
    end = float((jobs["start"] + jobs["seconds"]).max()) or 1.0
    longest = jobs.groupby("kind")["seconds"].sum().sort_values(ascending=False, kind="stable")
    coloured = dict(zip(longest.index, COLOURS[:-1], strict=False))
    slots: list[list[Bar]] = [[] for _ in range(int(jobs["slot"].max()) + 1)]
    for job in jobs.itertuples():
        bar = Bar(
            round(100 * job.start / end, 3),
            round(100 * job.seconds / end, 3),
            coloured.get(job.kind, COLOURS[-1]),
            f"{job.job}: {job.seconds:.1f} s, from {job.start / 60:.1f} min",
        )
        slots[job.slot].append(bar)
    kinds = [(colour, kind) for kind, colour in coloured.items()]
    if len(longest) > len(coloured):
        kinds.append((COLOURS[-1], REST))
    return Schedule(slots, kinds, end / 60, _caption(jobs, end))


def _caption(jobs: pd.DataFrame, end: float) -> str:
    waits = alone(jobs)
    named = "; ".join(f"{kind} {seconds:.0f} s" for kind, seconds in waits.head(NAMED).items())
    return (
        f"{len(jobs)} jobs in {end / 60:.1f} minutes, {jobs['seconds'].sum() / 60:.1f} minutes of "
        f"work. A bar is a job, a row a slot. For {waits.sum():.0f} s one job ran alone, longest: "
        f"{named}. From Snakemake's benchmarks, the programs' own records, and these files' times."
    )
