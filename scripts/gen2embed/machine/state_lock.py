"""One process at a time works on a folder of states; a job that Snakemake started ends with it.

A state is named by all that determines its result, so two processes that would write it do the same
work: the second one waits for the first, and says so. Ours.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from gen2embed.errors import InputError

LOG = logging.getLogger(__name__)
WAIT = 60.0  # seconds for the process before, such as one whose Snakemake was killed
LEVELS = 6  # from a program up to its Snakemake: a shell, a launcher, an elastic agent
LOOK = 1.0  # seconds between two looks at the Snakemake above


@contextmanager
def only_one(folder: str | Path, wait: float = WAIT) -> Iterator[None]:
    """Hold the lock beside ``folder``; a killed process holds none.

    Raises InputError when another process still holds it after ``wait`` seconds.
    """
    path = Path(f"{folder}.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        LOG.info("%s: another process does the same work; waiting for it", folder)
        try:
            lock.acquire(timeout=wait)
        except Timeout:
            raise InputError(
                f"{folder}: another process has been doing the same work for {wait:g} seconds; let "
                "it end, or end it, and call again"
            ) from None
    try:
        yield
    finally:
        path.unlink(missing_ok=True)  # whoever waits for it sees that, and makes it anew
        lock.release()


def end_with_snakemake() -> None:
    """Watch the Snakemake that started this process, if one did; when it is gone, end by SIGTERM.

    Killed alone, Snakemake leaves its jobs running, and the next one starts the same work. Who
    calls a program by hand is not watched. Linux only: elsewhere nobody is.
    """
    above = snakemake_above(os.getppid())
    if above is not None:
        threading.Thread(target=_watch, args=above, daemon=True, name="watch Snakemake").start()


def snakemake_above(process: int) -> tuple[int, str] | None:
    """Number and start of the nearest Snakemake among a process and those above it."""
    for _ in range(LEVELS):
        facts = _facts(process)
        if facts is None or process <= 1:
            return None
        parent, started, words = facts
        if any(Path(word).name == "snakemake" for word in words[:4]):
            return process, started
        process = parent
    return None


def _facts(process: int) -> tuple[int, str, list[str]] | None:
    """Parent, time of start and command line of a process; None: it is not there."""
    folder = Path("/proc") / str(process)
    try:
        fields = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        words = (folder / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    except (OSError, ValueError):
        return None
    if fields[0] == "Z":
        return None
    return int(fields[1]), fields[19], words


def _watch(process: int, started: str) -> None:
    while True:
        facts = _facts(process)
        if facts is None or facts[1] != started:
            LOG.error("the Snakemake that started this job is gone; the job ends, too")
            os.kill(os.getpid(), signal.SIGTERM)
            return
        time.sleep(LOOK)
