"""Join the shards of an embedding by row range: the very file that one process would have made."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

from gen2embed.artifacts.embedding_files import checksums, load_with_manifest
from gen2embed.command_line import run_each
from gen2embed.errors import InputError
from gen2embed.files import run_record, write_embeddings, write_json
from gen2embed.models.encoding.shards import join_manifests
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


def rows_of(path: str, manifest: dict[str, Any]) -> tuple[int, int]:
    """Raises InputError for a file that is no shard."""
    if not manifest.get("shard"):
        raise InputError(f"{path}: is no shard: no manifest beside it names its rows; embed again")
    return manifest["shard"]["first_row"], manifest["shard"]["end_row"]


def merge(job: argparse.Namespace) -> None:
    out = Path(job.out)
    with run_record(out.with_suffix(".run.json")):
        shards = {path: load_with_manifest(path) for path in job.shards}
        manifests = {path: manifest for path, (_, _, manifest) in shards.items()}
        paths = sorted(job.shards, key=lambda path: rows_of(path, manifests[path]))
        try:
            manifest = join_manifests([manifests[path] for path in paths])
        except InputError as error:
            raise InputError(
                f"{paths[0]} and the others: {error}; embed the shards again"
            ) from None
        parts = [shards[path][0] for path in paths]
        for path, part in zip(paths, parts, strict=True):
            if (part.dtype, part.shape[1]) != (parts[0].dtype, parts[0].shape[1]):
                raise InputError(
                    f"{path}: holds {part.dtype} of {part.shape[1]} columns, {paths[0]} "
                    f"{parts[0].dtype} of {parts[0].shape[1]}; embed the shards again"
                )
        write_embeddings(out, parts, np.concatenate([shards[path][1] for path in paths]))
        write_json(out.with_suffix(".json"), manifest | checksums(out))


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), merge, argv)


if __name__ == "__main__":
    sys.exit(main())
