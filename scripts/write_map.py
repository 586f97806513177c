"""Write the map of the paper (reporting/paper.csv) into its pages: README.md and docs/paper.md."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from gen2embed.command_line import run_each
from gen2embed.errors import InputError
from gen2embed.files import read_text, write_text
from gen2embed.reporting.pages.paper_page import fill
from gen2embed.reporting.paper import read_products


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="write_map", description=__doc__)
    parser.add_argument("--pages", required=True, nargs="+", help="Markdown with the map's marks")
    return parser


def write(job: argparse.Namespace) -> None:
    products = read_products()
    for page in map(Path, job.pages):
        if not page.is_file():
            raise InputError(f"{page}: no such file")
        try:
            text = fill(read_text(page), products)
        except InputError as error:
            raise InputError(f"{page}: {error}") from None
        write_text(page, text)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), write, argv)


if __name__ == "__main__":
    sys.exit(main())
