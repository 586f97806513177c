"""Write the published run's numbers into pages, at the marks that say which file each is from."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from gen2embed.command_line import run_each
from gen2embed.errors import InputError
from gen2embed.files import write_text
from gen2embed.reporting.pages.numbers import fill


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fill_numbers", description=__doc__)
    parser.add_argument("--numbers", required=True, help="folder of <table>.csv and <table>.md")
    parser.add_argument("--pages", required=True, nargs="+", help="Markdown; without marks: left")
    return parser


def write(job: argparse.Namespace) -> None:
    folder = Path(job.numbers)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; publish a run first (snakemake publish)")
    for page in map(Path, job.pages):
        if not page.is_file():
            raise InputError(f"{page}: no such file")
        before = page.read_text(encoding="utf-8")
        try:
            text, missing = fill(before, folder)
        except InputError as error:
            raise InputError(f"{page}: {error}") from None
        if text != before:
            write_text(page, text)
        for name in missing:
            print(f"{page}: not published: {name}", file=sys.stderr)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), write, argv)


if __name__ == "__main__":
    sys.exit(main())
