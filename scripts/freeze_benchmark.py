"""Freeze a benchmark of hard-negative miners: pairs, vectors and known equivalences of a subset,
and the negatives of the strategies here, in a folder that score_miner.py reads.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from gen2embed.artifacts.embedding_files import EmbeddingFiles
from gen2embed.artifacts.ids import check_ids, read_pairs
from gen2embed.artifacts.known_pairs import Ids, read_known
from gen2embed.artifacts.origin import SIDES, check_items, check_mined_from
from gen2embed.command_line import run_program
from gen2embed.errors import InputError
from gen2embed.files import digest_file, read_parquet, write_npy, write_parquet
from gen2embed.mining.clusters import read_clusters
from gen2embed.mining.foreign import key_of
from gen2embed.outputs import add_output


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="freeze_benchmark", description=__doc__)
    add = parser.add_argument
    add("--pairs", required=True, help="pairs parquet of one subset")
    add("--equivalences", required=True, help="parquet of query_id, target_id: further positives")
    add("--minimal-pairs", help="parquet of query_id, target_id: wrong in one thing alone")
    for side in SIDES:
        add(f"--{side}-items", required=True, help=f"items parquet of the {side} side")
        add(f"--{side}-embeddings", required=True, help="npy of unit vectors, row = item id")
    add("--clusters", required=True, nargs="+", help="cluster files, one a strategy")
    add_output(parser, "--out", help="folder of the benchmark")
    return parser


def by_place(ids: np.ndarray, kept: np.ndarray) -> np.ndarray:
    return np.searchsorted(kept, ids)


def inside(known: Ids, kept: dict[str, np.ndarray]) -> pd.DataFrame:
    """What is known, by number in the benchmark; pairs of items that are not in it left out."""
    inside_it = np.isin(known[0], kept["query"]) & np.isin(known[1], kept["target"])
    return pd.DataFrame(
        {
            f"{side}_id": by_place(ids[inside_it], kept[side])
            for side, ids in zip(SIDES, known, strict=True)
        }
    )


def freeze(job: argparse.Namespace, embeddings: EmbeddingFiles) -> None:
    out, made = Path(job.out), {}
    *ids, metadata = read_pairs(job.pairs)
    embeddings.check_one_space(job.query_embeddings, job.target_embeddings)
    annotated = dict(zip(SIDES, ids, strict=True))
    arrays: dict[str, np.ndarray] = {}
    kept = {side: np.unique(of_side) for side, of_side in annotated.items()}
    for side in SIDES:
        path = getattr(job, f"{side}_items")
        items, _ = read_parquet(path, ["item_id", "text", "image_path"])
        check_ids(job.pairs, f"{side}_id", annotated[side], path, len(items))
        check_items(job.pairs, metadata, side, digest_file(path), path)
        held = getattr(job, f"{side}_embeddings")
        vectors, valid = embeddings.get(held)
        check_ids(job.pairs, f"{side}_id", annotated[side], held, len(vectors))
        embeddings.check_items(job.pairs, metadata, side, held)
        if not valid[kept[side]].all():
            lacking = kept[side][~valid[kept[side]]][0]
            raise InputError(
                f"{held}: {side} {lacking} was not embedded; leave it out of the pairs"
            )
        chosen = items.iloc[kept[side]]
        texts, images = chosen["text"].tolist(), chosen["image_path"].tolist()
        keys = [key_of(*content) for content in zip(texts, images, strict=True)]
        frame = pd.DataFrame(
            {"id": range(len(keys)), "key": keys, "text": texts, "image_path": images}
        )
        made[f"{side}_items"] = frame
        arrays[side] = np.asarray(vectors[kept[side]], dtype=np.float32)
    numbers = {f"{side}_id": by_place(annotated[side], kept[side]) for side in SIDES}
    made["equivalences"] = inside(read_known(job.equivalences, job.pairs, metadata), kept)
    if job.minimal_pairs:
        made["minimal_pairs"] = inside(read_known(job.minimal_pairs, job.pairs, metadata), kept)
    mined = []
    for path in job.clusters:
        table, mined_as = read_clusters(path, len(ids[0]))
        check_mined_from(path, mined_as, job.pairs, metadata, *ids)
        anchor = np.repeat(table.anchor_pair, table.negatives)
        frame = {
            "strategy": mined_as.get("strategy", Path(path).parent.name),
            "query_id": numbers["query_id"][anchor],
            "negative_id": numbers["target_id"][table.negative_pairs],
        }
        mined.append(pd.DataFrame(frame))
    made["mined"] = pd.concat(mined, ignore_index=True)
    write_parquet(out / "pairs.parquet", pd.DataFrame(numbers), metadata)
    for name, frame in made.items():
        write_parquet(out / f"{name}.parquet", frame)
    for side, array in arrays.items():
        write_npy(out / f"{side}.npy", array)


def main(argv: list[str] | None = None) -> int:
    def work(jobs: list[argparse.Namespace]) -> None:
        embeddings = EmbeddingFiles()
        for job in jobs:
            freeze(job, embeddings)

    return run_program(build_parser(), work, argv)


if __name__ == "__main__":
    sys.exit(main())
