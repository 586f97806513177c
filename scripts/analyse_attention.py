"""Attention mass from the last token to system, image and user level, by layer and prompt."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy as np
import pandas as pd

from gen2embed.command_line import run_each
from gen2embed.evaluation.intervals import bootstrap_means, interval
from gen2embed.files import run_record, write_csv
from gen2embed.flag_types import whole
from gen2embed.models.analysis.common import (
    add_flags,
    batches_for,
    check_flags,
    load_eager,
    plan_for,
    spaced,
)
from gen2embed.prompts.items import Item, read_items
from gen2embed.prompts.markup import SEGMENTS, cut_off, join
from gen2embed.prompts.registry import ROLES, get_prompt

COLUMNS = ["prompt", "layer", "segment", "items", "tokens"]
MEASURES = ("total", "per_token")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="analyse_attention", description=__doc__)
    add_flags(parser)
    add = parser.add_argument
    add("--items", required=True, help="items parquet; of those with an image, if there are any")
    add("--role", default="query", choices=ROLES, help="role of items that name none themselves")
    add("--count", type=whole(), required=True, help="items, evenly spaced")
    return parser


def choose(job: argparse.Namespace) -> list[Item]:
    every = read_items(job.items, job.role)
    items = [item for item in every if item.image_path] or every
    return [items[position] for position in spaced(len(items), job.count)]


def summarise(prompt: str, mass: np.ndarray, counts: np.ndarray) -> pd.DataFrame:
    """Means over items with 95 % intervals; of segments that a prompt has not, none."""
    rows = []
    for position, segment in enumerate(SEGMENTS):
        seen = counts[:, position] > 0
        if not seen.any():
            continue
        total = mass[seen, :, position]
        measured = {"total": total, "per_token": total / counts[seen, position][:, None]}
        drawn = {name: bootstrap_means(values) for name, values in measured.items()}
        for layer in range(mass.shape[1]):
            row = [prompt, layer + 1, segment, seen.sum(), counts[seen, position].mean()]
            for name in MEASURES:
                row += [measured[name][:, layer].mean(), *interval(drawn[name][:, layer])]
            rows.append(row)
    columns = [f"{name}{end}" for name in MEASURES for end in ("", "_ci_low", "_ci_high")]
    return pd.DataFrame(rows, columns=[*COLUMNS, *columns]).round(9)


def analyse(job: argparse.Namespace) -> None:
    check_flags(job)
    items = choose(job)
    with run_record(Path(job.out).with_suffix(".run.json")):
        from gen2embed.models.analysis.attention_mass import attention_mass, token_segments
        from gen2embed.models.encoding.planning import fit

        backbone, device = load_eager(job)
        parts = []
        for name in job.prompts:
            prompt = get_prompt(name, job.prompt_file)
            planned = plan_for(backbone, job, name, items, job.items)
            segments = []
            for plan, item in zip(planned, items, strict=True):
                turn = backbone.turn(prompt, item.role, item.text, bool(item.image_path))
                text = cut_off(backbone.parts(prompt.systems[item.role], turn), len(plan.rendered))
                if join(text) != plan.rendered:  # the data set's text was cut, not the prompt's end
                    turn, _, _ = fit(
                        backbone, prompt.systems[item.role], turn, plan.image_size, job.max_tokens
                    )
                    text = backbone.parts(prompt.systems[item.role], turn)
                image = backbone.image_tokens(*plan.image_size) if item.image_path else 0
                segments.append(token_segments(backbone, text, image))
            planned = [replace(plan, row=row) for row, plan in enumerate(planned)]
            batches = batches_for(backbone, job, planned, device)
            parts.append(summarise(name, *attention_mass(backbone, batches, segments)))
        write_csv(job.out, pd.concat(parts, ignore_index=True))


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), analyse, argv)


if __name__ == "__main__":
    sys.exit(main())
