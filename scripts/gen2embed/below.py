"""Names that data bring, as paths that cannot lead out of the folder they start from. Ours.

A name in a table may be ``../../x``, absolute, or that of a link. Everything that reads or writes
by such a name asks here first.
"""

from __future__ import annotations

import os
import re
import stat
from functools import lru_cache
from pathlib import Path, PurePosixPath

from gen2embed.errors import InputError

STORE = "images"  # below the root, the one folder that may be a link: fetch_data.py's to its store
LONGEST = 200  # bytes of a name, which is used with endings behind it
# separators of paths and of lines, control characters, lone surrogates; Snakemake's wildcards
NOT_IN_NAMES = re.compile("[/\\\\{}\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029\\ud800-\\udfff]")
REMEDY = "give a path below that folder, without .. and links that lead out of it"


def is_below(name: str) -> bool:
    """Whether a relative path stays below its folder as it is written, links apart."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and (
        "\0" not in name
    )  # fmt: skip


def below(root: str | Path, name: str) -> Path:
    """``root / name``, which may be missing; Raises InputError where it leads out of ``root``.

    So do ``..``, absolute paths, and links, but for the folder ``images`` in the root. What is
    there and no regular file, such as a pipe or a device, is refused, too.
    """
    path = Path(root) / name
    if not is_below(name):
        raise InputError(f"{name!r}: leads out of {root}; {REMEDY}")
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        within(root, name, os.path.realpath(path))
        return path  # whoever opens it says so
    if stat.S_ISLNK(mode):
        within(root, name, os.path.realpath(path))
        if path.exists():
            mode = path.stat().st_mode
    else:
        within(root, name, real_folder(str(path.parent)))
    if not stat.S_ISREG(mode) and not stat.S_ISLNK(mode):
        raise InputError(f"{path}: is no regular file; {REMEDY}")
    return path


def within(root: str | Path, name: str, real: str) -> None:
    """Raise InputError unless ``real`` lies in the root's own place, or in that of its store."""
    places = [real_folder(str(root))]
    if PurePosixPath(name).parts[0] == STORE:
        places.append(real_folder(str(Path(root) / STORE)))
    if not any(os.path.commonpath([real, place]) == place for place in places):
        raise InputError(f"{name!r}: is a link out of {root}, to {real}; {REMEDY}")


@lru_cache(maxsize=4096)
def real_folder(folder: str) -> str:
    return os.path.realpath(folder)


def check_name(name: str, source: str | Path, of: str = "a data set") -> str:
    """The name, if it can be that of a file or folder; Raises InputError that names its source.

    of: what bears it. It stands in paths, on command lines and in Snakemake's patterns, where
    braces are wildcards and a dash in front makes a flag.
    """
    if (
        not name
        or name.strip() != name
        or name.startswith((".", "-"))
        or NOT_IN_NAMES.search(name)
        or len(name.encode("utf-8", "surrogatepass")) > LONGEST
    ):
        raise InputError(
            f"{source}: {name[:80]!r} is no name of {of}: it names a file, so it has no slashes, "
            "braces or line ends, no dot, dash or space in front and no space behind, and at most "
            f"{LONGEST} bytes"
        )
    return name
