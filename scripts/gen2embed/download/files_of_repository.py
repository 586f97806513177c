"""Where files come from: the hub, a web server, or a local folder in the hub's layout.

All three say which revision they are at, which files they have, and give a file as a local path:
``gen2embed.download.hub``, ``web``, ``local_copy``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Protocol

from gen2embed.download.transfer import FileFacts
from gen2embed.errors import InputError

Count = Callable[[int], object]
UNKNOWN = "local"  # revision of a local folder that does not say which one it is


class Source(Protocol):
    """A repository somewhere."""

    repo: str

    def revision(self, asked: str) -> str:
        """What ``asked`` (a branch, a tag, a commit) is at present."""

    def files(self, revision: str) -> dict[str, FileFacts]:
        """Its files by path."""

    def is_here(self, facts: FileFacts, revision: str) -> bool:
        """Whether nothing of the file needs to be downloaded."""

    def fetch(self, facts: FileFacts, revision: str, count: Count) -> Path:
        """The file, checked, as a local path; ``count`` is told the bytes that came."""


def matching(files: Mapping[str, FileFacts], pattern: str, repo: str, revision: str) -> list[str]:
    """Paths that match a pattern, sorted; ``*`` does not reach into folders.

    Raises InputError where there is none.
    """
    depth = pattern.count("/")
    found = sorted(path for path in files if path.count("/") == depth and fnmatch(path, pattern))
    if not found:
        raise InputError(
            f"{repo} at {revision} has no file {pattern}; another revision may (--revision)"
        )
    return found
