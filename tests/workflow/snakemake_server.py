"""Snakemake without its start-up: a process that has imported it forks for every call.

Importing Snakemake takes as long as planning a small study, and tests call it a hundred times. Each
call is a process of its own, with its own folder, environment and arguments, in which nothing of
this project has been imported. Calls that change what is read before that (PYTHONPATH) are no calls
for it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NoReturn


def call(
    words: Sequence[str], cwd: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """``python -m snakemake`` with these words, run to its end; output as text."""
    with tempfile.TemporaryDirectory() as folder:
        files = [str(Path(folder) / name) for name in ("stdout", "stderr")]
        request = {"words": words, "cwd": str(cwd), "environment": dict(environment)}
        server = _server()
        server.stdin.write(json.dumps(request | {"files": files}) + "\n")
        server.stdin.flush()
        status = os.waitstatus_to_exitcode(int(server.stdout.readline()))
        texts = [Path(path).read_text(encoding="utf-8") for path in files]
    return subprocess.CompletedProcess(list(words), status, *texts)


@cache
def _server() -> subprocess.Popen[str]:
    """It ends with the process that started it, at the end of its standard input."""
    return subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def serve() -> None:
    import jsonschema  # noqa: F401
    import pandas  # noqa: F401
    import pyarrow.parquet  # noqa: F401
    import snakemake.api
    import snakemake.cli
    import snakemake.persistence.file
    import snakemake.scheduling.job_scheduler  # noqa: F401

    sys.path.remove(str(Path(__file__).resolve().parent))
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if not child:
            run(**request)
        print(os.waitpid(child, 0)[1], flush=True)


def run(
    words: Sequence[str], cwd: str, environment: Mapping[str, str], files: Sequence[str]
) -> NoReturn:
    """Become the call: what ``python -m snakemake`` would have found at its start."""
    from snakemake.cli import main

    for number, path in enumerate([os.devnull, *files]):
        mode = os.O_WRONLY | os.O_CREAT if number else os.O_RDONLY
        os.dup2(os.open(path, mode), number)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    sys.path.insert(0, cwd)
    sys.argv = ["snakemake", *words]
    sys.exit(main(list(words)))


if __name__ == "__main__":
    serve()
