"""Search a set of embedded items by a text, an image or both: the most similar ones, as a list and
as a contact sheet."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy as np

from gen2embed.artifacts.embedding_files import EmbeddingFiles
from gen2embed.artifacts.origin import check_one_run
from gen2embed.below import below
from gen2embed.command_line import run_program
from gen2embed.errors import InputError
from gen2embed.flag_types import whole
from gen2embed.mining.nearest import nearest
from gen2embed.models.asking import ask, flags_for
from gen2embed.models.embedding import Embedding, Loaded
from gen2embed.outputs import add_output, whole_file
from gen2embed.prompts.images import load_rgb
from gen2embed.prompts.items import Item, Items, read_items
from gen2embed.prompts.mark import IMAGE_MARK
from gen2embed.prompts.registry import ROLES
from gen2embed.prompts.resolutions import get_resolution
from gen2embed.reporting.figures.sheet import Cell, draw_sheet

LOG = logging.getLogger("gen2embed.search")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="search", description=__doc__)
    add = parser.add_argument
    add("--embeddings", required=True, help="unit vectors of the items that are searched (.npy)")
    add("--items", required=True, help="those items, parquet")
    add("--image-root", default=".", help="folder that the items' image paths start from")
    add("--query", nargs="+", metavar="TEXT", help="what is searched for; several texts in turn")
    add("--image", metavar="FILE", help="an image to search with, alone or with one text")
    add("--role", choices=ROLES, default="query", help="role that the query is embedded in")
    add("--top", type=whole(), default=10, help="matches shown")
    add("--model", required=True, help="model folder or hub id that embedded the items")
    add("--revision", help="revision of a hub model (a commit)")
    add("--adapter", help="PEFT folder of a fine-tuned adapter")
    add("--prompt", help="name in the prompt registry (default: the manifest's)")
    add("--prompt-file", help="YAML file with further prompts")
    add("--resolution", help="of images (default: the manifest's)")
    add("--max-tokens", type=whole(), help="of a prompt (default: the manifest's)")
    add("--dtype", help="of the model (default: the manifest's)")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:1, ...")
    add_output(parser, "--out", ".png", required=False, help="contact sheet of the matches")
    return parser


def queries_of(job: argparse.Namespace) -> list[Item]:
    """Raises InputError for a job that asks nothing, or several texts of one image."""
    texts = job.query or []
    if not any((*texts, job.image)) or not all(texts):
        raise InputError("nothing is asked; give --query TEXT, --image FILE or both")
    if job.image and len(texts) > 1:
        raise InputError(f"--image goes with one --query, not with {len(texts)}")
    name = Path(job.image).name if job.image else ""
    return [Item(text, name, job.role) for text in texts or [""]]


def plain(item: Item) -> str:
    """An item's text on one line."""
    return " ".join(item.text.replace(IMAGE_MARK, " ").split())


def cell_of(item: Item, root: Path, heading: str) -> Cell:
    image = None
    if item.image_path:
        image = load_rgb(below(root, item.image_path), get_resolution("native"))
    return Cell(heading, plain(item), image)


def show(asked: Item, items: Items, rows: np.ndarray, similarities: np.ndarray) -> None:
    print(" + ".join(filter(None, (asked.image_path, plain(asked)))))
    for place, (row, similarity) in enumerate(zip(rows, similarities, strict=True), start=1):
        item = items[int(row)]
        shown = "  ".join(filter(None, (item.image_path, plain(item))))
        print(f"{place:4d}  {similarity:7.4f}  item {row}  {shown}")


def search(job: argparse.Namespace, files: EmbeddingFiles, loaded: Loaded, folders: dict) -> None:
    from gen2embed.models.device import resolve_device

    began = time.perf_counter()
    queries = queries_of(job)
    items = read_items(job.items, job.role)
    vectors, valid = files.get(job.embeddings)
    manifest = files.manifest(job.embeddings)
    if len(items) != len(vectors):
        raise InputError(
            f"{job.embeddings}: holds {len(vectors)} vectors for {len(items)} items of {job.items}"
        )
    embedding = Embedding.of(flags_for(job, manifest), folders)
    if manifest.get("items_digest") not in (None, embedding.items_digest):
        raise InputError(f"{job.embeddings}: was made of other items than {job.items} holds")
    device = resolve_device(job.device)
    loaded.get(embedding, device)
    ready = time.perf_counter()
    root = Path(job.image).parent if job.image else Path()
    asked, made = ask(embedding, loaded, queries, root, device)
    check_one_run(made, manifest, f"the query and {job.embeddings}")
    if asked.shape[1] != vectors.shape[1]:
        raise InputError(
            f"{job.embeddings}: has {vectors.shape[1]} dimensions, the model's vectors have "
            f"{asked.shape[1]}; name the model that made them"
        )
    found = [nearest(vectors, valid, vector, job.top) for vector in asked]
    done = time.perf_counter()
    for query, (rows, similarities) in zip(queries, found, strict=True):
        show(query, items, rows, similarities)
    LOG.info(
        "%d items; ready after %.2f s, embedded and searched in %.2f s",
        len(items), ready - began, done - ready,
    )  # fmt: skip
    if job.out:
        sheet(job, queries, root, items, found)


def sheet(
    job: argparse.Namespace, queries: Sequence[Item], root: Path, items: Items,
    found: Sequence[tuple[np.ndarray, np.ndarray]],
) -> None:  # fmt: skip
    rows = []
    for query, (matches, similarities) in zip(queries, found, strict=True):
        cells = [
            cell_of(items[int(row)], Path(job.image_root), f"{similarity:.4f}")
            for row, similarity in zip(matches, similarities, strict=True)
        ]
        rows.append((cell_of(query, root, job.role), cells))
    with whole_file(job.out) as temporary:
        draw_sheet(rows).save(temporary)


def main(argv: list[str] | None = None) -> int:
    def work(jobs: list[argparse.Namespace]) -> None:
        files, loaded, folders = EmbeddingFiles(), Loaded(), {}
        for job in jobs:
            queries_of(job)
        for job in jobs:
            search(job, files, loaded, folders)

    return run_program(build_parser(), work, argv)


if __name__ == "__main__":
    sys.exit(main())
