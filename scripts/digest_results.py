"""Digest every deterministic result of an experiment, to compare two runs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from gen2embed.command_line import run_each
from gen2embed.errors import InputError
from gen2embed.files import digest_file, write_text
from gen2embed.outputs import add_output

SUFFIXES = (".parquet", ".npy", ".json", ".csv", ".safetensors")
LEFT_OUT = (".run.json", ".run.jsonl")
LEFT_OUT_FOLDERS = ("logs", "benchmarks", "partial")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="digest_results", description=__doc__)
    add = parser.add_argument
    add("--results", required=True, help="folder of the experiment")
    add_output(parser, "--out", ".tsv", help="digest.tsv: SHA-256, path")
    return parser


def counts(path: Path, root: Path) -> bool:
    """Whether two honest runs must agree on this file."""
    relative = path.relative_to(root)
    return (
        path.is_file()
        and path.name.endswith(SUFFIXES)
        and not path.name.endswith(LEFT_OUT)
        and not any(part.startswith(".") for part in relative.parts)
        and relative.parts[0] not in LEFT_OUT_FOLDERS
    )


def digest(job: argparse.Namespace) -> None:
    root = Path(job.results)
    files = sorted(path for path in root.rglob("*") if counts(path, root))
    if not files:
        raise InputError(f"{root}: holds no results; run `snakemake --cores all` first")
    lines = [f"{digest_file(path)}\t{path.relative_to(root).as_posix()}\n" for path in files]
    write_text(job.out, "".join(lines))


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), digest, argv)


if __name__ == "__main__":
    sys.exit(main())
