"""Where results go: places that are tried before any work, and files and folders written whole.

Nothing that a program did not write itself is deleted: a folder is replaced only if it holds no
file or bears the mark that ``whole_folder`` leaves in it. Ours.
"""

from __future__ import annotations

import argparse
import errno
import fcntl
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gen2embed.errors import InputError

MARK = ".gen2embed"  # a file in every folder that is written, and so replaced, as a whole
SNAKEMAKES = ".snakemake_timestamp"  # what it leaves in a folder that is an output
FRESH = 60.0  # seconds: a younger temporary file may be about to be held
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
# torch's and numpy's words for a write that was cut short, without the system's number
CUT_SHORT = r"No space left on device|PytorchStreamWriter failed|\d+ requested and \d+ written"
REFUSE_WRITES = (errno.EROFS, errno.EFBIG, errno.EIO)
REFUSED = {
    errno.EROFS: "is on a file system that is read-only",
    errno.EACCES: "may not be read or written by this user",
    errno.EPERM: "may not be read or written by this user",
    errno.EBUSY: "is a mount or in use",
    errno.ETXTBSY: "is in use",
    errno.ENAMETOOLONG: "has a name that is too long for its file system",
    errno.ENOENT: "is not there, or a folder of it cannot be made",
    errno.EEXIST: "has a file in the place of a folder",
    errno.ENOTDIR: "has a file in the place of a folder",
    errno.EISDIR: "is a folder",
    errno.ELOOP: "goes through links that end nowhere",
    errno.EIO: "cannot be read or written (the disk reports an error)",
    errno.EFBIG: "is larger than its file system, or a limit (ulimit -f), allows",
    errno.ESTALE: "was lost by its network file system",
}


# --- What a flag promises ---------------------------------------------------------------------


@dataclass(frozen=True)
class Output:
    """What a program writes at one of its flags.

    suffixes: allowed endings of a file, () for a folder. whole: the folder is replaced as a whole
    (``whole_folder``); else files are written into it beside what is there. beside: endings of what
    is written beside a file, in place of its own.
    """

    suffixes: tuple[str, ...] = ()
    whole: bool = False
    beside: tuple[str, ...] = ()

    def written(self, path: Path) -> set[Path]:
        """The files, resolved, that come to be for the output ``path``."""
        return {resolved(path), *(resolved(path.with_suffix(ending)) for ending in self.beside)}


def add_output(
    parser: argparse.ArgumentParser,
    flag: str = "--out",
    *suffixes: str,
    whole: bool = False,
    beside: tuple[str, ...] = (),
    **options: object,
) -> None:
    """Add a flag that names an output; ``run_program`` then tries it before any work.

    suffixes: allowed endings of a file; none: a folder. whole, beside: see ``Output``.
    """
    action = parser.add_argument(flag, **{"required": True, **options})
    action.output = Output(suffixes, whole, beside)


def check_jobs(parser: argparse.ArgumentParser, jobs: Sequence[argparse.Namespace]) -> None:
    """Try every place that the jobs write to, and compare it with every file that they read.

    Raises InputError for the first fault. What is read is every flag's value that exists.
    """
    outputs = {
        action.dest: (action.option_strings[0], action.output)
        for action in parser._actions
        if hasattr(action, "output")
    }
    writers: dict[tuple[Path, str], int] = {}
    for number, job in enumerate(jobs):
        read = [
            (f"--{name.replace('_', '-')}", Path(word))
            for name, value in vars(job).items()
            if name not in outputs
            for word in (value if isinstance(value, list) else [value])
            if isinstance(word, str) and word and names_something(word)
        ]
        for name, (flag, output) in outputs.items():
            if not (value := getattr(job, name)):
                continue
            path = Path(value)
            check_place(path, output, flag)
            check_apart(path, output, flag, read)
            for claimed in claims(path, output):
                if writers.setdefault(claimed, number) != number:
                    raise InputError(
                        f"{flag} {path}: two jobs of the list write {claimed[0] / claimed[1]}; "
                        "give each a name of its own"
                    )


def names_something(word: str) -> bool:
    """Whether a flag's value is the path of something that exists."""
    try:
        return Path(word).exists()
    except (OSError, ValueError):
        return False


def claims(path: Path, output: Output) -> list[tuple[Path, str]]:
    """Folder and name that are an output's alone: a file's stem stands for what is beside it."""
    if output.suffixes:
        return [(resolved(path).parent, path.name.removesuffix(path.suffix))]
    return [(resolved(path).parent, path.name)] if output.whole else []


def companions(source: Path) -> set[Path]:
    """Files that are there and belong to one that is read: manifest or statistics, valid rows."""
    beside = {source.with_suffix(ending) for ending in (".json", ".valid.npy") if source.suffix}
    return {resolved(path) for path in beside if path.is_file()}


def resolved(path: Path) -> Path:
    """Absolute, links followed as far as the path exists. Raises InputError where that fails."""
    try:
        return path.resolve()
    except RuntimeError:  # what Python 3.11 makes of a circle of links
        raise InputError(f"{path}: {REFUSED[errno.ELOOP]}; name another place") from None
    except OSError as error:
        raise InputError(fault_of(error) or str(error)) from None


# --- Before the work --------------------------------------------------------------------------


def check_place(path: Path, output: Output, flag: str = "--out") -> None:
    """Raise InputError if the output cannot be written there, or something would be lost."""
    label = f"{flag} {path}"
    if "\0" in str(path) or not path.name:
        raise InputError(
            f"{label}: names no {'file' if output.suffixes else 'folder'} of its own, "
            "such as results/mine; name one"
        )
    check_utf8(path)
    with os_errors(label):
        if output.suffixes:
            if path.suffix not in output.suffixes:
                raise InputError(f"{label}: its name ends in {' or '.join(output.suffixes)}")
            if path.is_dir():
                raise InputError(f"{label}: is a folder; name a file")
            if path.exists() and not path.is_file():
                raise InputError(f"{label}: is no regular file; name another place")
        else:
            if path.exists() and not path.is_dir():
                raise InputError(f"{label}: is a file; name a folder")
            if output.whole:
                check_replaceable(path, label)
    try_writing(path if output == Output() else path.parent, label)


def check_utf8(path: str | Path) -> None:
    """Raise InputError for a name in bytes that are no UTF-8, which some libraries cannot open."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise InputError(f"{str(path)!r}: its name is no UTF-8; rename it") from None


def check_replaceable(folder: Path, label: str | None = None) -> None:
    """Raise InputError for a folder that would be replaced as a whole, and is not ours.

    label: how the message begins.
    """
    label = label or str(folder)
    current = Path.cwd()
    where = resolved(folder)
    if where == current or where in current.parents:
        raise InputError(f"{label}: is the current folder, or holds it; name a new folder")
    if where == Path.home():
        raise InputError(f"{label}: is the home folder; name a new folder")
    if os.path.ismount(where):
        raise InputError(f"{label}: is where a disk is mounted; name a folder below it")
    if not folder.is_dir() or (folder / MARK).is_file():
        return
    with os_errors(folder):
        foreign = next(
            (
                file
                for file in folder.rglob("*")
                if file.name != SNAKEMAKES and (file.is_symlink() or not file.is_dir())
            ),
            None,
        )
    if foreign is not None:
        raise InputError(
            f"{label}: holds files that this program did not write, such as "
            f"{foreign.relative_to(folder)}; they would be lost: name a new folder, or empty it"
        )


def check_apart(path: Path, output: Output, flag: str, read: Iterable[tuple[str, Path]]) -> None:
    """Raise InputError for an output that is an input, or a whole folder around or inside one.

    read: flag and path of everything that is read. A whole folder may lie inside the folder that
    images' paths start from, which may be the current one.
    """
    where = resolved(path)
    for reading, source in read:
        its = resolved(source)
        fault = None
        if its == where:
            fault = "is also what is read"
        elif clash := sorted(output.written(path) & companions(source)):
            fault = f"would write over {clash[0]}, which belongs to what is read"
        elif output.whole and where in its.parents:
            fault = "would replace a folder that holds what is read"
        elif (
            output.whole and reading != "--image-root" and source.is_dir() and its in where.parents
        ):
            fault = "lies inside a folder that is read"
        if fault:
            raise InputError(f"{flag} {path}: {fault} ({reading} {source}); name another place")


def try_writing(folder: Path, label: str) -> None:
    """Write a file of a byte into the folder, or the one it would be made in, and remove it.

    Raises InputError where that fails.
    """
    with os_errors(label):
        existing = folder
        while not os.path.lexists(existing):
            existing = existing.parent
        if not existing.is_dir():
            raise InputError(f"{label}: {existing} is no folder; name another place")
        handle, name = tempfile.mkstemp(prefix=".gen2embed.", dir=existing)
        try:
            os.write(handle, b"\n")
        finally:
            os.close(handle)
            Path(name).unlink()


def check_room(folder: str | Path, size: int, what: str) -> None:
    """Raise InputError where fewer than ``size`` bytes are free on the folder's disk."""
    existing = Path(folder).absolute()
    while not existing.exists():
        existing = existing.parent
    free = shutil.disk_usage(existing).free
    if free < size:
        raise InputError(
            f"{folder}: {what} needs about {size / 1e9:.1f} GB and {free / 1e9:.1f} GB are free "
            "there; make room or name another disk"
        )


# --- The work itself --------------------------------------------------------------------------


@contextmanager
def whole_file(path: str | Path, durable: bool = True) -> Iterator[Path]:
    """Yield a temporary path in the same folder; on success it is renamed to ``path``.

    On any exception the temporary file is removed and ``path`` is left as it was; if only the
    renaming fails, the finished file stays under its temporary name, which the error gives.
    durable: the bytes are on the disk before the name is. Raises InputError for what a disk
    refuses.
    """
    path = Path(path)
    with os_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            prefix=f".{path.stem[:100]}.", suffix=path.suffix, dir=path.parent
        )
    temporary = Path(name)
    held = hold(handle)
    done = False
    try:
        sweep(path.parent, f".{path.stem[:100]}.", path.suffix)
        with os_errors(path):
            yield temporary
            temporary.chmod(0o666 & ~umask())
            if durable:
                synchronise(temporary)
        done = True
        put_in_place(temporary, path)
    finally:
        os.close(held)
        if not done:
            temporary.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: str | Path, program: str = "gen2embed") -> Iterator[Path]:
    """Yield a temporary folder beside ``path``; on success it takes its place, marked as ours.

    On any exception it is removed and ``path`` is left as it was. Raises InputError, before
    anything is written and again before the old folder goes, where that one is not ours to
    replace, and for what a disk refuses. A link to a folder stays, and the folder is replaced.
    """
    path = resolved(Path(path))
    check_replaceable(path)
    with os_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name[:100]}.", dir=path.parent))
    held = hold(os.open(temporary, os.O_RDONLY))
    done = False
    try:
        sweep(path.parent, f".{path.name[:100]}.", "")
        with os_errors(path):
            yield temporary
            mark = temporary / MARK
            mark.unlink(missing_ok=True)  # it may be a link to another folder's
            mark.write_text(f"written and replaced as a whole by {program}\n", encoding="utf-8")
            temporary.chmod(0o777 & ~umask())
            for file in temporary.rglob("*"):
                if file.is_file() and not file.is_symlink():
                    synchronise(file)
        check_replaceable(path)
        done = True
        replace_folder(temporary, path)
    finally:
        os.close(held)
        if not done:
            shutil.rmtree(temporary, ignore_errors=True)


def hold(handle: int) -> int:
    """Mark a temporary file or folder as in use, until the handle is closed or the process ends."""
    with suppress(OSError):  # some network file systems have no locks
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return handle


def sweep(folder: Path, prefix: str, suffix: str) -> None:
    """Remove what a killed process left of the same output: temporary names that nobody holds."""
    names = re.compile(re.escape(prefix) + r"[a-z0-9_]{8}" + re.escape(suffix))
    for path in hidden_at_first(folder):
        if names.fullmatch(path.name) and not path.is_symlink():
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > FRESH and is_free(path):
                    shutil.rmtree(path) if path.is_dir() else path.unlink()


@cache
def hidden_at_first(folder: Path) -> list[Path]:
    """What lay hidden in a folder when this process first wrote into it: listed once."""
    with suppress(OSError):
        return [path for path in folder.iterdir() if path.name.startswith(".")]
    return []


def is_free(path: Path) -> bool:
    """Whether no process holds it (``hold``)."""
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except OSError:
        return False
    finally:
        os.close(handle)


def replace_folder(new: Path, path: Path) -> None:
    """The old folder steps aside first, so that one of the two is there whatever happens."""
    aside = None
    if path.is_dir():
        aside = new.with_name(f"{new.name}.old")
        put_in_place(path, aside)
    try:
        put_in_place(new, path)
    except InputError:
        if aside:
            aside.replace(path)
        raise
    if aside:
        shutil.rmtree(aside, ignore_errors=True)


def put_in_place(finished: Path, path: Path) -> None:
    """Rename; Raises InputError that says where the finished thing lies if that fails."""
    try:
        finished.replace(path)
    except OSError as error:
        raise InputError(
            f"{path}: {fault_of(error) or error.strerror}; the finished result lies in {finished}: "
            "move it where you want it"
        ) from None
    with suppress(OSError):  # a name is on the disk when its folder is
        synchronise(path.parent)


def synchronise(path: Path) -> None:
    """Have the system write a file, or a folder's names, to the disk now."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


# --- What a disk says -------------------------------------------------------------------------


@contextmanager
def os_errors(where: object) -> Iterator[None]:
    """Turn what a disk refuses into an InputError that names the file, or ``where``.

    All else passes.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        fault = fault_of(error)
        if fault is None:
            raise
        raise InputError(fault if named_by(error) else f"{where}: {fault}") from None


def fault_of(error: BaseException) -> str | None:
    """What the disk refuses, with the remedy, or None for any other exception.

    Libraries that write by themselves (safetensors, torch) tell the number in their message.
    """
    number = getattr(error, "errno", None) if isinstance(error, OSError) else None
    if number is None:
        found = re.search(r"\(os error (\d+)\)|\[Errno (\d+)\]", str(error))
        number = int(found[1] or found[2]) if found else None
        if re.search(CUT_SHORT, str(error)):
            number = errno.ENOSPC
    if number is None:  # matplotlib stumbles again while it closes what it could not write
        error = next(filter(is_of_a_write, before(error)), error)
        number = getattr(error, "errno", None) if isinstance(error, OSError) else None
    named = f"{named_by(error)}: " if named_by(error) else ""
    if number in NO_ROOM:
        return f"{named}no room is left on its disk, or a limit is reached; make room, run it again"
    if number in REFUSED:
        return f"{named}{REFUSED[number]}; name another place, or mend that"
    return None


def before(error: BaseException) -> Iterator[BaseException]:
    """What an exception came up over, the last first."""
    while error.__context__ is not None:
        error = error.__context__
        yield error


def is_of_a_write(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno in (*NO_ROOM, *REFUSE_WRITES)


def named_by(error: BaseException) -> str:
    """The file that an error names, or ""; a temporary name of ours tells a user nothing."""
    named = str(getattr(error, "filename", None) or "")
    return "" if Path(named).name.startswith(".") else named
