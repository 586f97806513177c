"""Copy an experiment's figures and tables into a folder that is committed, with an index."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from gen2embed.artifacts.described import PROVENANCE, read_described
from gen2embed.command_line import run_each
from gen2embed.errors import InputError
from gen2embed.files import read_text, write_text
from gen2embed.outputs import add_output, whole_file
from gen2embed.reporting.paper import heading

INDEX = "README.md"
TITLE = "# Figures and tables of the experiment"


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="publish_results", description=__doc__)
    add = parser.add_argument
    add("--figures", nargs="+", default=[], help="figures (.png), in the order of the index")
    add("--tables", required=True, nargs="+", help="tables (.md), in the order of the index")
    add("--experiment", required=True, help="its name")
    add("--provenance", required=True, help="provenance.run.json of the experiment")
    add_output(parser, "--out", help="folder for the copies and README.md")
    return parser


def copy(source: Path, folder: Path) -> None:
    if not source.is_file():
        raise InputError(f"{source}: no such file; run `snakemake --cores all` first")
    with whole_file(folder / source.name) as temporary:
        shutil.copyfile(source, temporary)


def check_index(path: Path) -> None:
    """Raise InputError for a README.md that is not an index of ours: it would be lost."""
    if path.exists() and not read_text(path).startswith(TITLE):
        raise InputError(f"{path}: was not written by this program; name a folder of its own")


def publish(job: argparse.Namespace) -> None:
    out = Path(job.out)
    check_index(out / INDEX)
    facts = read_described(job.provenance, PROVENANCE, "run snakemake again")
    parts = [
        f"{TITLE} `{job.experiment}`",
        "Written by `snakemake --cores all publish`; every number comes from result files of one "
        f"run. Revision of the project: {facts['revision']}.",
        "## Figures",
    ]
    for png in map(Path, job.figures):
        for suffix in (".png", ".pdf", ".csv", ".md"):
            copy(png.with_suffix(suffix), out)
        caption = read_text(png.with_suffix(".md")).strip()
        parts.append(f"### {heading(png.stem)}\n\n![{png.stem}]({png.name})\n\n{caption}")
    parts.append("## Tables")
    for path in map(Path, job.tables):
        for suffix in (".md", ".csv", ".tex"):
            copy(path.with_suffix(suffix), out)
        parts.append(f"### {heading(path.stem)}\n\n{read_text(path).strip()}")
    write_text(out / INDEX, "\n\n".join(parts) + "\n")


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), publish, argv)


if __name__ == "__main__":
    sys.exit(main())
