"""Compare two ways to embed the same items step by step: where they part, and what it costs."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy as np

from gen2embed.artifacts.ids import check_rows, read_rows
from gen2embed.command_line import run_each
from gen2embed.errors import InputError
from gen2embed.files import write_json
from gen2embed.flag_types import whole
from gen2embed.outputs import add_output
from gen2embed.prompts.items import read_items
from gen2embed.prompts.registry import get_prompt
from gen2embed.prompts.resolutions import get_resolution

READERS = ("gen2embed", "sentence-transformers", "vectors")
SIDES = ("first", "second")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="compare_embedders", description=__doc__)
    add = parser.add_argument
    for side in SIDES:
        add(f"--{side}", required=True, help="model folder; of vectors the queries' .npy")
        add(f"--{side}-reader", choices=READERS, default="gen2embed", help="who reads it")
        add(f"--{side}-targets", help="of vectors: the targets' .npy")
        add(f"--{side}-adapter", help="PEFT folder, of gen2embed")
        add(f"--{side}-prompt", default="hierarchical", help="name in the registry, of gen2embed")
        add(f"--{side}-resolution", default="native", help="of images")
        add(f"--{side}-dtype", default="fp32", choices=("fp32", "bf16"), help="of gen2embed")
    add("--max-tokens", type=whole(), default=2048, help="of gen2embed's prompts")
    add("--queries", required=True, help="items parquet, embedded in the query role")
    add("--targets", help="items parquet, embedded in the target role")
    add("--rows", help="evaluation rows of these items: Precision@1 of either way")
    add("--image-root", required=True, help="folder that the items' image paths start from")
    add(
        "--limit",
        type=whole(),
        default=32,
        help="first items of each file; with rows all are taken",
    )
    add_output(parser, "--out", ".json", help="what was found")
    return parser


def way_of(job: argparse.Namespace, side: str, role: str, made: dict[str, Any]) -> Any:
    """One way to embed; models are loaded once."""
    from gen2embed.models.backbones import load_backbone
    from gen2embed.models.comparison.ways import Own, SentenceTransformers, Vectors
    from gen2embed.models.folders.adapters import check_model
    from gen2embed.models.pixel_limits import limits_of_folder

    flags = {key: getattr(job, f"{side}_{key}") for key in
            ("reader", "targets", "adapter", "prompt", "resolution", "dtype")}  # fmt: skip
    model = getattr(job, side)
    if flags["reader"] == "vectors":
        if role == "target" and not flags["targets"]:
            raise InputError(f"--{side} {model}: vectors of targets are wanted: --{side}-targets")
        return Vectors(model if role == "query" else flags["targets"])
    if side not in made:
        size = get_resolution(flags["resolution"])
        if flags["reader"] == "sentence-transformers":
            made[side] = SentenceTransformers(model, size)
        else:
            prompt = get_prompt(flags["prompt"])
            limits = limits_of_folder(flags["adapter"])
            backbone = load_backbone(model, None, flags["dtype"], "cpu", limits=limits)
            if flags["adapter"]:
                check_model(model, flags["adapter"], lambda _: None)
                backbone.load_adapter(flags["adapter"])
            made[side] = Own(backbone, prompt, size, job.max_tokens)
    return made[side]


def compare(job: argparse.Namespace) -> None:
    from gen2embed.models.comparison.costs import costs, hits_of
    from gen2embed.models.comparison.trace import first_difference, summary

    if job.rows and not job.targets:
        raise InputError("--rows: needs --targets, too")
    asked = [("query", job.queries), *([("target", job.targets)] if job.targets else [])]
    items = {role: read_items(path, role) for role, path in asked}
    rows = read_rows(job.rows) if job.rows else None
    if rows is not None:
        check_rows(job.rows, rows, {role: (path, len(items[role])) for role, path in asked})
    made: dict[str, Any] = {}
    traced: dict[str, Any] = {}
    found: dict[str, Any] = {}
    for role, path in asked:
        asked_items = items[role] if job.rows else items[role][: job.limit]
        traced[role] = tuple(
            way_of(job, side, role, made).traces(asked_items, Path(job.image_root), path)
            for side in SIDES
        )
        steps = summary(*traced[role])
        agree = [first_difference(*pair) for pair in zip(*traced[role], strict=True)].count(None)
        found[role] = {"items": len(asked_items), "agree": agree, "steps": steps}
        print(f"{path}: {agree} of {len(asked_items)} items agree to the end")
        for step in steps:
            print(
                f"  {step['items']} part at: {step['meaning']}; cosine {step['mean_cosine']:.4f} "
                f"in the mean, {step['least_cosine']:.4f} at least"
            )
    found["costs"] = costs(traced, rows)
    if rows is not None:
        vectors = [
            [np.stack([trace.vector for trace in traced[role][side]]) for role in traced]
            for side in range(len(SIDES))
        ]
        scores = [float(hits_of(rows, *pair).mean()) for pair in vectors]
        found["precision_at_1"] = dict(zip(SIDES, scores, strict=True))
        print("Precision@1: {:.4f} (first), {:.4f} (second)".format(*scores))
        for step in found["costs"]:
            cost = "not known: the widths differ"
            if step["cost"] is not None:
                cost = f"{step['cost']:.4f} (95 %: {step['ci_low']:.4f} to {step['ci_high']:.4f})"
            print(f"  {step['meaning']}: costs {cost}")
    write_json(job.out, found)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), compare, argv)


if __name__ == "__main__":
    sys.exit(main())
