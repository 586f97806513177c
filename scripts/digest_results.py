"""Digest every deterministic result of an experiment, to compare two runs.

What a manifest or card tells the checksum of must be there, and be that file.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from gen2embed.artifacts.embedding_files import CHECKSUMS
from gen2embed.command_line import run_each
from gen2embed.errors import InputError
from gen2embed.files import digest_file, read_json, write_text
from gen2embed.models.folders.sums import CARD, SUMS
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
    digests = {path: digest_file(path) for path in files}
    check_stated(digests)
    lines = [f"{value}\t{path.relative_to(root).as_posix()}\n" for path, value in digests.items()]
    write_text(job.out, "".join(lines))


def check_stated(digests: dict[Path, str]) -> None:
    """Raise InputError where a file's checksum stands in another, and it is gone or damaged.

    digests: SHA-256 by path, of all that is there.
    """
    for path in digests:
        if path.suffix != ".json":
            continue
        for file, stated in checksums_in(path).items():
            if digests.get(file) != stated:
                fault = "is not the file that" if file in digests else "is gone;"
                raise InputError(
                    f"{file}: {fault} {path.name} describes{'' if file in digests else ' it'}; "
                    "remove both, and run snakemake again"
                )


def checksums_in(path: Path) -> dict[Path, str]:
    """What a JSON file beside vectors, or a model's card, tells of files' SHA-256."""
    card = read_json(path)
    if not isinstance(card, dict):
        return {}
    found = {
        path.with_suffix(ending): card[key] for key, ending in CHECKSUMS.items() if key in card
    }
    sums = card.get(SUMS) if path.name == CARD else None
    for name, value in sums.items() if isinstance(sums, dict) else ():
        if name.endswith(SUFFIXES):
            found[path.parent / name] = value
    return found


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), digest, argv)


if __name__ == "__main__":
    sys.exit(main())
