"""Embed items (texts, images) with a multimodal LLM under a named prompt: unit vectors as npy."""

from __future__ import annotations

import argparse
import os
import sys

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from gen2embed.command_line import run_program
from gen2embed.models.embedding import Embedding, Loaded, embed
from gen2embed.outputs import add_output
from gen2embed.prompts import input_form
from gen2embed.prompts.items import read_items
from gen2embed.prompts.registry import ROLES
from gen2embed.settings import add_settings, keys_of

OF_THE_STUDY = ("prompts", "composition_resolution", "shards")  # no flags of one job
SETTINGS = [key for key in keys_of("embed") if key not in OF_THE_STUDY]


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="embed_items", description=__doc__)
    add = parser.add_argument
    add("--model", required=True, help="model folder or hub id")
    add("--revision", help="revision of a hub model (a commit)")
    add("--adapter", help="PEFT folder of a fine-tuned adapter")
    add(
        "--merge",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="add the adapter to the weights (--no-merge: compute it beside them)",
    )
    add("--prompt", required=True, help="name in the prompt registry")
    input_form.add_flags(parser)
    add(
        "--vision-wrapper",
        action=argparse.BooleanOptionalAction,
        help="superseded by --input-form; --no-vision-wrapper is --input-form authors",
    )
    add("--role", required=True, choices=ROLES, help="role of the items that name none themselves")
    add("--items", required=True, help="items parquet (docs/data_dictionary.md)")
    add("--image-root", required=True, help="folder that the items' image paths start from")
    add_settings(parser, "embed", SETTINGS)
    add("--shard", default="1/1", help="I/N: only the I-th of N slices of rows, in whole windows")
    add("--skip-unreadable", action="store_true", help="go on without images that are broken")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:1, ...")
    add("--partial", help="folder for blocks to resume from; none: an interrupted run starts anew")
    add_output(
        parser,
        "--out",
        ".npy",
        beside=(".json", ".valid.npy", ".run.json"),
        help="embeddings .npy; manifest beside it as .json",
    )
    return parser


def main(argv: list[str] | None = None) -> int:
    def work(jobs: list[argparse.Namespace]) -> None:
        folders: dict[str, str | None] = {}
        resolved = [Embedding.of(job, folders) for job in jobs]
        items = [read_items(job.items, job.role) for job in jobs]
        loaded = Loaded()
        blocks = [embed(job, of_job, loaded) for job, of_job in zip(resolved, items, strict=True)]
        for of_job in filter(None, blocks):
            of_job.remove()

    return run_program(build_parser(), work, argv)


if __name__ == "__main__":
    sys.exit(main())
