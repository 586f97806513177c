"""Join the shards of an embedding by row range: the very file that one process would have made."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from gen2embed.command_line import run_each
from gen2embed.errors import InputError
from gen2embed.files import (
    load_embeddings,
    load_valid,
    read_json,
    run_record,
    write_embeddings,
    write_json,
)
from gen2embed.models.shards import join_manifests
from gen2embed.outputs import add_output


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="merge_embeddings", description=__doc__)
    add = parser.add_argument
    add("--shards", required=True, nargs="+", help="shards' .npy, each with its .json beside it")
    add_output(
        parser,
        "--out",
        ".npy",
        beside=(".json", ".valid.npy"),
        help="embeddings .npy; manifest beside it as .json",
    )
    return parser


def rows_of(manifest: dict) -> tuple[int, int]:
    shard = manifest.get("shard", {})
    return shard.get("first_row", -1), shard.get("end_row", -1)


def merge(job: argparse.Namespace) -> None:
    out = Path(job.out)
    with run_record(out.with_suffix(".run.json")):
        manifests = {path: read_json(Path(path).with_suffix(".json")) for path in job.shards}
        paths = sorted(job.shards, key=lambda path: rows_of(manifests[path]))
        try:
            manifest = join_manifests([manifests[path] for path in paths])
        except InputError as error:
            raise InputError(
                f"{paths[0]} and the others: {error}; embed the shards again"
            ) from None
        parts = [load_embeddings(path) for path in paths]
        for path, part in zip(paths, parts, strict=True):
            first, end = rows_of(manifests[path])
            if len(part) != end - first:
                raise InputError(f"{path}: holds {len(part)} rows, not those of its manifest")
        valid = [load_valid(path, len(part)) for path, part in zip(paths, parts, strict=True)]
        write_embeddings(out, parts, np.concatenate(valid))
        write_json(out.with_suffix(".json"), manifest)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), merge, argv)


if __name__ == "__main__":
    sys.exit(main())
