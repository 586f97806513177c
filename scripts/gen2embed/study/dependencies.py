"""What a program depends on: the modules that it imports, and their registry files."""

from __future__ import annotations

import ast
from pathlib import Path

from gen2embed.errors import InputError


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
