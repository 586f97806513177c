"""Fetch MMEB, SugarCrepe and SugarCrepe++: from the hub, or from a local copy of it.

Writes the data contract of docs/data_dictionary.md. Downloads are kept in the hub's cache (HF_HOME)
and resumed; images are extracted once, into --store, which experiments can share.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from huggingface_hub import constants

from gen2embed.command_line import progress_bar, run_each
from gen2embed.data.composition_sets import SUBSETS
from gen2embed.data.datasets import COLUMNS as REGISTER_COLUMNS
from gen2embed.data.normalise import normalised
from gen2embed.data.registry import TRAIN_SPLITS, RegisterEntry, entries
from gen2embed.download.disk import check_disk, gigabytes
from gen2embed.download.repository import (
    Access,
    Selection,
    digest_of,
    fetch_all,
    grouped,
    select_files,
)
from gen2embed.download.revisions import SUFFIX, RevisionLock
from gen2embed.download.transfer import Patience, add_patience
from gen2embed.download.zips import extract, is_done, mark_done, open_zip, read_members
from gen2embed.errors import InputError
from gen2embed.files import reading, run_record, write_csv, write_parquet, write_text
from gen2embed.outputs import add_output, whole_file

NOT_OF_MMEB = ("CIFAR-100",)  # shipped with the evaluation images, not one of the 36
STRIP = ("images/", "val2017/")  # leading folders of zips; images/ is added everywhere
CREDITS = """# Where these data are from

Rows are as published, brought to one schema (docs/data_dictionary.md); images are as published.
Licences are those that the publishers state; images have their own sources' terms.

| repository | revision | licence |
|---|---|---|
"""


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fetch_data", description=__doc__)
    add = parser.add_argument
    add_output(parser, "--out", help="folder of the data (datasets.csv, train/, eval/, ...)")
    add("--store", required=True, help="folder of the extracted images, shared by experiments")
    add("--lock", help=f"file of locked revisions; default: {SUFFIX} in --out")
    add("--source", help="folder with the repositories' files by name, instead of the network")
    add("--train-subsets", nargs="*", help="names; none: no training data; default: all 20")
    add("--train-splits", nargs="+", choices=TRAIN_SPLITS, default=["diverse_instruction"])
    add("--eval-sets", nargs="*", help="names; none: no evaluation data; default: all 36")
    add("--compositions", nargs="*", choices=SUBSETS, default=list(SUBSETS), help="default: both")
    add(
        "--revisions",
        nargs="*",
        default=[],
        metavar="REPOSITORY=REVISION",
        help="other than the register's: a commit, tag or branch",
    )
    add(
        "--mirror",
        nargs="*",
        default=[],
        metavar="ADDRESS=OTHER",
        help="beginnings of web addresses (not the hub's: HF_ENDPOINT) and what stands for them",
    )
    add("--accept-revisions", action="store_true", help="go over to what is not the locked state")
    add_patience(parser)
    add("--plan", action="store_true", help="print what would be done (JSON) and do nothing")
    return parser


def chosen(job: argparse.Namespace) -> list[RegisterEntry]:
    wanted = entries("train", job.train_subsets) + entries("eval", job.eval_sets)
    for benchmark in job.compositions:
        wanted += entries(benchmark)
    return wanted + (entries("composition") if job.compositions else [])


def pairs(flag: str, words: list[str]) -> dict[str, str]:
    """NAME=VALUE words as a mapping."""
    for word in words:
        if "=" not in word:
            raise InputError(f"{flag} {word}: write it as NAME=VALUE")
    return dict(word.split("=", 1) for word in words)


def home(store: Path, selection: Selection) -> Path:
    """Where the images of a repository are, by revision."""
    return store / selection.repo / selection.revision.replace(":", "-")


def marker(store: Path, selection: Selection, path: str) -> Path:
    return home(store, selection) / "archives" / f"{path.replace('/', '__')}.json"


def extracted(store: Path, selection: Selection, path: str) -> bool:
    """Whether a zip needs no more than its marker (its digest is announced)."""
    digest = selection.wanted[path].sha256
    return (
        path in selection.archives
        and digest is not None
        and is_done(marker(store, selection, path), digest)
    )


def plan(job: argparse.Namespace, selections: list[Selection]) -> dict:
    """Bytes to download, to extract (about the zips' size) and to write, by repository."""
    store = Path(job.store)
    by_repo = {}
    for selection in selections:
        needed = [path for path in selection.wanted if not extracted(store, selection, path)]
        zips = [path for path in needed if path in selection.archives]
        rows = sum(selection.wanted[path].size or 0 for path in needed if path not in zips)
        by_repo[selection.repo] = {
            "revision": selection.revision,
            "files": len(selection.wanted),
            "bytes": sum(value.size or 0 for value in selection.wanted.values()),
            "to_fetch": sum(selection.wanted[path].size or 0 for path in needed),
            "to_download": selection.missing(needed),
            "to_extract": sum(selection.wanted[path].size or 0 for path in zips),
            "to_write": rows,
        }
    return by_repo


def total(by_repo: dict, what: str) -> int:
    return sum(value[what] for value in by_repo.values())


def extract_archives(store: Path, selections: list[Selection]) -> None:
    """All zips are looked at before the first is extracted."""
    with ExitStack() as opened:
        tasks = []
        for selection in selections:
            folder = home(store, selection) / "images"
            for path in (
                archive for archive in selection.archives if archive in selection.downloaded
            ):
                digest, done = digest_of(selection, path), marker(store, selection, path)
                if not is_done(done, digest):
                    name = f"{selection.repo}: {path}"
                    archive = opened.enter_context(open_zip(selection.downloaded[path], name))
                    members = read_members(archive, name, STRIP, NOT_OF_MMEB)
                    tasks.append((archive, members, folder, name, done, digest))
        size = sum(member.info.file_size for _, members, *_ in tasks for member in members)
        check_disk({store: size})
        with progress_bar(size, "extract", "B") as bar:
            for archive, members, folder, name, done, digest in tasks:
                extract(archive, members, folder, name, bar.update)
                mark_done(done, digest, members)


def link_images(out: Path, store: Path, selection: Selection) -> None:
    """``data/<part>/images`` leads to the store."""
    target = home(store, selection) / "images"
    link = out / selection.entries[0].part / "images"
    link.parent.mkdir(parents=True, exist_ok=True)
    target.mkdir(parents=True, exist_ok=True)
    if link.exists() and not link.is_symlink():
        raise InputError(f"{link}: is there and is no link to --store; remove it and call again")
    with tempfile.TemporaryDirectory(dir=link.parent, prefix=".images.") as folder:
        fresh = Path(folder) / "images"
        fresh.symlink_to(os.path.relpath(target.resolve(), link.parent.resolve()))
        fresh.replace(link)


def write_rows(out: Path, selection: Selection, splits: list[str]) -> list[dict]:
    """Rows in one schema; returns the register's lines of the data sets."""
    lines = []
    for entry in selection.entries:
        sizes = {}
        for path in selection.rows[entry.part, entry.name]:
            source = f"{selection.repo}: {path}"
            if entry.kind == "composition":
                target = out / "composition" / entry.part / Path(path).name
                with whole_file(target) as temporary:
                    shutil.copyfile(selection.downloaded[path], temporary)
                continue
            table = read_table(selection.downloaded[path], source)
            table = normalised(table, entry.part, source)
            write_parquet(out / entry.part / entry.name / Path(path).name, table)
            sizes[path] = table.num_rows
        if entry.kind == "dataset":
            first = splits[0] if entry.part == "train" else "test"
            rows = sum(size for path, size in sizes.items() if f"/{first}-" in path)
            columns = {name: getattr(entry, name) for name in REGISTER_COLUMNS}
            lines.append({**columns, "rows": rows})
    return lines


def read_table(path: Path, source: str) -> pa.Table:
    """A published file, which lies at ``path``; source: its name in messages."""
    try:
        with reading(path, "parquet"), pq.ParquetFile(path) as file:
            table = file.read()
            table.validate(full=True)
            return table
    except InputError as error:
        raise InputError(f"{source}: {error}") from None


def fetch(job: argparse.Namespace) -> None:
    out, store = Path(job.out), Path(job.store)
    for flag in ("workers", "tries"):
        if getattr(job, flag) < 1:
            raise InputError(f"--{flag} is {getattr(job, flag)}; give at least 1")
    lock = RevisionLock(Path(job.lock or out / SUFFIX), job.accept_revisions)
    access = Access(job.source, Patience(job.tries, job.pause), pairs("--mirror", job.mirror))
    revisions = pairs("--revisions", job.revisions)
    selections = [
        select_files(group, job.train_splits, lock, access, revisions.get(group[0].repo))
        for group in grouped(chosen(job))
    ]
    by_repo = plan(job, selections)
    if job.plan:
        print(json.dumps(by_repo, indent=2, sort_keys=True))
        return
    sums = {name: total(by_repo, name) for name in ("to_download", "to_extract", "to_write")}
    print(
        f"to download: {gigabytes(sums['to_download'])}, to extract: about "
        f"{gigabytes(sums['to_extract'])}, rows to write: about {gigabytes(sums['to_write'])}",
        file=sys.stderr,
        flush=True,
    )
    cache, begun = Path(constants.HF_HOME), sums["to_download"]
    check_disk({cache: begun, store: sums["to_extract"], out: sums["to_write"]})
    with run_record(out.parent / f"{out.name}.run.json") as record:
        record["bytes"] = sums
        with progress_bar(total(by_repo, "to_fetch"), "fetch", "B") as bar:
            fetch_all(
                selections,
                lambda selection, path: extracted(store, selection, path),
                lock,
                job.workers,
                bar.update,
            )
        extract_archives(store, selections)
        lines = []
        for selection in selections:
            if selection.archives:
                link_images(out, store, selection)
            lines += write_rows(out, selection, job.train_splits)
        write_csv(out / "datasets.csv", pd.DataFrame(lines, columns=[*REGISTER_COLUMNS, "rows"]))
        credits = [
            f"| {selection.repo} | {selection.revision} | {selection.entries[0].licence} |\n"
            for selection in selections
        ]
        write_text(out / "README.md", CREDITS + "".join(credits))


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), fetch, argv)


if __name__ == "__main__":
    sys.exit(main())
