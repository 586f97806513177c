"""When each job of a run ran, and beside which others (ours; none known in the paper).

A benchmark, or a program's own record, tells how long a job took; the file's time of change, when
it ended. Copies that lose file times lose the timeline.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from gen2embed.errors import InputError
from gen2embed.reporting.pages.provenance import timed_jobs

SPLIT = 3600.0  # seconds without any job that separate one call of Snakemake from another


def jobs_of(results: str | Path) -> pd.DataFrame:
    """Jobs of an experiment's folder: job, kind, start, seconds; by start, ties by name.

    start: seconds since the epoch. Raises InputError where there is none, or one tells no seconds.
    """
    rows = [
        (name, name.split("/")[0], path.stat().st_mtime - seconds, float(seconds))
        for name, (path, seconds, _) in timed_jobs(results).items()
    ]
    if not rows:
        raise InputError(f"{results}: holds no benchmarks; run `snakemake --cores all` first")
    frame = pd.DataFrame(rows, columns=["job", "kind", "start", "seconds"])
    return frame.sort_values(["start", "job"], ignore_index=True)


def last_call(jobs: pd.DataFrame, gap: float = SPLIT) -> pd.DataFrame:
    """The jobs of the last stretch of work: after the last pause of more than ``gap`` seconds.

    jobs: as of ``jobs_of``. start is then seconds from the first of them.
    """
    ends = (jobs["start"] + jobs["seconds"]).cummax()
    pauses = np.flatnonzero(jobs["start"].to_numpy()[1:] - ends.to_numpy()[:-1] > gap)
    kept = jobs.iloc[pauses[-1] + 1 :] if len(pauses) else jobs
    return kept.assign(start=kept["start"] - kept["start"].min()).reset_index(drop=True)


def with_slots(jobs: pd.DataFrame, tolerance: float = 1.0) -> pd.DataFrame:
    """The same with ``slot``: the first that is free (0, 1, ...) when the job starts.

    tolerance: seconds that a job may begin before the end of the one before it; benchmarks and file
    times are not exact.
    """
    free: list[float] = []
    slots = []
    for row in jobs.itertuples():
        found = next((i for i, end in enumerate(free) if end <= row.start + tolerance), len(free))
        free[found : found + 1] = [row.start + row.seconds]
        slots.append(found)
    return jobs.assign(slot=slots)


def alone(jobs: pd.DataFrame) -> pd.Series:
    """Seconds in which a kind of job was the only one that ran, longest first: kind -> seconds.

    These are what a run waits for: work that is faster here makes the run shorter.
    """
    moments = np.unique(np.concatenate([jobs["start"], jobs["start"] + jobs["seconds"]]))
    waits: dict[str, float] = {}
    for low, high in pairwise(moments):
        middle = (low + high) / 2
        running = jobs[(jobs["start"] <= middle) & (middle < jobs["start"] + jobs["seconds"])]
        if len(running) == 1:
            kind = running["kind"].iloc[0]
            waits[kind] = waits.get(kind, 0.0) + float(high - low)
    return pd.Series(waits, dtype=float).sort_values(ascending=False, kind="stable")
