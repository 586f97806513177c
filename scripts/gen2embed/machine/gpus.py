"""GPUs of a machine shared by the jobs of one user without a scheduler: each takes its own.

SLURM shows a job its GPUs alone. Where Snakemake runs the jobs itself (``--resources gpu=8``) every
job would see all of them and use the first; so each takes GPUs that no other job of ours holds.
Nothing here starts CUDA. Names of GPUs are UUIDs, from ``nvidia-smi``; without it, their indices.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

HELD: list[object] = []  # locks of this process, until it ends
VISIBLE = "CUDA_VISIBLE_DEVICES"
ROOT = Path("/")  # where dev/ and proc/ are
SIGNS = (  # of GPUs that may be here though they cannot be counted: a driver, WSL, Jetson
    *("dev/nvidiactl", "proc/driver/nvidia/version"),
    *("dev/dxg", "dev/nvhost-gpu"),
)


def ask_smi(fields: str) -> str | None:
    """What ``nvidia-smi`` says of these fields, a line for each GPU; None if it does not answer."""
    command = ["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader"]
    try:
        return subprocess.run(
            command, text=True, capture_output=True, timeout=60, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None


def listed(text: str, visible: str | None) -> list[str]:
    """UUIDs of the GPUs that are visible here, from ``nvidia-smi``'s lines "index, uuid".

    visible: what CUDA_VISIBLE_DEVICES says: indices or UUIDs; None: not set, all are visible.
    """
    uuids = dict(line.split(", ") for line in text.splitlines() if line.count(", ") == 1)
    if visible is None:
        return list(uuids.values())
    wanted = [name.strip() for name in visible.split(",")]
    return [uuids.get(name, name) for name in wanted if name in uuids or name in uuids.values()]


def count_devices(root: Path) -> int:
    """GPUs of this machine as the driver's files show them: those we may open, or all it knows.

    A container has device files of its own GPUs alone, and may see all of the host's in ``proc``.
    """
    files = [
        path for path in root.glob("dev/nvidia*") if path.name.removeprefix("nvidia").isdigit()
    ]
    ours = [file for file in files if os.access(file, os.R_OK | os.W_OK)]
    return len(ours) if files else len(list(root.glob("proc/driver/nvidia/gpus/*")))


def may_have_gpus() -> bool:
    """Whether there is any sign of a GPU of NVIDIA's, though perhaps none that can be used."""
    return any((ROOT / sign).exists() for sign in SIGNS)


def visible_gpus() -> list[str]:
    """Names of the GPUs that this process may use, as CUDA_VISIBLE_DEVICES takes them; or []."""
    visible = os.environ.get(VISIBLE)
    answer = ask_smi("index,uuid")
    if answer is not None:
        return listed(answer, visible)
    if visible is not None:
        return [word.strip() for word in visible.split(",") if word.strip() not in ("", "-1")]
    return [str(index) for index in range(count_devices(ROOT))]


def lock_folder(above: Path) -> Path | None:
    """This user's own folder for locks, in one that all users write to.

    None, and a line on stderr, where another user made it first, or may write into it: the GPUs
    are then taken in order, without asking who holds them.
    """
    folder = above / f"gen2embed-gpus-{os.getuid()}"
    try:
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        found = folder.lstat()
        fault = None
        if not stat.S_ISDIR(found.st_mode):
            fault = "is no folder"
        elif found.st_uid != os.getuid():
            fault = "belongs to another user"
        elif found.st_mode & 0o022:
            fault = "may be written by others"
    except OSError as error:
        fault = error.strerror
    if fault is None:
        return folder
    print(
        f"{folder}: {fault}: jobs do not know of each other's GPUs, and take the first; remove it, "
        "or name another folder for temporary files (TMPDIR)",
        file=sys.stderr,
    )
    return None


def free_ones(names: list[str], count: int, folder: Path) -> list[str]:
    """The first ``count`` that nobody holds, held from now on; [] if there are not as many."""
    from filelock import FileLock, Timeout

    taken = []
    for name in names:
        if len(taken) == count:
            break
        lock = FileLock(folder / f"{name}.lock", blocking=False)
        try:
            lock.acquire()
        except (Timeout, OSError):  # held, or no place for a lock
            continue
        taken.append((name, lock))
    if len(taken) < count:
        for _, lock in taken:
            lock.release()
        return []
    HELD.extend(lock for _, lock in taken)
    return [name for name, _ in taken]


def take_gpus(count: int = 1) -> None:
    """Make ``count`` free GPUs the visible ones, before anything uses CUDA; once in a process.

    Does nothing where there are no more GPUs than wanted. Where other jobs hold too many, the
    first ones are shared, and a line on stderr says how to avoid that. Where GPUs cannot be
    counted but may be here, a single process keeps to the first.
    """
    if HELD:
        return
    names = visible_gpus()
    if not names and count == 1 and may_have_gpus():
        os.environ.setdefault(VISIBLE, "0")
    if len(names) <= count:
        return
    folder = lock_folder(Path(tempfile.gettempdir()))
    own = free_ones(names, count, folder) if folder else names[:count]
    if not own:
        own = names[:count]
        print(
            f"fewer than {count} of {len(names)} GPUs are free: shared with other jobs; tell "
            f"Snakemake how many there are (--resources gpu={len(names)})",
            file=sys.stderr,
        )
    os.environ[VISIBLE] = ",".join(own)
