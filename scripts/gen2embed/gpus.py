"""GPUs of a machine shared by the jobs of one user without a scheduler: each takes its own.

SLURM shows a job its GPUs alone. Where Snakemake runs the jobs itself (``--resources gpu=8``) every
job would see all of them and use the first; so each takes GPUs that no other job of ours holds.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

HELD: list[object] = []  # locks of this process, until it ends
VISIBLE = "CUDA_VISIBLE_DEVICES"


def listed(text: str, visible: str | None) -> list[str]:
    """UUIDs of the GPUs that are visible here, from ``nvidia-smi``'s lines "index, uuid".

    visible: what CUDA_VISIBLE_DEVICES says: indices or UUIDs; None: not set, all are visible.
    """
    uuids = dict(line.split(", ") for line in text.splitlines() if line.count(", ") == 1)
    if visible is None:
        return list(uuids.values())
    wanted = [one.strip() for one in visible.split(",")]
    return [uuids.get(one, one) for one in wanted if one in uuids or one in uuids.values()]


def free_ones(uuids: list[str], count: int, folder: Path) -> list[str]:
    """The first ``count`` that nobody holds, held from now on; [] if there are not as many."""
    from filelock import FileLock, Timeout

    taken = []
    for uuid in uuids:
        if len(taken) == count:
            break
        lock = FileLock(folder / f"{uuid}.lock", blocking=False)
        try:
            lock.acquire()
        except Timeout:
            continue
        taken.append((uuid, lock))
    if len(taken) < count:
        for _, lock in taken:
            lock.release()
        return []
    HELD.extend(lock for _, lock in taken)
    return [uuid for uuid, _ in taken]


def take_gpus(count: int = 1) -> None:
    """Make ``count`` free GPUs the visible ones, before anything uses CUDA; once in a process.

    Does nothing without ``nvidia-smi``, or where there are no more GPUs than wanted. Where other
    jobs hold too many, they are shared, and a line on stderr says how to avoid that.
    """
    if HELD:
        return
    command = ["nvidia-smi", "--query-gpu=index,uuid", "--format=csv,noheader"]
    try:
        told = subprocess.run(
            command, text=True, capture_output=True, timeout=60, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return
    uuids = listed(told, os.environ.get(VISIBLE))
    if len(uuids) <= count:
        return
    folder = Path(tempfile.gettempdir()) / f"gen2embed-gpus-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    mine = free_ones(uuids, count, folder)
    if mine:
        os.environ[VISIBLE] = ",".join(mine)
    else:
        print(
            f"fewer than {count} of {len(uuids)} GPUs are free: shared with other jobs; tell "
            f"Snakemake how many there are (--resources gpu={len(uuids)})",
            file=sys.stderr,
        )
