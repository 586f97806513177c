"""Embed items (texts, images) with a multimodal LLM under a named prompt: unit vectors as npy."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy as np

from gen2embed.command_line import run_program
from gen2embed.errors import InputError
from gen2embed.files import (
    digest_facts,
    digest_file,
    digest_folder,
    package_versions,
    run_record,
    write_embeddings,
    write_json,
)
from gen2embed.models import pixel_limits
from gen2embed.models.adapters import check_form, trained_on
from gen2embed.models.pixel_limits import limits_of_job
from gen2embed.models.released import named
from gen2embed.models.shards import shard_rows
from gen2embed.outputs import add_output
from gen2embed.prompts import input_form
from gen2embed.prompts.input_form import InputForm, form_of, told
from gen2embed.prompts.items import Item, Items, read_items
from gen2embed.prompts.registry import ROLES, get_prompt
from gen2embed.prompts.resolutions import get_resolution

LOG = logging.getLogger("gen2embed.embed_items")
PACKAGES = ("torch", "transformers", "tokenizers", "pillow")  # that decide the vectors


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
    add("--prompt-file", help="YAML file with further prompts")
    input_form.add_flags(parser)
    add(
        "--vision-wrapper",
        action=argparse.BooleanOptionalAction,
        help="superseded by --input-form; --no-vision-wrapper is --input-form authors",
    )
    pixel_limits.add_flags(parser)
    add("--role", required=True, choices=ROLES, help="role of the items that name none themselves")
    add("--items", required=True, help="items parquet (docs/data_dictionary.md)")
    add("--image-root", required=True, help="folder that the items' image paths start from")
    add("--resolution", default="native", help="name in the resolution registry")
    add("--max-tokens", type=int, default=2048, help="longest prompt in tokens, image included")
    add("--token-budget", type=int, default=16384, help="padded tokens per forward pass")
    add(
        "--share-prefix",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="leave out what the vectors do not need (docs/encoder.md, Speed)",
    )
    add(
        "--round-vectors",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="to bf16, as the authors' program compares them",
    )
    add("--window", type=int, default=8192, help="rows that are sorted and batched together")
    add("--shard", default="1/1", help="I/N: only the I-th of N slices of rows, in whole windows")
    add("--skip-unreadable", action="store_true", help="go on without images that are broken")
    add("--workers", type=int, default=0, help="processes that prepare batches (0: none beside)")
    add("--loader-seconds", type=float, default=600, help="for a batch of the workers")
    add("--dtype", default="fp32", choices=("fp32", "bf16"), help="precision of the weights")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:1, ...")
    add("--threads", type=int, help="CPU threads (default: torch's choice)")
    add("--partial", help="folder for blocks to resume from; none: an interrupted run starts anew")
    add("--save-seconds", type=float, default=10.0, help="seconds between blocks to resume from")
    add_output(
        parser,
        "--out",
        ".npy",
        beside=(".json", ".valid.npy", ".run.json"),
        help="embeddings .npy; manifest beside it as .json",
    )
    return parser


def parse_shard(job: argparse.Namespace) -> tuple[int, int]:
    """``--shard I/N`` as two numbers."""
    try:
        shard, shards = map(int, job.shard.split("/"))
    except ValueError:
        raise InputError(f"--shard {job.shard}: give I/N, such as 1/4") from None
    shard_rows(0, job.window, shard, shards)  # says what is wrong with them
    return shard, shards


def check_flags(job: argparse.Namespace) -> None:
    """Everything that can be checked without items and model."""
    for name in ("max_tokens", "token_budget", "window"):
        if getattr(job, name) < 1:
            flag = name.replace("_", "-")
            raise InputError(f"--{flag} is {getattr(job, name)}; give at least 1")
    if job.workers < 0:
        raise InputError(f"--workers is {job.workers}; give 0 or more")
    if not job.loader_seconds > 0:
        raise InputError(f"--loader-seconds is {job.loader_seconds}; give more than 0")
    get_prompt(job.prompt, job.prompt_file)
    get_resolution(job.resolution)
    inputs_of(job)
    limits_of_job(job, job.adapter)
    parse_shard(job)


def inputs_of(job: argparse.Namespace) -> InputForm:
    """The form of the inputs; Raises InputError for an adapter that was trained under another."""
    form = form_of(job)
    if job.vision_wrapper is not None:
        wanted = "stock" if job.vision_wrapper else "authors"
        if not job.vision_wrapper and form.form == "stock":
            form = replace(form, form=wanted)
        elif form.form != wanted:
            raise InputError(
                f"--vision-wrapper does not go with --input-form {form.form}; leave it out"
            )
    check_form(form, job.adapter, f"{job.items}, to be embedded,")
    return form


def digest_of(job: argparse.Namespace) -> str:
    """Of everything that determines the vectors: flags, files, library versions."""
    irrelevant = ("out", "partial", "save_seconds", "workers", "loader_seconds")
    facts = {key: value for key, value in vars(job).items() if key not in irrelevant}
    facts["items_digest"] = digest_file(job.items)
    facts["model_digest"] = digest_folder(job.model)
    facts["adapter_digest"] = digest_folder(job.adapter)
    facts["prompt_text"] = repr(get_prompt(job.prompt, job.prompt_file))
    facts["resolution_text"] = get_resolution(job.resolution)
    facts["versions"] = package_versions(*PACKAGES)
    return digest_facts(facts)


class Loaded:
    """The model last asked for, so that a job list loads it once."""

    key: tuple | None = None
    backbone: Any = None

    def get(self, job: argparse.Namespace, device: str) -> Any:
        from gen2embed.models.backbones import load_backbone

        limits = limits_of_job(job, job.adapter)
        key = (job.model, job.revision, job.adapter, job.merge, job.dtype, device, limits)
        if key != self.key:
            self.backbone = load_backbone(job.model, job.revision, job.dtype, device, limits=limits)
            if job.adapter is not None:
                self.backbone.load_adapter(job.adapter, job.merge)
            self.key = key
        self.backbone.form = inputs_of(job)
        return self.backbone


def rendered(backbone: Any, job: argparse.Namespace, item: Item, planned: list[Any]) -> dict:
    """Full prompts for the manifest: the first item in either role; the first of either kind."""
    prompt = get_prompt(job.prompt, job.prompt_file)
    has_image = bool(item.image_path)
    turns = {role: backbone.turn(prompt, role, item.text, has_image) for role in ROLES}
    return {
        "rendered_query": backbone.render(prompt.system, turns["query"]),
        "rendered_target": backbone.render(prompt.system, turns["target"]),
        "rendered_example": next((one.rendered for one in planned if one.image), None),
        "rendered_example_text_only": next(
            (one.rendered for one in planned if not one.image), None
        ),
    }


def manifest_of(job: argparse.Namespace, backbone: Any) -> dict[str, Any]:
    """What the vectors were made with, but for what depends on the items."""
    model, revision = named(job.model, job.revision)
    return {
        "model": model,
        "model_digest": digest_folder(job.model),
        "revision": revision,
        "adapter": job.adapter,
        "adapter_digest": digest_folder(job.adapter),
        "trained_on": trained_on(job.adapter),
        "backbone": backbone.name,
        "prompt": job.prompt,
        "role": job.role,
        "input": told(backbone.form),
        "pixel_limits": backbone.pixel_limits(),
        "round_vectors": job.round_vectors,
        "resolution": {"name": job.resolution, **get_resolution(job.resolution)},
        "max_tokens": job.max_tokens,
        "dtype": job.dtype,
        "items_digest": digest_file(job.items),
        "dim": backbone.dim,
        "versions": package_versions(*PACKAGES),
    }


def embed(job: argparse.Namespace, items: Items, loaded: Loaded) -> None:
    import torch

    from gen2embed.models.device import resolve_device
    from gen2embed.models.encoder import encode, plan_items
    from gen2embed.models.partial import Blocks

    if job.threads:
        torch.set_num_threads(job.threads)
    out = Path(job.out)
    shard, shards = parse_shard(job)
    rows = shard_rows(len(items), job.window, shard, shards)
    with run_record(out.with_suffix(".run.json")) as record:
        device = resolve_device(job.device)
        if device != "cpu":  # on a CPU inference is deterministic as it is
            torch.use_deterministic_algorithms(True, warn_only=True)
        backbone = loaded.get(job, device)
        prompt = get_prompt(job.prompt, job.prompt_file)
        resolution = get_resolution(job.resolution)
        unreadable: dict[int, str] | None = {} if job.skip_unreadable else None
        planned = plan_items(
            backbone,
            items[rows.start : rows.stop],
            prompt,
            resolution,
            Path(job.image_root),
            job.max_tokens,
            job.items,
            first_row=rows.start,
            unreadable=unreadable,
        )
        blocks = None
        if job.partial:
            blocks = Blocks(Path(job.partial) / digest_of(job), job.save_seconds)
        vectors = encode(
            backbone,
            planned,
            resolution,
            job.token_budget,
            device,
            f"embed {Path(job.items).stem}, {job.prompt}",
            blocks,
            source=job.items,
            rows=rows,
            window=job.window,
            workers=job.workers,
            unreadable=unreadable,
            share_prefix=job.share_prefix,
            round_vectors=job.round_vectors,
            seconds=job.loader_seconds,
        )
        for row, why in sorted((unreadable or {}).items()):
            LOG.warning("%s: row %d skipped: %s", job.items, row, why)
        manifest = {
            **manifest_of(job, backbone),
            **rendered(backbone, job, items[0], planned),
            "items": len(items),
            "truncated_items": sum(one.truncated for one in planned),
            "skipped_items": len(unreadable or {}),
        }
        if shards > 1:
            manifest["shard"] = {"first_row": rows.start, "end_row": rows.stop}
        valid = np.ones(len(rows), dtype=bool)
        valid[[row - rows.start for row in unreadable or {}]] = False
        write_embeddings(out, vectors, valid)
        write_json(out.with_suffix(".json"), manifest)
        if blocks:
            blocks.remove()
            record["resumed_batches"] = blocks.resumed
        record["tokens"] = sum(one.tokens for one in planned)
        record["items"] = len(rows)


def main(argv: list[str] | None = None) -> int:
    def work(jobs: list[argparse.Namespace]) -> None:
        for job in jobs:  # everything that can be checked without the model, before it is loaded
            check_flags(job)
        items = [read_items(job.items, job.role) for job in jobs]
        loaded = Loaded()
        for job, of_job in zip(jobs, items, strict=True):
            embed(job, of_job, loaded)

    return run_program(build_parser(), work, argv)


if __name__ == "__main__":
    sys.exit(main())
