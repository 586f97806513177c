"""What a program depends on: the modules that it imports, their registry files, what they mean.

A module means its syntax tree without comments and docstrings, so that an edit of these alone
re-runs nothing and throws no state away.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
from functools import cache
from pathlib import Path

from gen2embed.errors import InputError
from gen2embed.outputs import whole_file

DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
SCRIPTS = Path(__file__).resolve().parents[1]


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


def meaning(program: Path) -> dict[str, str]:
    """Of each file that the program depends on: its path below the program's folder -> digest."""
    return {
        path.relative_to(program.parent).as_posix(): _means(path, path.stat().st_mtime_ns)
        for path in sources(program)
    }


def digest_of_program(name: str) -> str:
    """What a program of this project means, ``embed_items.py`` for one: for keys of states."""
    facts = json.dumps(meaning(SCRIPTS / name), sort_keys=True)
    return hashlib.sha256(facts.encode()).hexdigest()


def stamp(program: Path, folder: Path) -> Path:
    """A file in ``folder`` that changes when, and only when, what the program means does.

    Its time is that of the newest source, as if the sources themselves were looked at.
    """
    path = folder / f"{program.name}.json"
    text = json.dumps(meaning(program), indent=0, sort_keys=True) + "\n"
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        newest = max(source.stat().st_mtime_ns for source in sources(program))
        with whole_file(path, durable=False) as temporary:
            temporary.write_text(text, encoding="utf-8")
            os.utime(temporary, ns=(newest, newest))
    return path


@cache
def _means(path: Path, _changed: int) -> str:
    """Digest of a module's meaning, of another file's bytes."""
    if path.suffix != ".py":
        return hashlib.sha256(path.read_bytes()).hexdigest()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def _used_by(path: Path, root: Path) -> set[Path]:
    return set(_uses(path, root, path.stat().st_mtime_ns))


@cache
def _uses(path: Path, root: Path, _changed: int) -> frozenset[Path]:
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
    return frozenset(used)


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
