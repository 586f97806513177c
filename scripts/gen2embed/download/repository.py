"""What a choice of data sets needs of each repository: revision, files, bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from threading import Lock as ThreadLock

from gen2embed.data.registry import HUB, RegisterEntry
from gen2embed.download.files_of_repository import UNKNOWN, Source, matching
from gen2embed.download.hub import HubRepo
from gen2embed.download.local_copy import LocalFolder
from gen2embed.download.revisions import RevisionLock
from gen2embed.download.transfer import FileFacts, Patience
from gen2embed.download.web import WebFiles
from gen2embed.errors import InputError
from gen2embed.files import digest_file

DIGEST = "sha256:"  # begins the revision of an entry whose only file is known by its digest


class Cancelled(Exception):
    """Another file's fault ended this download."""


@dataclass
class Selection:
    """One repository at one revision, and the files wanted of it by path.

    rows: paths of row files by entry (kind, part, name are its key); archives: paths of zips.
    here: local paths of what has been fetched.
    """

    source: Source
    revision: str
    wanted: dict[str, FileFacts]
    rows: dict[tuple[str, str], list[str]]
    archives: list[str]
    entries: list[RegisterEntry]
    downloaded: dict[str, Path] = field(default_factory=dict)

    @property
    def repo(self) -> str:
        return self.source.repo

    def missing(self, paths: Sequence[str] | None = None) -> int:
        """Bytes still to download of these files (of all wanted)."""
        chosen = self.wanted if paths is None else paths
        facts = (self.wanted[path] for path in chosen)
        return sum(fact.size or 0 for fact in facts if not self.source.is_here(fact, self.revision))


@dataclass(frozen=True)
class Access:
    """How repositories are reached.

    source: a folder with local copies instead of the network; mirrors: beginnings of web addresses
    and what stands for them.
    """

    source: str | None = None
    patience: Patience = field(default_factory=Patience)
    mirrors: Mapping[str, str] = field(default_factory=dict)


def open_source(entries: Sequence[RegisterEntry], asked: str, access: Access) -> Source:
    """Where the entries' repository is read from; they all name the same one.

    asked: its revision; of a web address it may be the digest of the only file.
    """
    first = entries[0]
    if access.source is not None:
        return LocalFolder(first.repo, Path(access.source))
    if first.source == HUB:
        return HubRepo(first.repo, first.repo_type, access.patience)
    digest = asked.removeprefix(DIGEST) if asked.startswith(DIGEST) else None
    paths = [path for entry in entries for path in (*entry.files.split(), *entry.archives.split())]
    known = {path: FileFacts(path, sha256=digest) for path in paths}
    address = first.source
    for begin, instead in access.mirrors.items():
        if address.startswith(begin):
            address = instead + address.removeprefix(begin)
    return WebFiles(first.repo, address, known, access.patience)


def pinned_revision(source: Source, asked: str, lock: RevisionLock) -> str:
    """The revision to use: the locked one, or what is asked for as it is now, which is locked."""
    locked = lock.pinned(source.repo, asked)
    now = source.revision(asked if locked in (None, UNKNOWN) else locked)
    if now == UNKNOWN and locked is not None:
        now = locked  # a copy that does not say its revision: the digests of its files will
    lock.hold(source.repo, asked, now)
    return now


def select_files(
    entries: Sequence[RegisterEntry],
    splits: Sequence[str],
    lock: RevisionLock,
    access: Access,
    revision: str | None = None,
) -> Selection:
    """Resolve the entries' repository (locked) and list the files that they need.

    revision: instead of the register's.
    """
    asked = revision or entries[0].revision
    source = open_source(entries, asked, access)
    now = pinned_revision(source, asked, lock)
    files = source.files(now)
    rows = {}
    for entry in entries:
        patterns = entry.row_patterns(splits)
        found = [
            path for pattern in patterns for path in matching(files, pattern, source.repo, now)
        ]
        rows[entry.part, entry.name] = found
    archives = sorted({path for entry in entries for path in entry.archives.split()})
    for path in archives:
        matching(files, path, source.repo, now)
    paths = [*archives, *(path for found in rows.values() for path in found)]
    wanted = {path: files[path] for path in paths}
    return Selection(source, now, wanted, rows, archives, list(entries))


def fetch_all(
    selections: Sequence[Selection],
    skip: Callable[[Selection, str], bool],
    lock: RevisionLock,
    workers: int,
    count: Callable[[int], object],
) -> None:
    """Fetch what is wanted, ``workers`` files at a time, and lock the files' digests.

    skip: whether a file is not needed any more (it was extracted). The first fault (or an
    interruption) ends all of it; what had come is kept.
    """
    stop, one_at_a_time = Event(), ThreadLock()

    def counted(size: int) -> None:
        if stop.is_set():
            raise Cancelled
        with one_at_a_time:
            count(size)

    tasks = [
        (selection, facts)
        for selection in selections
        for path, facts in selection.wanted.items()
        if not skip(selection, path)
    ]
    with ThreadPoolExecutor(max_workers=workers) as pool:
        futures = [
            pool.submit(selection.source.fetch, facts, selection.revision, counted)
            for selection, facts in tasks
        ]
        try:
            paths = [future.result() for future in futures]
        except BaseException:
            stop.set()
            for future in futures:
                future.cancel()
            raise
    for selection in selections:
        selection.downloaded = {
            facts.path: path
            for (of, facts), path in zip(tasks, paths, strict=True)
            if of is selection
        }
        lock.hold_files(
            selection.repo, {path: digest_of(selection, path) for path in selection.downloaded}
        )


def digest_of(selection: Selection, path: str) -> str:
    """SHA-256 of a fetched file: announced and checked, or computed here once."""
    facts = selection.wanted[path]
    if facts.sha256 is None:
        facts = FileFacts(
            facts.path, facts.size, digest_file(selection.downloaded[path]), facts.git_sha1
        )
        selection.wanted[path] = facts
    return str(facts.sha256)


def grouped(entries: Sequence[RegisterEntry]) -> list[list[RegisterEntry]]:
    """Entries by repository, in the order of first appearance."""
    groups: dict[str, list[RegisterEntry]] = {}
    for entry in entries:
        groups.setdefault(entry.repo, []).append(entry)
    if not groups:
        raise InputError("no data set is asked for; see --train-subsets, --eval-sets")
    return list(groups.values())
