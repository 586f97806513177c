"""Where numba keeps what it compiles for UMAP, on a machine whose software is read-only. Ours."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

VARIABLE = "NUMBA_CACHE_DIR"
PACKAGES = ("umap", "pynndescent")


def can_be_written(path: Path) -> bool:
    """Whether the folder, or the nearest that is there above it, takes files."""
    existing = next(above for above in (path, *path.parents) if above.exists())
    return existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)


def has_cache() -> bool:
    """Whether numba finds a place by itself: where it is told, beside the packages, at home."""
    beside = [Path(spec.origin).parent for spec in map(find_spec, PACKAGES) if spec and spec.origin]
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "numba"
    return (
        bool(os.environ.get(VARIABLE))
        or can_be_written(home)
        or all(can_be_written(folder / "__pycache__") for folder in beside)
    )


@contextmanager
def cache_for_numba() -> Iterator[None]:
    """Where numba finds none (it then refuses to work), a folder of this process's own.

    It holds pickles, so it is made anew and nobody else's, and goes afterwards.
    """
    if has_cache():
        yield
        return
    with TemporaryDirectory(prefix="gen2embed_numba_") as folder:
        os.environ[VARIABLE] = folder
        try:
            yield
        finally:
            del os.environ[VARIABLE]
