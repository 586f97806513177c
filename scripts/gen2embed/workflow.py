"""What the workflow needs to know of the library: what a program depends on, how runs are named."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gen2embed.errors import InputError

ZERO_SHOT = "base"  # name of the generator as it is, among the models of an experiment


def clusters_name(run: Mapping[str, Any], k: int, m: int) -> str:
    """Which clusters a run trains on: ``saha``, or with a k or m of its own ``saha-k3-m1``.

    k, m: the experiment's.
    """
    if "k" not in run and "m" not in run:
        return run["strategy"]
    return f"{run['strategy']}-k{run.get('k', k)}-m{run.get('m', m)}"


def run_name(run: Mapping[str, Any], k: int, m: int) -> str:
    """Its clusters and what else the run changes: ``hns-classic``, ``saha-k3-m1-f0.25``."""
    name = clusters_name(run, k, m)
    if run.get("mode", "clusters") != "clusters":
        name += f"-{run['mode']}"
    if "fraction" in run:
        name += f"-f{run['fraction']:g}"
    return name


def sources(program: Path) -> list[Path]:
    """The program, the library modules it imports (transitively), and their registry files.

    A registry file is any file beside a module whose name stands in it as a string literal. Paths
    come in the form of ``program`` (absolute or relative), sorted. Raises InputError for a program
    that is missing.
    """
    if not program.is_file():
        raise InputError(f"{program}: no such program")
    root = program.parent
    found: set[Path] = set()
    queue = [program]
    while queue:
        path = queue.pop()
        if path in found:
            continue
        found.add(path)
        if path.suffix == ".py":
            queue += sorted(_used_by(path, root) - found)
    return sorted(found)


def _used_by(path: Path, root: Path) -> set[Path]:
    used: set[Path] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names = [node.value] if node.value.startswith("gen2embed.") else []
            used |= _beside(path, node.value)
        else:
            continue
        for name in names:
            used |= _module_files(name, root)
    return used


def _beside(path: Path, text: str) -> set[Path]:
    if not text or len(text) > 100 or "\n" in text or Path(text).is_absolute():
        return set()
    file = path.parent / text
    return {file} if file.suffix and file.suffix != ".py" and file.is_file() else set()


def _module_files(name: str, root: Path) -> set[Path]:
    """The file of a local module and the ``__init__.py`` of every package around it."""
    parts = name.split(".")
    files = set()
    for depth in range(1, len(parts) + 1):
        base = root.joinpath(*parts[:depth])
        files |= {
            path for path in (base / "__init__.py", base.with_suffix(".py")) if path.is_file()
        }
    return files
