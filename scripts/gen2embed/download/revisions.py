"""``revisions.lock.json``: which revision of each repository, and which bytes, an experiment is of.

By repository: ``asked`` (what the register or the user named, such as ``main``), ``revision`` (what
that was when it was first resolved; used from then on) and ``files`` (path -> SHA-256 of what was
taken). A branch that moves on therefore changes nothing; data that did change are an error.
"""

from __future__ import annotations

from pathlib import Path

from gen2embed.errors import InputError
from gen2embed.files import read_json, read_json_object, write_json

SUFFIX = "revisions.lock.json"


class RevisionLock:
    """The lock file at ``path``; empty where there is none. ``accept``: differences are taken."""

    def __init__(self, path: Path, accept: bool = False):
        self.path, self.accept = Path(path), accept
        self.repos: dict[str, dict] = read_json_object(path) if self.path.exists() else {}
        for repo, entry in self.repos.items():
            if not isinstance(entry, dict) or not {"asked", "revision", "files"} <= set(entry):
                raise InputError(
                    f"{path}: {repo} lacks its revision; remove the file to begin anew"
                )

    def pinned(self, repo: str, asked: str) -> str | None:
        """The locked revision where it answers what is asked; None where nothing is locked.

        Raises InputError when another one is asked for.
        """
        entry = self.repos.get(repo)
        if entry is None:
            return None
        if asked in (entry["asked"], entry["revision"]):
            return entry["revision"]
        self._differs(repo, entry["revision"], asked)
        return None

    def hold(self, repo: str, asked: str, revision: str) -> None:
        """Lock a revision; raises InputError if another one is locked (unless accepted)."""
        entry = self.repos.get(repo)
        if entry is not None and entry["revision"] == revision:
            return
        if entry is not None:
            self._differs(repo, entry["revision"], revision)
        self.repos[repo] = {"asked": asked, "revision": revision, "files": {}}
        self.save()

    def hold_files(self, repo: str, digests: dict[str, str]) -> None:
        """Lock the files' SHA-256; raises InputError for one that was another before."""
        files = self.repos[repo]["files"]
        for path, digest in sorted(digests.items()):
            if files.get(path, digest) != digest:
                self._differs(f"{repo}: {path}", files[path], digest)
        files.update(digests)
        self.save()

    def _differs(self, what: str, locked: str, now: str) -> None:
        if not self.accept:
            raise InputError(
                f"{what}: {self.path} locks {locked}, but this is {now}; to go over to it, remove "
                "that file (or call with --accept-revisions) and run the experiment anew"
            )

    def save(self) -> None:
        if not self.path.exists() or read_json(self.path) != self.repos:
            write_json(self.path, self.repos)
