"""Plot mined negatives: hardness against overlap, and true false-negative rate by hardness.

Paper: figure 5.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from gen2embed.command_line import run_each
from gen2embed.ids import read_pairs
from gen2embed.mining.clusters import read_clusters
from gen2embed.origin import check_mined_from, check_strategy
from gen2embed.outputs import add_output
from gen2embed.reporting.captions import dropped_in_files, rate_sentence
from gen2embed.reporting.charts import draw_lines
from gen2embed.reporting.figures import style, write_figure
from gen2embed.reporting.mining_statistics import read_rates

MOST_POINTS = 1500  # drawn per strategy; the means are over all


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="plot_mining", description=__doc__)
    add = parser.add_argument
    add("--pairs", required=True, nargs="+", help="pairs parquet of each subset")
    add("--clusters", required=True, help="folder with <strategy>/<subset>.parquet")
    add("--strategies", required=True, nargs="+", help="strategies to draw, in the legend's order")
    add("--rates", help="pooled report of measure_false_negatives.py; none: one figure less")
    add("--seed", type=int, default=0, help="of the points that are drawn")
    add_output(parser, "--out", help="folder of the two figures")
    return parser


def read_negatives(job: argparse.Namespace) -> pd.DataFrame:
    """All mined negatives: strategy, subset, labelled, hardness, overlap."""
    parts = []
    for strategy in job.strategies:
        for path in job.pairs:
            *ids, metadata = read_pairs(path)
            subset = metadata.get("subset", Path(path).stem)
            mined = Path(job.clusters) / strategy / f"{subset}.parquet"
            table, mined_as = read_clusters(mined, len(ids[0]))
            check_mined_from(mined, mined_as, path, metadata, *ids)
            check_strategy(mined, mined_as, strategy)
            facts = {"hardness": table.hardness, "overlap": table.overlap}
            parts.append(pd.DataFrame(facts).assign(strategy=strategy, subset=subset))
    return pd.concat(parts, ignore_index=True)


def means_with_intervals(frame: pd.DataFrame) -> pd.DataFrame:
    """Mean hardness and overlap by strategy, with 95 % intervals (normal approximation)."""
    grouped = frame.groupby("strategy", sort=False)[["hardness", "overlap"]]
    mean, error = grouped.mean(), 1.96 * grouped.sem()
    table = mean.join((mean - error).add_suffix("_low")).join((mean + error).add_suffix("_high"))
    return table.assign(negatives=grouped.size()).round(6).reset_index()


def plot_overlap(job: argparse.Namespace, frame: pd.DataFrame) -> None:
    means = means_with_intervals(frame)
    by_strategy = "; ".join(
        f"{row.strategy}: hardness {row.hardness:.3f}, overlap {row.overlap:.3f} "
        f"({row.negatives} negatives)"
        for row in means.itertuples()
    )
    caption = (
        "Hardness (cosine of anchor query and negative target) against overlap (cosine of anchor "
        "query and the query that owns the negative) of mined negatives, with zero-shot vectors; "
        f"at most {MOST_POINTS} points drawn per strategy, crosses: means. Means over all "
        f"negatives: {by_strategy}. Lower overlap is what SaHa selects for; whether it means fewer "
        + (
            "false negatives is the next figure's question."
            if job.rates
            else "false negatives is not known."
        )
        + dropped_in_files(job.pairs, "before mining")
    )
    figure = Figure(figsize=(4.2, 3.6), layout="constrained")
    axes = figure.add_subplot()
    rng = np.random.default_rng(job.seed)
    for number, strategy in enumerate(job.strategies):
        rows = frame[frame["strategy"] == strategy]
        picks = np.sort(rng.permutation(len(rows))[:MOST_POINTS])
        shown = rows.iloc[picks]
        axes.scatter(
            shown["hardness"], shown["overlap"], s=4, alpha=0.25, lw=0, color=f"C{number}",
            rasterized=True,
        )  # fmt: skip
    for number, row in enumerate(means.itertuples()):
        axes.plot(
            row.hardness, row.overlap, "X", ms=10, mec="black", color=f"C{number}",
            label=f"{row.strategy} ({row.hardness:.2f}, {row.overlap:.2f})",
        )  # fmt: skip
    axes.set_xlabel("hardness")
    axes.set_ylabel("overlap")
    figure.legend(loc="outside upper center", ncols=3, fontsize=7)
    write_figure(job.out, "hardness_overlap", figure, means, caption)


def plot_rates(job: argparse.Namespace) -> None:
    report = read_rates(job.rates, job.strategies)
    rows = []
    for strategy in job.strategies:
        for bin_ in report["strategies"][strategy]["by_hardness"]:
            middle = (bin_["low"] + bin_["high"]) / 2
            rows.append({"strategy": strategy, "hardness": middle, "value": bin_["rate"], **bin_})
    frame = pd.DataFrame(rows).drop(columns="rate")
    caption = (
        "True false-negative rate of mined negatives by hardness: share that is known to be as "
        "right as the annotated target, in ten bins of hardness (bands: 95 % bootstrap interval "
        f"over clusters), pooled over {len(report['pooled'])} training subsets. "
        f"{rate_sentence(report, job.strategies)}{dropped_in_files(job.pairs, 'before mining')}"
    )
    figure = Figure(figsize=(4.6, 3.2), layout="constrained")
    axes = figure.add_subplot()
    draw_lines(axes, frame, "strategy", job.strategies, "hardness")
    axes.set_ylim(0, None)
    axes.set_xlabel("hardness (middle of the bin)")
    axes.set_ylabel("true false negatives (%)")
    figure.legend(loc="outside upper center", ncols=4)
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
