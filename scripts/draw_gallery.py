"""Draw a gallery: false negatives that HNS trains on, and what SaHa keeps for the same anchor; then
SaHa's own false negatives, and what HNS keeps.

Paper: figure 1.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from PIL import ImageOps

from gen2embed.artifacts.ids import check_ids, read_pairs
from gen2embed.artifacts.known_pairs import read_known
from gen2embed.artifacts.origin import SIDES, check_items, check_mined_from, check_strategy
from gen2embed.below import below
from gen2embed.command_line import run_each
from gen2embed.errors import InputError
from gen2embed.evaluation.negatives import label_negatives
from gen2embed.files import count_rows, digest_file, read_parquet
from gen2embed.flag_types import whole
from gen2embed.mining.clusters import read_clusters
from gen2embed.outputs import add_output
from gen2embed.prompts.images import load_rgb
from gen2embed.prompts.mark import without_mark
from gen2embed.prompts.resolutions import get_resolution
from gen2embed.reporting.figures.gallery import find_cases
from gen2embed.reporting.figures.style import style, write_figure
from gen2embed.study.layout import set_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = ("anchor query", "its annotated target", "false negative", "kept instead")
PICTURED, TEXT_ALONE = (
    0.75,
    0.4,
)  # height of a row's boxes by their width, with an image and without
BOX = 1.65  # inches: width of a box
NOTES = {PICTURED: 0.52, TEXT_ALONE: 0.4}  # inches below the boxes of a row
LETTERS, LINES = 25, 5  # of a text in its box


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="draw_gallery", description=__doc__)
    add = parser.add_argument
    add("--pairs", required=True, nargs="+", help="pairs parquet of each subset")
    add("--equivalences", required=True, nargs="+", help="further positives of each subset")
    add("--clusters", required=True, help="folder with <strategy>/<subset>.parquet")
    add("--strategy", required=True, help="whose false negatives are shown")
    add("--instead", required=True, help="strategy whose choice stands beside them")
    add("--query-items", required=True, help="items parquet of the query side")
    add("--target-items", required=True, help="items parquet of the target side")
    add("--image-root", required=True, help="folder that the items' image paths start from")
    add(
        "--rows",
        type=whole(),
        required=True,
        help="cases of each of the two strategies, at most; spread over the subsets",
    )
    add_output(parser, "--out", help="folder for gallery.pdf, .png, .csv, .md")
    return parser


def read_cases(job: argparse.Namespace, strategy: str, instead: str) -> list[dict]:
    """False negatives of ``strategy`` beside what ``instead`` kept, with the items they show.

    By turns from the subsets, hardest first.
    """
    by_subset = []
    for pairs_path, known_path in zip(job.pairs, job.equivalences, strict=True):
        query, target, metadata = read_pairs(pairs_path)
        known_ids = read_known(known_path, pairs_path, metadata)
        for side, path in zip(SIDES, (job.query_items, job.target_items), strict=True):
            check_items(pairs_path, metadata, side, digest_file(path), path)
            ids = query if side == SIDES[0] else target
            check_ids(pairs_path, f"{side}_id", ids, path, count_rows(path))
        subset = metadata.get("subset", Path(pairs_path).stem)
        tables = []
        for name in (strategy, instead):
            path = set_file(Path(job.clusters) / name, subset)
            table, mined_as = read_clusters(path, len(query))
            check_mined_from(path, mined_as, pairs_path, metadata, query, target)
            check_strategy(path, mined_as, name)
            labels = label_negatives(table, (query, target), known_ids)
            tables += [table, labels.false]
        cases = find_cases(*tables)
        by_subset.append(
            [
                {
                    "strategy": strategy,
                    "subset": subset,
                    **asdict(case),
                    "query_id": int(query[case.anchor]),
                    "target_id": int(target[case.anchor]),
                    "false_negative_id": int(target[case.false_negative]),
                    "kept_id": int(target[case.kept]),
                }
                for case in cases
            ]
        )
    turns = max(map(len, by_subset), default=0)
    mixed = [cases[turn] for turn in range(turns) for cases in by_subset if turn < len(cases)]
    return mixed[: job.rows]


def box_of(items: Sequence[pd.Series]) -> float:
    """Height of a row's boxes by their width: texts alone need less."""
    return PICTURED if any(item["image_path"] for item in items) else TEXT_ALONE


def draw_item(
    axes: Axes, item: pd.Series, root: Path, note: str, edge: str, box: float = PICTURED
) -> None:
    text = without_mark(item["text"])
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.set_box_aspect(box)
    for spine in axes.spines.values():
        spine.set(visible=True, color=edge, linewidth=1.6)
    if item["image_path"]:
        image = load_rgb(below(root, item["image_path"]), get_resolution("native"))
        wide = max(image.width, round(image.height / box))
        padded = ImageOps.pad(image, (wide, round(wide * box)), color="white")  # whole, undistorted
        axes.imshow(padded, aspect="auto")
        notes = [*textwrap.wrap(text, 28)[:2], note]
    else:
        shown = "\n".join(textwrap.wrap(text, LETTERS, max_lines=LINES, placeholder=" ..."))
        axes.text(0.5, 0.5, shown, ha="center", va="center", fontsize=7, transform=axes.transAxes)
        notes = [note]
    axes.set_xlabel("\n".join(filter(None, notes)), fontsize=7)


def draw(job: argparse.Namespace) -> None:
    from matplotlib.figure import Figure

    if len(job.pairs) != len(job.equivalences):
        raise InputError("--equivalences: give one file for each of --pairs, in their order")
    orders = ((job.strategy, job.instead), (job.instead, job.strategy))
    by_strategy = {of: read_cases(job, of, other) for of, other in orders}
    cases = [case for of_strategy in by_strategy.values() for case in of_strategy]
    other_of = dict(orders)
    columns = ["item_id", "text", "image_path"]
    queries, _ = read_parquet(job.query_items, columns)
    targets, _ = read_parquet(job.target_items, columns)
    root = Path(job.image_root)
    caption = (
        "False negatives in training: targets that a strategy mined as negatives although they are "
        "known to be right for the anchor query, and the hardest negative that the other strategy "
        "kept for the same anchor. Below each: its strategy, hardness and overlap. "
        f"{' and '.join(f'{len(found)} of {name}' for name, found in by_strategy.items())}, the "
        "hardest of each subset by turns; chosen by rule, not by hand. How many there are of "
        "either: table mining."
    )
    with style():
        shown = [
            (
                queries.loc[case["query_id"]],
                *(targets.loc[case[key]] for key in ("target_id", "false_negative_id", "kept_id")),
            )
            for case in cases
        ]
        boxes = [box_of(items) for items in shown] or [PICTURED]
        heights = [BOX * box + NOTES[box] for box in boxes]
        figure = Figure(figsize=(7.0, sum(heights) + 0.3), layout="constrained")
        if not cases:
            figure.text(0.5, 0.5, "no such case was mined", ha="center")
        grid = figure.subplots(
            len(boxes), len(COLUMNS), squeeze=False, gridspec_kw={"height_ratios": heights}
        )
        for row, case, items, box in zip(grid, cases, shown, boxes, strict=False):
            notes = (
                case["subset"],
                "",
                f"{case['strategy']}: hardness {case['hardness']:.2f},\n"
                f"overlap {case['overlap']:.2f}",
                f"{other_of[case['strategy']]}: hardness {case['kept_hardness']:.2f},\n"
                f"overlap {case['kept_overlap']:.2f}",
            )
            edges = ("0.6", "C2", "C5", "C0")
            for axes, item, note, edge in zip(row, items, notes, edges, strict=True):
                draw_item(axes, item, root, note, edge, box)
        for axes, title in zip(grid[0], COLUMNS, strict=True):
            axes.set_title(title)
            if not cases:
                axes.set_axis_off()
        write_figure(job.out, "gallery", figure, pd.DataFrame(cases).round(6), caption)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), draw, argv)


if __name__ == "__main__":
    sys.exit(main())
