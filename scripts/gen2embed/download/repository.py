"""What a choice of data sets needs of each repository: revision, files, bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from threading import Lock as ThreadLock

from gen2embed.data.registry import HUB, Entry
from gen2embed.download.files_of_repository import UNKNOWN, Place, matching
from gen2embed.download.hub import HubRepo
from gen2embed.download.local_copy import LocalFolder
from gen2embed.download.revisions import Lock
from gen2embed.download.transfer import FileFacts, Patience
from gen2embed.download.web import WebFiles
from gen2embed.errors import InputError
from gen2embed.files import digest_file

DIGEST = "sha256:"  # begins the revision of an entry whose only file is known by its digest


class Cancelled(Exception):
    """Another file's fault ended this download."""


@dataclass
class Stock:
    """One repository at one revision, and the files wanted of it by path.

    rows: paths of row files by entry (kind, part, name are its key); archives: paths of zips.
    here: local paths of what has been fetched.
    """

    place: Place
    revision: str
    wanted: dict[str, FileFacts]
    rows: dict[tuple[str, str], list[str]]
    archives: list[str]
    entries: list[Entry]
    here: dict[str, Path] = field(default_factory=dict)

    @property
    def repo(self) -> str:
        return self.place.repo

    def missing(self, paths: Sequence[str] | None = None) -> int:
        """Bytes still to download of these files (of all wanted)."""
        chosen = self.wanted if paths is None else paths
        facts = (self.wanted[path] for path in chosen)
        return sum(one.size or 0 for one in facts if not self.place.here(one, self.revision))


@dataclass(frozen=True)
class Access:
    """How repositories are reached.

    source: a folder with local copies instead of the network; mirrors: beginnings of web addresses
    and what stands for them.
    """

    source: str | None = None
    patience: Patience = field(default_factory=Patience)
    mirrors: Mapping[str, str] = field(default_factory=dict)


def open_place(entries: Sequence[Entry], asked: str, access: Access) -> Place:
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


def pinned_revision(place: Place, asked: str, lock: Lock) -> str:
    """The revision to use: the locked one, or what is asked for as it is now, which is locked."""
    locked = lock.pinned(place.repo, asked)
    now = place.revision(asked if locked in (None, UNKNOWN) else locked)
    if now == UNKNOWN and locked is not None:
        now = locked  # a copy that does not say its revision: the digests of its files will
    lock.hold(place.repo, asked, now)
    return now


def open_stock(
    entries: Sequence[Entry],
    splits: Sequence[str],
    lock: Lock,
    access: Access,
    revision: str | None = None,
) -> Stock:
    """Resolve the entries' repository (locked) and list the files that they need.

    revision: instead of the register's.
    """
    asked = revision or entries[0].revision
    place = open_place(entries, asked, access)
    now = pinned_revision(place, asked, lock)
    files = place.files(now)
    rows = {}
    for entry in entries:
        patterns = entry.row_patterns(splits)
        found = [path for one in patterns for path in matching(files, one, place.repo, now)]
        rows[entry.part, entry.name] = found
    archives = sorted({path for entry in entries for path in entry.archives.split()})
    for path in archives:
        matching(files, path, place.repo, now)
    paths = [*archives, *(path for found in rows.values() for path in found)]
    wanted = {path: files[path] for path in paths}
    return Stock(place, now, wanted, rows, archives, list(entries))


def fetch_all(
    stocks: Sequence[Stock],
    skip: Callable[[Stock, str], bool],
    lock: Lock,
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
        (stock, facts)
        for stock in stocks
        for path, facts in stock.wanted.items()
        if not skip(stock, path)
    ]
    with ThreadPoolExecutor(max_workers=workers) as pool:
        futures = [
            pool.submit(stock.place.fetch, facts, stock.revision, counted) for stock, facts in tasks
        ]
        try:
            paths = [future.result() for future in futures]
        except BaseException:
            stop.set()
            for future in futures:
                future.cancel()
            raise
    for stock in stocks:
        stock.here = {
            facts.path: path for (of, facts), path in zip(tasks, paths, strict=True) if of is stock
        }
        lock.hold_files(stock.repo, {path: digest_of(stock, path) for path in stock.here})


def digest_of(stock: Stock, path: str) -> str:
    """SHA-256 of a fetched file: announced and checked, or computed here once."""
    facts = stock.wanted[path]
    if facts.sha256 is None:
        facts = FileFacts(facts.path, facts.size, digest_file(stock.here[path]), facts.git_sha1)
        stock.wanted[path] = facts
    return str(facts.sha256)


def grouped(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Entries by repository, in the order of first appearance."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.repo, []).append(entry)
    if not groups:
        raise InputError("no data set is asked for; see --train-subsets, --eval-sets")
    return list(groups.values())
