"""One file over HTTP: resumed where it stopped, retried with back-off, checked before it counts.

The client's own download keeps no part of a file that it could not finish, which for a zip of ten
gigabytes on a bad line means never. Here the bytes go to ``<name>.part``, a later call (of another
process, too) goes on from its end, and the file takes its name only when size and digest are right.
"""

from __future__ import annotations

import argparse
import errno
import hashlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

import httpx2
from filelock import FileLock
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
    RevisionResolutionError,
)
from huggingface_hub.file_download import http_get

from gen2embed.errors import InputError
from gen2embed.files import digest_file

T = TypeVar("T")
TRANSIENT_STATUS = (408, 429, 500, 502, 503, 504)
LONGEST_WAIT = 300.0
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FileFacts:
    """What is known of a file before it is here: bytes, SHA-256 (large files), git's SHA-1."""

    path: str
    size: int | None = None
    sha256: str | None = None
    git_sha1: str | None = None


@dataclass(frozen=True)
class Patience:
    """How often something is tried, and seconds before the second try (doubled each time)."""

    tries: int = 6
    wait: float = 2.0


def add_patience(parser: argparse.ArgumentParser) -> None:
    """The flags of whoever downloads."""
    add = parser.add_argument
    add("--workers", type=int, default=4, help="files that are downloaded at a time")
    add("--tries", type=int, default=Patience.tries, help="of every request and file")
    add(
        "--pause",
        type=float,
        default=Patience.wait,
        help="seconds before the second try, then doubled",
    )


class Corrupt(Exception):
    """A file that arrived whole but is not the one that was announced."""


def retried(work: Callable[[], T], what: str, patience: Patience) -> T:
    """The result of ``work``, tried again after faults that pass by themselves.

    Raises InputError for a fault that the user must mend (``what`` stands in front), and when the
    last try failed, too. Other exceptions are not caught.
    """
    for attempt in range(1, patience.tries + 1):
        try:
            return work()
        except Exception as error:
            reason = passing(error)
            if reason is None:
                raise lasting(error, what) from None
            if attempt == patience.tries:
                raise InputError(
                    f"{what}: {reason}, {attempt} times; call again later: finished files and the "
                    "begun one are kept; or give a local copy with --source"
                ) from None
            pause = max(patience.wait * 2 ** (attempt - 1), wanted_pause(error))
            pause = min(pause, LONGEST_WAIT)
            log.warning(f"{what}: {reason}; try {attempt + 1} of {patience.tries} in {pause:.0f} s")
            time.sleep(pause)
    raise AssertionError("unreachable")


def passing(error: Exception) -> str | None:
    """Why a fault may pass by itself, in words without addresses; None where it will not."""
    if _offline(error):
        return None
    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        return f"the server answered {status}" if status in TRANSIENT_STATUS else None
    if isinstance(error, RevisionResolutionError | LocalEntryNotFoundError):
        return "the hub cannot be reached"
    if isinstance(error, httpx2.ConnectError):
        return "the server cannot be reached"
    if isinstance(error, httpx2.TransportError):
        return f"the connection broke ({type(error).__name__})"
    if isinstance(error, Corrupt):
        return str(error)
    if isinstance(error, OSError) and error.errno is None:  # the client's check of the size
        return "the file arrived with another size"
    return None


def wanted_pause(error: Exception) -> float:
    """Seconds that a server asked to wait (Retry-After), else 0."""
    if isinstance(error, HfHubHTTPError):
        advice = error.response.headers.get("Retry-After", "")
        return float(advice) if advice.isdigit() else 0.0
    return 0.0


def lasting(error: Exception, what: str) -> Exception:
    """A fault that will not pass, as the line that the user sees; our own defects as they are."""
    if _offline(error):
        advice = (
            "it is not in the cache, and offline mode is on (HF_HUB_OFFLINE); fetch it where there "
            "is a network, or give a local copy with --source"
        )
    elif isinstance(error, GatedRepoError):
        advice = "its owner asks you to accept terms on its hub page, then log in (HF_TOKEN)"
    elif isinstance(error, RepositoryNotFoundError):
        advice = "the hub has no such repository, or your token (HF_TOKEN) may not read it"
    elif isinstance(error, RevisionNotFoundError):
        advice = "the hub has no such revision; look at its history"
    elif isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        advice = f"the server answered {status}; check the address and your token (HF_TOKEN)"
    elif isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        advice = "the disk is full; free some space and call again: what is there is kept"
    else:
        return error
    return InputError(f"{what}: {advice}")


def _offline(error: BaseException | None) -> bool:
    """Whether offline mode is at the bottom of it."""
    while error is not None:
        if isinstance(error, OfflineModeIsEnabled):
            return True
        error = error.__cause__ or error.__context__
    return False


def fault_of(path: Path, facts: FileFacts) -> str | None:
    """How a file differs from what was announced; None if it does not, as far as can be told."""
    size = path.stat().st_size
    if facts.size is not None and size != facts.size:
        return f"it has {size} bytes instead of {facts.size}"
    if facts.sha256 is not None and digest_file(path) != facts.sha256:
        return "its SHA-256 is not the one announced"
    if facts.sha256 is None and facts.git_sha1 is not None and git_sha1(path) != facts.git_sha1:
        return "its git SHA-1 is not the one announced"
    return None


def git_sha1(path: Path) -> str:
    """What git calls a file's content: SHA-1 of its length and bytes."""
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


class _Counted:
    """A binary file that tells how many bytes it gained or lost."""

    def __init__(self, file: BinaryIO, count: Callable[[int], object]):
        self.file, self.count = file, count
        self.tell, self.seek = file.tell, file.seek

    def write(self, chunk: bytes) -> int:
        self.count(len(chunk))
        return self.file.write(chunk)

    def truncate(self) -> int:
        """Cut at the position: the server began anew."""
        self.file.flush()
        end = self.file.tell()
        self.count(end - Path(self.file.name).stat().st_size)
        return self.file.truncate(end)


def receive(
    url: str,
    target: Path,
    facts: FileFacts,
    what: str,
    headers: Mapping[str, str] | None = None,
    count: Callable[[int], object] = int,  # nobody counts
    patience: Patience | None = None,
) -> None:
    """Get ``url`` into ``target``, whole and right, or raise InputError.

    what: its name in messages (addresses may hold signatures and are not shown). count: is told
    the bytes as they come, negative when some are thrown away.
    """
    part = target.with_name(f"{target.name}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{part}.lock"):
        if target.exists():  # another process was faster
            return
        if part.exists():
            count(part.stat().st_size)

        def attempt() -> None:
            with part.open("ab") as file:
                begun = file.tell()
                if facts.size is not None and begun > facts.size:
                    count(-begun)
                    file.truncate(0)
                    begun = 0
                http_get(
                    url,
                    _Counted(file, count),
                    resume_size=begun,
                    expected_size=facts.size,
                    headers=dict(headers or {}),
                    displayed_filename=target.name,
                )
            fault = fault_of(part, facts)
            if fault:
                count(-part.stat().st_size)
                part.unlink()
                raise Corrupt(fault)

        retried(attempt, what, patience or Patience())
        part.replace(target)
    Path(f"{part}.lock").unlink(missing_ok=True)
