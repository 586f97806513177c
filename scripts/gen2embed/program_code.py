"""What a program depends on: the modules that it imports, their registry files, what they mean.

A module means its syntax tree without comments and docstrings, so that an edit of these alone
re-runs nothing and throws no state away.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gen2embed.errors import InputError
from gen2embed.outputs import whole_file

DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
PARSED = f"parsed-{sys.implementation.cache_tag}.jsonl"  # a syntax tree is its Python's
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
    with remembering(folder):
        text = json.dumps(meaning(program), indent=0, sort_keys=True) + "\n"
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        newest = max(source.stat().st_mtime_ns for source in sources(program))
        with whole_file(path, durable=False) as temporary:
            temporary.write_text(text, encoding="utf-8")
            os.utime(temporary, ns=(newest, newest))
    return path


@dataclass(frozen=True)
class Parsed:
    """What is read from a module's text, whatever its path."""

    meaning: str  # digest
    names: tuple[str, ...]  # of modules that it may import
    files: tuple[str, ...]  # string literals that may name a file beside it


_known: dict[str, Parsed] = {}  # by digest of the text
_recalled: set[Path] = set()


@contextmanager
def remembering(folder: Path) -> Iterator[None]:
    """Texts that an earlier process parsed are not parsed again: their outcome is in ``folder``.

    Parsing all modules takes a second at every start of Snakemake. A line for each text; a line
    that cannot be read counts as none.
    """
    path = folder / PARSED
    if path not in _recalled:
        _recalled.add(path)
        with suppress(OSError, UnicodeDecodeError):
            for line in path.read_text(encoding="utf-8").splitlines():
                with suppress(ValueError, TypeError):
                    key, meaning, names, files = json.loads(line)
                    _known.setdefault(key, Parsed(meaning, tuple(names), tuple(files)))
    before = len(_known)
    yield
    new = list(_known.items())[before:]
    if new:
        lines = [
            json.dumps([key, module.meaning, module.names, module.files]) for key, module in new
        ]
        with suppress(OSError), path.open("a", encoding="utf-8") as file:
            file.write("".join(f"\n{line}" for line in lines))


@cache
def _parsed(path: Path, _changed: int) -> Parsed:
    text = path.read_bytes()
    key = hashlib.sha256(text).hexdigest()
    if key not in _known:
        _known[key] = _parse(text)
    return _known[key]


def _parse(text: bytes) -> Parsed:
    tree = ast.parse(text.decode("utf-8"))
    names: set[str] = set()
    files: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
        elif isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if node.value.startswith("gen2embed."):
                names.add(node.value)
            if _may_be_a_file(node.value):
                files.add(node.value)
    meaning = hashlib.sha256(ast.dump(tree).encode()).hexdigest()
    return Parsed(meaning, tuple(sorted(names)), tuple(sorted(files)))


def _means(path: Path, changed: int) -> str:
    """Digest of a module's meaning, of another file's bytes."""
    if path.suffix == ".py":
        return _parsed(path, changed).meaning
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _used_by(path: Path, root: Path) -> frozenset[Path]:
    return _uses(path, root, path.stat().st_mtime_ns)


@cache
def _uses(path: Path, root: Path, changed: int) -> frozenset[Path]:
    parsed = _parsed(path, changed)
    used = {path.parent / name for name in parsed.files if (path.parent / name).is_file()}
    for name in parsed.names:
        used |= _module_files(name, root)
    return frozenset(used)


def _may_be_a_file(text: str) -> bool:
    if not text or len(text) > 100 or "\n" in text or Path(text).is_absolute():
        return False
    return Path(text).suffix not in ("", ".py")


def _module_files(name: str, root: Path) -> set[Path]:
    """The file of a local module and the ``__init__.py`` of every package around it."""
    parts = name.split(".")
    files = set()
    for depth in range(1, len(parts) + 1):
        base = root.joinpath(*parts[:depth])
        files |= {
            path for path in (base / "__init__.py", base.with_suffix(".py")) if path.is_file()
        }
        if not base.is_dir():
            break
    return files
