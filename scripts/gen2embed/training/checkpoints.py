"""States of an interrupted training: sealed when they are whole, and which one to go on from."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from transformers.trainer_utils import get_last_checkpoint

from gen2embed.errors import InputError
from gen2embed.files import digest_file, read_json, write_json

LOG = logging.getLogger(__name__)
SEAL = "sums.json"  # file -> SHA-256, written last


def seal(state: str | Path) -> None:
    """Note what a state holds, when all processes have written to it."""
    files = sorted(path for path in Path(state).rglob("*") if path.is_file())
    sums = {path.relative_to(state).as_posix(): digest_file(path) for path in files}
    sums.pop(SEAL, None)
    write_json(Path(state) / SEAL, sums)


def fault_in(state: str | Path, processes: int = 1) -> str | None:
    """Why a state cannot be gone on from; None: it is whole. processes: those that go on."""
    try:
        sums = read_json(Path(state) / SEAL)
        if not isinstance(sums, dict) or not sums:
            return f"{SEAL} names no files"
        for name, digest in sums.items():
            path = Path(state) / name
            if not path.is_file():
                return f"{name} is missing"
            if digest_file(path) != digest:
                return f"{name} is not as it was written"
        random = len([name for name in sums if Path(name).match("rng_state_*.pth")])
        if processes > 1 and random != processes:
            return f"it is of {random or 1} processes"
    except (InputError, OSError) as error:
        return " ".join(str(error).split())[:200]
    return None


def last_whole_state(folder: str | Path, processes: int = 1) -> str | None:
    """The newest state that is as it was written; newer ones are deleted, with a line each.

    A state that was killed in the middle has no seal; what a disk damaged does not fit its own.
    """
    while Path(folder).is_dir() and (last := get_last_checkpoint(str(folder))):
        fault = fault_in(last, processes)
        if fault is None:
            return last
        LOG.warning("%s: no whole state (%s); the one before it is taken", last, fault)
        shutil.rmtree(last)
    return None
