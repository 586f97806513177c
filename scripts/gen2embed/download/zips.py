"""Zips of images, extracted with suspicion: nothing leaves the folder, nothing blows up.

Refused are absolute paths, paths with ``..``, links and other special files, encrypted members, two
members of one name, and archives that grow beyond what images can (bombs). Resource forks
(``._name``, ``__MACOSX``) and hidden files of file managers are left out. A zip that was extracted
whole has a marker with its digest; one that was not is gone on with, file by file.
"""

from __future__ import annotations

import shutil
import stat
import zipfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from gen2embed.errors import InputError
from gen2embed.files import read_json_object, reading, write_json

LEFT_OUT = ("__MACOSX", ".DS_Store", "Thumbs.db")
MOST_GROWTH = 50  # bytes out for each byte in; images hardly shrink in a zip
FREE_GROWTH = 100_000_000  # bytes that any zip may grow to


@dataclass(frozen=True)
class Member:
    """A file of a zip: its entry there, and its place below the folder of extraction."""

    info: zipfile.ZipInfo
    place: str


def read_members(
    archive: zipfile.ZipFile, name: str, strip: Sequence[str] = (), without: Sequence[str] = ()
) -> list[Member]:
    """The files to extract, in the archive's order.

    name: of the zip, for messages; strip: leading folders ("images/"), one of which is
    cut off; without: first folders (after that) that are left out. Raises InputError for a zip with
    anything that is refused.
    """
    members: dict[str, Member] = {}
    left_out = set(without)
    for info in archive.infolist():
        parts = _checked_parts(info, name)
        if info.is_dir() or any(prefix.startswith("._") or prefix in LEFT_OUT for prefix in parts):
            continue
        target = "/".join(parts)
        begin = next((prefix for prefix in strip if target.startswith(prefix)), "")
        target = target.removeprefix(begin)
        if target.split("/")[0] in left_out:
            continue
        if target in members:
            raise InputError(f"{name}: holds {target} twice; get the archive from its source again")
        members[target] = Member(info, target)
    total = sum(member.info.file_size for member in members.values())
    packed = sum(member.info.compress_size for member in members.values())
    if total > max(FREE_GROWTH, MOST_GROWTH * packed):
        raise InputError(
            f"{name}: would grow from {packed} to {total} bytes; refused, it may be a bomb"
        )
    return list(members.values())


def _checked_parts(info: zipfile.ZipInfo, name: str) -> list[str]:
    """The parts of a member's path, or InputError for one that is not safe."""
    path = info.filename
    windows = PureWindowsPath(path)
    parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".")]
    if (
        not parts
        or "\0" in info.orig_filename
        or PurePosixPath(path).is_absolute()
        or windows.drive
        or windows.root
        or ".." in parts
    ):
        raise InputError(f"{name}: member {path!r} leads out of its folder; refused")
    mode = info.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise InputError(f"{name}: member {path!r} is a link or special file; refused")
    if info.flag_bits & 1:
        raise InputError(f"{name}: member {path!r} is encrypted; get it without a password")
    return parts


def open_zip(path: Path, name: str) -> zipfile.ZipFile:
    try:
        with reading(path, "zip"):
            return zipfile.ZipFile(path)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None


def extract(
    archive: zipfile.ZipFile,
    members: Iterable[Member],
    out: Path,
    name: str,
    count: Callable[[int], object] = int,  # nobody counts
) -> None:
    """Write the members below ``out``; one that is there with its size is not written again.

    A file appears under its name when it is whole (its CRC is checked). count: is told the bytes.
    Raises InputError for a spoilt archive or a full disk.
    """
    for member in members:
        path, size = out / member.place, member.info.file_size
        if not (path.is_file() and path.stat().st_size == size):
            part = path.with_name(f".{path.name[:100]}.part")
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(member.info) as source, part.open("wb") as target:
                    shutil.copyfileobj(source, target, 1 << 20)
            except OSError as error:
                with suppress(OSError):
                    part.unlink()
                raise InputError(f"{path}: cannot be written ({error.strerror})") from None
            except Exception as error:  # decompressors raise whatever they meet in spoilt bytes
                part.unlink(missing_ok=True)
                raise InputError(
                    f"{name}: member {member.place} is spoilt ({error}); get the archive again"
                ) from None
            part.replace(path)
        count(size)


def is_done(marker: Path, sha256: str) -> bool:
    """Whether the zip of this digest was extracted whole."""
    return marker.is_file() and read_json_object(marker).get("sha256") == sha256


def mark_done(marker: Path, sha256: str, members: list[Member]) -> None:
    size = sum(member.info.file_size for member in members)
    write_json(marker, {"sha256": sha256, "files": len(members), "bytes": size})
