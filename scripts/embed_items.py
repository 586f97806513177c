"""Embed items (texts, images) with a multimodal LLM under a named prompt: unit vectors as npy."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from gen2embed.files import (
    digest_file,
    digest_folder,
    package_versions,
    run_record,
    write_json,
    write_npy,
)
from gen2embed.models.items import Item, read_items
from gen2embed.models.prompts import ROLES, get_prompt
from gen2embed.models.resolutions import get_resolution
from gen2embed.program import run_program


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="embed_items", description=__doc__)
    add = parser.add_argument
    add("--model", required=True, help="model folder or hub id")
    add("--revision", help="revision of a hub model (a commit)")
    add("--adapter", help="PEFT folder of a fine-tuned adapter")
    add("--prompt", required=True, help="name in the prompt registry")
    add("--prompt-file", help="YAML file with further prompts")
    add("--role", required=True, choices=ROLES, help="role of the items that name none themselves")
    add("--items", required=True, help="items parquet (docs/data_dictionary.md)")
    add("--image-root", required=True, help="folder that the items' image paths start from")
    add("--resolution", default="native", help="name in the resolution registry")
    add("--max-tokens", type=int, default=2048, help="longest prompt in tokens, image included")
    add("--token-budget", type=int, default=16384, help="padded tokens per forward pass")
    add("--dtype", default="fp32", choices=("fp32", "bf16"), help="precision of the weights")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:1, ...")
    add("--threads", type=int, help="CPU threads (default: torch's choice)")
    add("--partial", help="folder for blocks to resume from; none: an interrupted run starts anew")
    add("--save-seconds", type=float, default=10.0, help="seconds between blocks to resume from")
    add("--out", required=True, help="embeddings .npy; manifest beside it as .json")
    return parser


def digest_of(job: argparse.Namespace) -> str:
    """Of everything that determines the vectors: flags, files, library versions."""
    irrelevant = ("out", "partial", "save_seconds")
    told = {key: value for key, value in vars(job).items() if key not in irrelevant}
    told["items_digest"] = digest_file(job.items)
    told["model_digest"] = digest_folder(job.model)
    told["adapter_digest"] = digest_folder(job.adapter)
    told["prompt_text"] = repr(get_prompt(job.prompt, job.prompt_file))
    told["resolution_text"] = get_resolution(job.resolution)
    told["versions"] = package_versions("torch", "transformers", "tokenizers", "pillow")
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]


class Loaded:
    """The model last asked for, so that a job list loads it once."""

    key: tuple | None = None
    backbone: Any = None

    def get(self, job: argparse.Namespace, device: str) -> Any:
        from gen2embed.models.backbones import load_backbone

        key = (job.model, job.revision, job.adapter, job.dtype, device)
        if key != self.key:
            self.backbone = load_backbone(job.model, job.revision, job.dtype, device)
            if job.adapter is not None:
                self.backbone.load_adapter(job.adapter)
            self.key = key
        return self.backbone


def example(planned: list[Any], with_image: bool) -> str | None:
    """The first rendered prompt with (or without) an image, for the manifest."""
    return next((one.rendered for one in planned if bool(one.image) == with_image), None)


def embed(job: argparse.Namespace, items: list[Item], loaded: Loaded) -> None:
    import torch

    from gen2embed.models.device import resolve_device
    from gen2embed.models.encoder import encode, plan_items
    from gen2embed.models.partial import Blocks

    if job.threads:
        torch.set_num_threads(job.threads)
    out = Path(job.out)
    with run_record(out.with_suffix(".run.json")) as record:
        device = resolve_device(job.device)
        if device != "cpu":  # on a CPU inference is deterministic as it is
            torch.use_deterministic_algorithms(True, warn_only=True)
        backbone = loaded.get(job, device)
        prompt = get_prompt(job.prompt, job.prompt_file)
        resolution = get_resolution(job.resolution)
        planned = plan_items(
            backbone, items, prompt, resolution, Path(job.image_root), job.max_tokens, job.items
        )
        what = f"embed {Path(job.items).stem}, {job.prompt}"
        blocks = None
        if job.partial:
            blocks = Blocks(Path(job.partial) / digest_of(job), job.save_seconds)
        vectors = encode(backbone, planned, resolution, job.token_budget, device, what, blocks)
        manifest = {
            "model": job.model,
            "model_digest": digest_folder(job.model),
            "revision": job.revision,
            "adapter": job.adapter,
            "adapter_digest": digest_folder(job.adapter),
            "backbone": backbone.name,
            "prompt": job.prompt,
            "role": job.role,
            "rendered_example": example(planned, True),
            "rendered_example_text_only": example(planned, False),
            "resolution": {"name": job.resolution, **resolution},
            "max_tokens": job.max_tokens,
            "truncated_items": sum(one.truncated for one in planned),
            "skipped_items": 0,
            "dtype": job.dtype,
            "items": len(items),
            "items_digest": digest_file(job.items),
            "dim": int(vectors.shape[1]),
            "versions": package_versions("torch", "transformers", "tokenizers", "pillow"),
        }
        write_npy(out, vectors)
        write_json(out.with_suffix(".json"), manifest)
        if blocks:
            blocks.remove()
            record["resumed_batches"] = blocks.resumed
        record["tokens"] = sum(one.tokens for one in planned)
        record["items"] = len(items)


def main(argv: list[str] | None = None) -> int:
    def work(jobs: list[argparse.Namespace]) -> None:
        for job in jobs:  # everything that can be checked without the model, before it is loaded
            get_prompt(job.prompt, job.prompt_file)
            get_resolution(job.resolution)
        items = [read_items(job.items, job.role) for job in jobs]
        loaded = Loaded()
        for job, of_job in zip(jobs, items, strict=True):
            embed(job, of_job, loaded)

    return run_program(build_parser(), work, argv)


if __name__ == "__main__":
    sys.exit(main())
