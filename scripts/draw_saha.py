"""Draw SaHa worked on one real anchor: the pool by rank, the owners by overlap, the cluster.

Paper: figure 2.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gen2embed.artifacts.ids import check_ids, whole_number
from gen2embed.artifacts.origin import SIDES
from gen2embed.command_line import run_each
from gen2embed.errors import InputError
from gen2embed.files import read_parquet
from gen2embed.outputs import add_output
from gen2embed.reporting.figures.inches import draw_item, sheet, write_fitted
from gen2embed.reporting.figures.style import style, write_figure
from gen2embed.reporting.figures.worked import (
    COLUMNS,
    NAMES,
    STATES,
    candidates_shown,
    caption,
    with_texts,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = dict(zip(STATES, ("black", "C0", "C5", "0.75", "white"), strict=True))
LINES = {"kept": "-", "discarded": (0, (4, 2))}
FACTS = ("k", "m", "cluster", "anchors", "query_id", "target_id", "false_discarded_of_all",
         "false_kept_of_all")  # fmt: skip
NUMBERS = ("rank", "target_cosine", "owner_query_id", "owner_cosine", "order", "false_negative")
WIDTH, EDGE, ROW, TOP = 7.1, 0.08, 0.3, 1.5  # inches
LEFT, BETWEEN, NUMBER, END = 0.34, 1.0, 0.36, 6.78
LETTER, WIDEST_LEFT = 0.062, 2.1  # of a text; what the left column may take


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="draw_saha", description=__doc__)
    add = parser.add_argument
    add("--worked", required=True, help="parquet of trace_anchor.py")
    add("--query-items", required=True, help="items parquet of the query side")
    add("--target-items", required=True, help="items parquet of the target side")
    add("--image-root", required=True, help="folder that the items' image paths start from")
    add_output(parser, "--out", help="folder for saha_worked.pdf, .png, .csv, .md")
    return parser


def draw_anchor(axes: Axes, query: pd.Series, target: pd.Series, root: Path) -> None:
    for top, name, item in ((0.1, "anchor query", query), (0.62, "its target", target)):
        write_fitted(axes, EDGE, top + 0.2, name, 1.0, fontsize=8, weight="bold")
        draw_item(axes, item, root, (1.05, top, 2.6, 0.42), lines=3, fontsize=7)


def draw_pool(axes: Axes, pool: pd.DataFrame) -> None:
    """A square for each target of the pool, by rank, and what the colours mean."""
    write_fitted(axes, 3.85, 0.16, f"the pool: {len(pool)} targets by rank", 3.0, fontsize=8,
                 weight="bold")  # fmt: skip
    side = min(0.15, 3.15 / max(1, len(pool)))
    for place, (state, false) in enumerate(zip(pool["state"], pool["false_negative"], strict=True)):
        left = 3.85 + place * side
        axes.fill_between([left, left + 0.85 * side], 0.3, 0.3 + 0.85 * 0.15, color=COLOURS[state],
                          ec="0.3", lw=0.5)  # fmt: skip
        if false:
            axes.plot(left + 0.42 * side, 0.54, "^", ms=4, color="black", mew=0)
    states_shown = [state for state in STATES if (pool["state"] == state).any()]
    for place, state in enumerate(states_shown):
        left, y = (3.85, 5.35)[place // 3], 0.68 + 0.14 * (place % 3)
        axes.plot(left + 0.05, y, "s", ms=5, color=COLOURS[state], mec="0.3", mew=0.5)
        write_fitted(axes, left + 0.15, y, NAMES[state], 1.55, fontsize=7)
    if pool["false_negative"].any():
        axes.plot(5.40, 0.96, "^", ms=4, color="black", mew=0)
        write_fitted(axes, 5.5, 0.96, "known false negative", 1.4, fontsize=7)


def draw_rows(axes: Axes, shown: pd.DataFrame, items: dict[str, pd.DataFrame], root: Path) -> None:
    """Targets in the order of retrieval, their owners in that of overlap, a line from one to the
    other. A text that all items of a side share is left out where they have images."""
    targets = items["target"].loc[shown["target_id"]]
    owners = items["query"].loc[shown["owner_query_id"]]
    shows_text, shows_text_of_owner = (
        side["text"].nunique() > 1 or (side["image_path"] == "").any() for side in (targets, owners)
    )
    letters = targets["text"].str.len().max() * shows_text
    wide = min(WIDEST_LEFT, LETTER * letters) + (ROW + 0.1) * (targets["image_path"] != "").any()
    score = LEFT + max(wide, 1.3) + NUMBER
    overlap = score + BETWEEN
    owner = overlap + NUMBER
    titles = ((LEFT, "candidates by hardness"), (overlap, "their owner queries by overlap"))
    for x, title in titles:
        write_fitted(axes, x, TOP - 0.14, title, 2.5, fontsize=8, weight="bold")
    middle = {"left": {}, "right": {}}
    for place, candidate in enumerate(shown.sort_values("rank").itertuples()):
        top = TOP + place * ROW
        middle["left"][candidate.rank] = top + ROW / 2
        write_fitted(axes, EDGE, top + ROW / 2, str(candidate.rank), 0.25, fontsize=7, color="0.3")
        box = (LEFT, top + 0.02, score - LEFT - NUMBER, ROW - 0.04)
        draw_item(
            axes, targets.loc[candidate.target_id], root, box, with_text=shows_text, fontsize=7
        )
        number = f"{candidate.target_cosine:.2f}"
        write_fitted(axes, score, top + ROW / 2, number, 0.4, fontsize=7, ha="right")
    by_overlap = shown.sort_values("order")
    for place, candidate in enumerate(by_overlap.itertuples()):
        top = TOP + place * ROW
        middle["right"][candidate.rank] = top + ROW / 2
        write_fitted(axes, overlap, top + ROW / 2, f"{candidate.owner_cosine:.2f}", 0.4, fontsize=7)
        box = (owner, top + 0.02, END - owner - 0.14, ROW - 0.04)
        item = items["query"].loc[candidate.owner_query_id]
        draw_item(axes, item, root, box, with_text=shows_text_of_owner, fontsize=7)
        if candidate.false_negative:
            axes.plot(END - 0.05, top + ROW / 2, "^", ms=5, color="black", mew=0)
    for candidate in shown.itertuples():
        ends = middle["left"][candidate.rank], middle["right"][candidate.rank]
        axes.plot(
            [score + 0.05, overlap - 0.05],
            ends,
            ls=LINES[candidate.state],
            lw=1.1,
            color=COLOURS[candidate.state],
        )
    bottom = TOP
    for state, name in (("kept", "kept: the cluster"), ("discarded", "discarded")):
        of_state = by_overlap[by_overlap["state"] == state]
        if len(of_state):
            top, bottom = bottom, bottom + len(of_state) * ROW
            axes.plot([END + 0.05] * 2, [top + 0.03, bottom - 0.03], lw=3, color=COLOURS[state],
                      solid_capstyle="butt")  # fmt: skip
            axes.text(END + 0.18, (top + bottom) / 2, name, rotation=270, ha="center",
                      va="center", fontsize=8, color=COLOURS[state])  # fmt: skip


def check_pool(
    job: argparse.Namespace, pool: pd.DataFrame, facts: dict[str, str],
    items: dict[str, pd.DataFrame],
) -> dict[str, int]:  # fmt: skip
    """The anchor's query and target. Raises InputError for an id or a state that there is not."""
    numbers = {name: whole_number(job.worked, facts, name) for name in FACTS}
    ids = {side: numbers[f"{side}_id"] for side in SIDES}
    wrong = [name for name in NUMBERS if pool[name].dtype.kind not in "iufb"]
    if wrong or "subset" not in facts or "known" not in facts:
        raise InputError(
            f"{job.worked}: {(wrong or ['a fact'])[0]} is not told; trace the anchor again"
        )
    owners = pool.loc[pool["owner_query_id"] >= 0, "owner_query_id"]
    of_pool = {"query": owners.to_numpy(), "target": pool["target_id"].to_numpy()}
    for side in SIDES:
        path, found = getattr(job, f"{side}_items"), np.append(of_pool[side], ids[side])
        check_ids(job.worked, f"{side}_id", found, path, len(items[side]))
    unknown = sorted(set(pool["state"]) - set(STATES))
    if unknown:
        raise InputError(f"{job.worked}: state {unknown[0]!r} is unknown; trace the anchor again")
    return ids


def draw(job: argparse.Namespace) -> None:
    pool, facts = read_parquet(job.worked, list(COLUMNS))
    columns = ["item_id", "text", "image_path"]
    items = {
        "query": read_parquet(job.query_items, columns)[0],
        "target": read_parquet(job.target_items, columns)[0],
    }
    root = Path(job.image_root)
    ids = check_pool(job, pool, facts, items) if len(pool) else {}
    with style():
        if pool.empty:
            figure, axes = sheet(WIDTH, 1.0)
            axes.text(WIDTH / 2, 0.5, "no such anchor was mined", ha="center", va="center")
        else:
            shown = candidates_shown(pool)
            figure, axes = sheet(WIDTH, TOP + ROW * len(shown) + 0.1)
            anchor = [items[side].loc[ids[side]] for side in SIDES]
            draw_anchor(axes, *anchor, root)
            draw_pool(axes, pool)
            draw_rows(axes, shown, items, root)
        write_figure(job.out, "saha_worked", figure, with_texts(pool, items), caption(pool, facts))


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), draw, argv)


if __name__ == "__main__":
    sys.exit(main())
