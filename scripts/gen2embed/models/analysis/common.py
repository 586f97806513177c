"""What the analysis programs share: flags of a model under several prompts, eager attention."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gen2embed.errors import InputError
from gen2embed.files import digest_folder
from gen2embed.models import pixel_limits
from gen2embed.models.folders.adapters import check_form, check_model
from gen2embed.models.pixel_limits import limits_of_job
from gen2embed.outputs import add_output
from gen2embed.prompts import input_form
from gen2embed.prompts.input_form import form_of
from gen2embed.prompts.registry import get_prompt
from gen2embed.prompts.resolutions import get_resolution
from gen2embed.settings import add_settings

if TYPE_CHECKING:
    from gen2embed.models.backbones.base import Backbone
    from gen2embed.models.encoding.planning import Planned
    from gen2embed.prompts.items import Item


def add_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--model", required=True, help="model folder or hub id")
    add("--revision", help="revision of a hub model (a commit)")
    add("--adapter", help="PEFT folder of a fine-tuned adapter")
    add("--prompts", required=True, nargs="+", help="names in the prompt registry")
    add("--prompt-file", help="YAML file with further prompts")
    add("--image-root", required=True, help="folder that the items' image paths start from")
    input_form.add_flags(parser)
    pixel_limits.add_flags(parser)
    add_settings(parser, "embed", ("resolution", "max_tokens", "dtype", "threads"))
    add_settings(
        parser, "figures", ["analysis_token_budget"], {"analysis_token_budget": "--token-budget"}
    )
    add("--device", default="auto", help="auto, cpu, cuda, ...")
    add_output(parser, "--out", ".csv", help="CSV")


def check_flags(job: argparse.Namespace) -> None:
    """What can be checked before the model is loaded."""
    get_resolution(job.resolution)
    check_form(form_of(job), job.adapter, "this analysis")
    limits_of_job(job, job.adapter)
    for name in job.prompts:
        get_prompt(name, job.prompt_file)


def load_eager(job: argparse.Namespace) -> tuple[Backbone, str]:
    """The backbone with eager attention (whose weights can be looked at), and its device."""
    import torch

    from gen2embed.models.backbones import load_backbone
    from gen2embed.models.device import resolve_device

    if job.threads:
        torch.set_num_threads(job.threads)
    device = resolve_device(job.device)
    limits = limits_of_job(job, job.adapter)
    backbone = load_backbone(
        job.model, job.revision, job.dtype, device, "eager", form_of(job), limits
    )
    if job.adapter is not None:
        check_model(job.model, job.adapter, digest_folder)
        backbone.load_adapter(job.adapter)
    return backbone, device


def plan_for(
    backbone: Backbone, job: argparse.Namespace, prompt: str, items: Sequence[Item], source: str
) -> list[Planned]:
    """The items under one of the job's prompts."""
    from gen2embed.models.encoding.planning import plan_items

    return plan_items(
        backbone,
        items,
        get_prompt(prompt, job.prompt_file),
        get_resolution(job.resolution),
        Path(job.image_root),
        job.max_tokens,
        source,
    )


def batches_for(
    backbone: Backbone, job: argparse.Namespace, planned: Sequence[Planned], device: str
) -> Iterator[tuple[list[int], dict[str, Any]]]:
    """(rows, model inputs on the device) of every batch."""
    from gen2embed.models.encoding.batching import batches_by_tokens
    from gen2embed.models.encoding.loading import load_batches

    batches = batches_by_tokens(planned, job.token_budget)
    size = get_resolution(job.resolution)
    for rows, inputs, broken in load_batches(batches, backbone, size, 0, device):
        if broken:
            raise InputError(f"item {broken[0][0]}: {broken[0][1]}")
        yield rows, inputs


def spaced(n: int, count: int) -> np.ndarray:
    """At most ``count`` of the places 0 to n - 1, evenly spaced, in order."""
    return np.unique(np.linspace(0, n - 1, min(n, count)).round().astype(np.int64))
