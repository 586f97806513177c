"""Plot mined negatives: hardness against overlap, and true false-negative rate by hardness.

Paper: figure 5.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from gen2embed.artifacts.ids import read_pairs
from gen2embed.artifacts.origin import check_mined_from, check_strategy
from gen2embed.command_line import run_each
from gen2embed.mining.clusters import read_clusters
from gen2embed.outputs import add_output
from gen2embed.reporting.captions import dropped_in_files
from gen2embed.reporting.false_negatives import EQUAL_HARDNESS, rate_sentence, tasks
from gen2embed.reporting.figures.charts import draw_lines
from gen2embed.reporting.figures.hardness import (
    ALL,
    FEW,
    SHARES,
    draw_hardness,
    summarise,
    with_rates,
)
from gen2embed.reporting.figures.style import style, write_figure
from gen2embed.reporting.results import read_register
from gen2embed.reporting.tables.mining_statistics import read_rates
from gen2embed.study.layout import set_file

RATE_COLUMNS = [
    *("subset", "strategy", "hardness", "low", "high", "negatives", "false_negatives"),
    *("value", "ci_low", "ci_high"),
]
COLUMNS = 3  # panels side by side, of the rates
TIMES_THE_HIGHEST = 2.5  # rate is as far as the axis goes: wide intervals do not flatten the lines


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="plot_mining", description=__doc__)
    add = parser.add_argument
    add("--pairs", required=True, nargs="+", help="pairs parquet of each subset")
    add("--clusters", required=True, help="folder with <strategy>/<subset>.parquet")
    add("--strategies", required=True, nargs="+", help="strategies to draw, in the legend's order")
    add("--rates", help="report of measure_false_negatives.py on all subsets; none: a figure less")
    add("--register", required=True, help="datasets.csv of the benchmark: the meta-tasks")
    add_output(parser, "--out", help="folder of the two figures")
    return parser


def read_negatives(job: argparse.Namespace) -> pd.DataFrame:
    """All mined negatives: strategy, subset, meta_task, cluster (numbered over subsets), hardness,
    overlap."""
    register = read_register(job.register)
    task_of = register[register["part"] == "train"].set_index("name")["meta_task"]
    parts = []
    for strategy in job.strategies:
        start = 0
        for path in job.pairs:
            *ids, metadata = read_pairs(path)
            subset = metadata.get("subset", Path(path).stem)
            mined = set_file(Path(job.clusters) / strategy, subset)
            table, mined_as = read_clusters(mined, len(ids[0]), further=True)
            check_mined_from(mined, mined_as, path, metadata, *ids)
            check_strategy(mined, mined_as, strategy)
            cluster = start + np.repeat(np.arange(len(table)), table.negatives)
            start += len(table)
            facts = {"cluster": cluster, "hardness": table.hardness, "overlap": table.overlap}
            parts.append(pd.DataFrame(facts).assign(strategy=strategy, subset=subset))
            parts[-1]["meta_task"] = task_of.get(subset, "")
    return pd.concat(parts, ignore_index=True)


def plot_overlap(job: argparse.Namespace, frame: pd.DataFrame) -> None:
    report = read_rates(job.rates, job.strategies) if job.rates else None
    summary = with_rates(summarise(frame), report)
    numbers = "; ".join(
        f"{row.strategy}: hardness {row.hardness:.3f} [{row.hardness_low:.3f}, "
        f"{row.hardness_high:.3f}], overlap {row.overlap:.3f} [{row.overlap_low:.3f}, "
        f"{row.overlap_high:.3f}] ({row.negatives} negatives)"
        for row in summary[summary["meta_task"] == ALL].itertuples()
    )
    known = (
        f" True false negatives (right): {rate_sentence(report, job.strategies)} {EQUAL_HARDNESS}"
        if report
        else " Whether it means fewer false negatives is not known."
    )
    caption = (
        "Hardness (cosine of anchor query and negative target) against overlap (cosine of anchor "
        "query and the query that owns the negative) of mined negatives, with zero-shot vectors. "
        "Contours: the densest region with half of a strategy's negatives (thick), with "
        f"{SHARES[0]:.0%} (thin, of at most {FEW} strategies); marks: means; bars: quartiles; "
        "below by meta-task. Means over all "
        f"negatives, 95 % bootstrap intervals over clusters: {numbers}. Lower overlap is "
        f"what SaHa selects for.{known}{dropped_in_files(job.pairs, 'before mining')}"
    )
    figure = draw_hardness(frame, summary, job.strategies)
    write_figure(job.out, "hardness_overlap", figure, summary, caption)


def plot_rates(job: argparse.Namespace) -> None:
    """A panel for each subset in which a negative can be false: hardness is one subset's own."""
    from matplotlib.figure import Figure

    report = read_rates(job.rates, job.strategies)
    drawn = tasks(report)
    rows = []
    for task, of_task in drawn.items():
        for strategy in job.strategies:
            for bin_rate in of_task["strategies"][strategy]["by_hardness"]:
                middle = (bin_rate["low"] + bin_rate["high"]) / 2
                facts = {"subset": task, "strategy": strategy, "hardness": middle}
                rows.append({**facts, **bin_rate, "value": bin_rate["rate"]})
    frame = pd.DataFrame(rows, columns=RATE_COLUMNS)
    caption = (
        "True false-negative rate of mined negatives by hardness: share that is known to be as "
        "right as the annotated target, in ten bins of a training subset's hardness (bands: 95 % "
        "bootstrap interval over clusters, Wilson's at 0, cut above), for the subsets in which a "
        "negative can be false. "
        f"{rate_sentence(report, job.strategies)} {EQUAL_HARDNESS}"
        f"{dropped_in_files(job.pairs, 'before mining')}"
    )
    columns = min(COLUMNS, max(1, len(drawn)))
    rows = -(-max(1, len(drawn)) // columns)
    figure = Figure(
        figsize=(max(3.4, 7.1 * columns / COLUMNS), 2.3 * rows + 0.6), layout="constrained"
    )
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
    for axes, task in zip(panels, drawn, strict=False):
        of_task = frame[frame["subset"] == task]
        # the axis reaches over every value, so that marks on the frame may be whole
        draw_lines(axes, of_task, "strategy", job.strategies, "hardness", clipped=False)
        axes.set_title(task)
        axes.set_xlabel("hardness")
    for axes in panels[len(drawn) :]:
        axes.set_axis_off()
    highest = 100 * frame["value"].max()
    panels[0].set_ylim(0, min(100, TIMES_THE_HIGHEST * highest) if highest > 0 else None)
    for axes in panels[::columns]:
        axes.set_ylabel("true false negatives (%)")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    write_figure(job.out, "false_negative_rate", figure, frame, caption)


def plot(job: argparse.Namespace) -> None:
    frame = read_negatives(job)
    with style():
        plot_overlap(job, frame)
        if job.rates:
            plot_rates(job)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), plot, argv)


if __name__ == "__main__":
    sys.exit(main())
