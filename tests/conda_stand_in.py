"""A stand-in for conda, so that Snakemake's own `--sdm conda` runs where no channel is reached.

It answers what Snakemake 9.27 asks of conda and makes each environment a virtual one that holds
what its file lists, with what that needs, and nothing else: a rule whose environment lacks a
package fails here as it would there. The packages are those of the running environment, linked, at
the lock's versions. It is no test of conda-forge: whether a channel has these packages, and what a
solver makes of them, it cannot tell.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import venv
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PYPI_NAMES = {  # of packages that conda's channels call otherwise
    "snakemake-minimal": "snakemake",
    "pytorch-cpu": "torch",
    "pytorch-gpu": "torch",
    "faiss-gpu": "faiss-cpu",  # the stand-in has no GPU to show
}
ACTIVATE = 'export CONDA_PREFIX="$1"\nexport PATH="$1/bin:$PATH"\n'


def wanted(file: Path) -> dict[str, str]:
    """What an environment file lists: conda's or pip's name -> pin, "" without one."""
    pins = {}
    for entry in yaml.safe_load(file.read_text(encoding="utf-8"))["dependencies"]:
        if isinstance(entry, dict):
            pins |= dict(one.split("==") for one in entry["pip"])
        else:
            name, _, pin = entry.partition(" =")
            pins[name] = pin
    return pins


def install_stand_in(base: Path) -> Path:
    """Write `conda` and, where `conda info` says that it is, `activate`; the folder for PATH."""
    programs = base / "bin"
    programs.mkdir(parents=True)
    (programs / "activate").write_text(ACTIVATE)
    conda = programs / "conda"
    command = f'exec "{sys.executable}" "{Path(__file__).resolve()}" "$@"'
    conda.write_text(f'#!/bin/sh\nCONDA_STAND_IN="{base}" {command}\n')
    conda.chmod(0o755)
    return programs


def with_requirements(name: str, extras: frozenset[str] = frozenset()) -> Iterator[Distribution]:
    """The installed distribution and, transitively, what it requires."""
    queue, seen = [(name, extras)], set()
    while queue:
        name, extras = queue.pop()
        key = (canonicalize_name(name), extras)
        if key in seen:
            continue
        seen.add(key)
        found = distribution(name)
        yield found
        for text in found.requires or []:
            requirement = Requirement(text)
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": one}) for one in ("", *extras)):
                queue.append((requirement.name, frozenset(requirement.extras)))


def link(found: Distribution, prefix: Path) -> None:
    """Every file of a distribution into the environment; its programs with its Python."""
    packages = next(prefix.glob("lib/python*/site-packages"))
    source = Path(str(found.locate_file("")))
    for file in found.files or []:
        if ".." in file.parts or file.is_absolute():
            continue  # programs, written below, and data beside them
        place = packages / file
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(source / file)
    for entry in found.entry_points.select(group="console_scripts"):
        program = prefix / "bin" / entry.name
        program.write_text(
            f"#!{prefix / 'bin' / 'python'}\nimport sys\nfrom {entry.module} import {entry.attr}\n"
            f"sys.exit({entry.attr}())\n"
        )
        program.chmod(0o755)


def create(file: Path, prefix: Path) -> str | None:
    """The environment at ``prefix``; or why there is none, as a solver would say it."""
    pins = wanted(file)
    python = pins.pop("python", "")
    if not sys.version.startswith(python):
        return f"nothing provides python ={python}"
    pins.pop("pip", None)
    venv.create(prefix, with_pip=False, symlinks=True)
    for name, pin in pins.items():
        name = PYPI_NAMES.get(name, name)
        try:
            found = distribution(name)
        except PackageNotFoundError:
            shutil.rmtree(prefix)
            return f"nothing provides {name}"
        if pin and found.version.split("+")[0] != pin:
            shutil.rmtree(prefix)
            return f"nothing provides {name} ={pin}"
        for one in with_requirements(name):
            link(one, prefix)
    return None


def main(arguments: list[str]) -> int:
    base = os.environ["CONDA_STAND_IN"]
    if arguments == ["--version"]:
        print("conda 24.7.1")
    elif arguments == ["info", "--json"]:
        print(json.dumps({"conda_prefix": base, "platform": "linux-64"}))
    elif arguments == ["config", "--get", "channel_priority", "--json"]:
        print(json.dumps({"get": {"channel_priority": "strict"}}))
    elif arguments[:2] == ["env", "create"]:
        file, prefix = (arguments[arguments.index(flag) + 1] for flag in ("--file", "--prefix"))
        reason = create(Path(file), Path(prefix))
        if reason:
            print(f"LibMambaUnsatisfiableError: {reason}", file=sys.stderr)
            return 1
    elif arguments[:1] != ["clean"]:
        print(f"the stand-in for conda does not know: {arguments}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
