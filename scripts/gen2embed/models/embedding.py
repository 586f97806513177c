"""One embedding job: what it is told resolved once, its vectors made, its manifest written."""

from __future__ import annotations

import argparse
import logging
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gen2embed.artifacts.embedding_files import checksums
from gen2embed.errors import InputError
from gen2embed.files import (
    digest_facts,
    digest_file,
    digest_folder,
    digest_small_files,
    package_versions,
    run_record,
    write_embeddings,
    write_json,
)
from gen2embed.machine.state_lock import only_one
from gen2embed.models.encoding.shards import shard_rows
from gen2embed.models.folders.adapters import check_form, check_model, trained_on
from gen2embed.models.folders.released import named
from gen2embed.models.pixel_limits import PixelLimits, limits_of_job
from gen2embed.outputs import check_room
from gen2embed.program_code import digest_of_program
from gen2embed.prompts.input_form import InputForm, form_facts, form_of
from gen2embed.prompts.items import Item, Items, digest_of_images
from gen2embed.prompts.registry import ROLES, Prompt, get_prompt
from gen2embed.prompts.resolutions import Resolution, get_resolution

if TYPE_CHECKING:
    from gen2embed.models.encoding.blocks import Blocks

LOG = logging.getLogger("gen2embed.embed_items")
PACKAGES = ("torch", "transformers", "tokenizers", "pillow")  # that decide the vectors
IRRELEVANT = ("out", "partial", "save_seconds", "workers", "loader_seconds")  # to the vectors


@dataclass(frozen=True)
class Embedding:
    """flags: those of embed_items.py; what they name is looked up here, and nowhere again."""

    flags: argparse.Namespace
    prompt: Prompt
    resolution: Resolution
    form: InputForm
    limits: PixelLimits
    shard: int
    shards: int
    folders: dict[str, str | None]  # digests of weights by folder, shared by a list of jobs

    @classmethod
    def of(cls, flags: argparse.Namespace, folders: dict[str, str | None]) -> Embedding:
        """Everything that can be checked without items and model. Raises InputError."""
        shard, shards = _shard(flags)
        return cls(
            flags,
            get_prompt(flags.prompt, flags.prompt_file or None),
            get_resolution(flags.resolution),
            _form(flags),
            limits_of_job(flags, flags.adapter),
            shard,
            shards,
            folders,
        )

    def digest_of(self, folder: str | None) -> str | None:
        """Of a folder's weights, which are read once in a list of jobs; see ``digest_folder``."""
        key = str(folder)
        if key not in self.folders:
            self.folders[key] = digest_folder(folder)
        return self.folders[key]

    @cached_property
    def items_digest(self) -> str:
        return digest_file(self.flags.items)

    def digest(self, items: Items) -> str:
        """Of everything that determines the vectors: flags, files, images, code, versions."""
        facts = {key: value for key, value in vars(self.flags).items() if key not in IRRELEVANT}
        facts["items_digest"] = self.items_digest
        facts["model_digest"] = self.digest_of(self.flags.model)
        facts["adapter_digest"] = self.digest_of(self.flags.adapter)
        facts["small_files"] = [
            digest_small_files(folder)
            for folder in (self.flags.model, self.flags.adapter)
            if folder
        ]
        facts["images"] = digest_of_images(self.flags.image_root, items)
        facts["code"] = digest_of_program("embed_items.py")
        facts["prompt_text"] = repr(self.prompt)
        facts["resolution_text"] = self.resolution
        facts["versions"] = package_versions(*PACKAGES)
        return digest_facts(facts)

    def manifest(self, backbone: Any) -> dict[str, Any]:
        """What the vectors were made with, but for what depends on the items."""
        flags = self.flags
        model, revision = named(flags.model, flags.revision)
        return {
            "model": model,
            "model_digest": self.digest_of(flags.model),
            "revision": revision,
            "adapter": flags.adapter,
            "adapter_digest": self.digest_of(flags.adapter),
            "trained_on": trained_on(flags.adapter),
            "backbone": backbone.name,
            "prompt": flags.prompt,
            "role": flags.role,
            "input": form_facts(backbone.form),
            "pixel_limits": backbone.pixel_limits(),
            "round_vectors": flags.round_vectors,
            "resolution": {"name": flags.resolution, **self.resolution},
            "max_tokens": flags.max_tokens,
            "dtype": flags.dtype,
            "items_digest": self.items_digest,
            "dim": backbone.dim,
            "versions": package_versions(*PACKAGES),
        }

    def examples(self, backbone: Any, item: Item, planned: list[Any]) -> dict[str, str | None]:
        """Full prompts for the manifest: the first item in either role, the first of each kind."""
        has_image = bool(item.image_path)
        turns = {role: backbone.turn(self.prompt, role, item.text, has_image) for role in ROLES}
        with_image = (plan.rendered for plan in planned if plan.image)
        text_only = (plan.rendered for plan in planned if not plan.image)
        return {
            **{
                f"rendered_{role}": backbone.render(self.prompt.systems[role], turn)
                for role, turn in turns.items()
            },
            "rendered_example": next(with_image, None),
            "rendered_example_text_only": next(text_only, None),
        }


def _shard(flags: argparse.Namespace) -> tuple[int, int]:
    """``--shard I/N`` as two numbers."""
    try:
        shard, shards = map(int, flags.shard.split("/"))
    except ValueError:
        raise InputError(f"--shard {flags.shard}: give I/N, such as 1/4") from None
    shard_rows(0, flags.window, shard, shards)  # says what is wrong with them
    return shard, shards


def _form(flags: argparse.Namespace) -> InputForm:
    """The form of the inputs; Raises InputError for an adapter that was trained under another."""
    form = form_of(flags)
    if flags.vision_wrapper is not None:
        wanted = "stock" if flags.vision_wrapper else "authors"
        if not flags.vision_wrapper and form.form == "stock":
            form = replace(form, form=wanted)
        elif form.form != wanted:
            raise InputError(
                f"--vision-wrapper does not go with --input-form {form.form}; leave it out"
            )
    check_form(form, flags.adapter, f"{flags.items}, to be embedded,")
    return form


class Loaded:
    """The model last asked for, so that a job list loads it once."""

    key: tuple | None = None
    backbone: Any = None

    def get(self, job: Embedding, device: str) -> Any:
        from gen2embed.models.backbones import load_backbone

        flags = job.flags
        key = (flags.model, flags.revision, flags.adapter, flags.merge, flags.dtype, device)
        if (*key, job.limits) != self.key:
            self.backbone = load_backbone(
                flags.model, flags.revision, flags.dtype, device, limits=job.limits
            )
            if flags.adapter is not None:
                check_model(flags.model, flags.adapter, job.digest_of)
                self.backbone.load_adapter(flags.adapter, flags.merge)
            self.key = (*key, job.limits)
        self.backbone.form = job.form
        return self.backbone


def embed(job: Embedding, items: Items, loaded: Loaded) -> Blocks | None:
    """Vectors, manifest and record of one job; see docs/data_dictionary.md.

    The blocks, all written, which whoever has a list of jobs removes when all of them are done: a
    killed list loses its finished files with Snakemake, which deletes them.
    """
    import torch

    from gen2embed.models.device import resolve_device
    from gen2embed.models.encoding.blocks import Blocks
    from gen2embed.models.encoding.encoder import encode, plan_items

    flags = job.flags
    if flags.threads:
        torch.set_num_threads(flags.threads)
    out = Path(flags.out)
    rows = shard_rows(len(items), flags.window, job.shard, job.shards)
    with run_record(out.with_suffix(".run.json")) as record:
        device = resolve_device(flags.device)
        if device != "cpu":  # on a CPU inference is deterministic as it is
            torch.use_deterministic_algorithms(True, warn_only=True)
        backbone = loaded.get(job, device)
        check_room(out.parent, 2 * 4 * len(rows) * backbone.dim, f"{len(rows)} vectors")
        unreadable: dict[int, str] | None = {} if flags.skip_unreadable else None
        planned = plan_items(
            backbone,
            items[rows.start : rows.stop],
            job.prompt,
            job.resolution,
            Path(flags.image_root),
            flags.max_tokens,
            flags.items,
            first_row=rows.start,
            unreadable=unreadable,
        )
        states = Path(flags.partial) / job.digest(items) if flags.partial else None
        blocks = Blocks(states, flags.save_seconds) if states else None
        with only_one(states) if states else nullcontext():
            vectors = encode(
                backbone,
                planned,
                job.resolution,
                flags.token_budget,
                device,
                f"embed {Path(flags.items).stem}, {flags.prompt}",
                blocks,
                source=flags.items,
                rows=rows,
                window=flags.window,
                workers=flags.workers,
                unreadable=unreadable,
                share_prefix=flags.share_prefix,
                round_vectors=flags.round_vectors,
                seconds=flags.loader_seconds,
            )
            if blocks:
                blocks.flush()
        for row, why in sorted((unreadable or {}).items()):
            LOG.warning("%s: row %d skipped: %s", flags.items, row, why)
        manifest = {
            **job.manifest(backbone),
            **job.examples(backbone, items[0], planned),
            "items": len(items),
            "truncated_items": sum(plan.truncated for plan in planned),
            "skipped_items": len(unreadable or {}),
        }
        if job.shards > 1:
            manifest["shard"] = {"first_row": rows.start, "end_row": rows.stop}
        valid = np.ones(len(rows), dtype=bool)
        valid[[row - rows.start for row in unreadable or {}]] = False
        write_embeddings(out, vectors, valid)
        write_json(out.with_suffix(".json"), manifest | checksums(out))
        if blocks:
            record["resumed_batches"] = blocks.resumed
        record["tokens"] = sum(plan.tokens for plan in planned)
        record["items"] = len(rows)
    return blocks
