"""Plot what the analysis programs measured: attention mass, and the embedding at every layer."""

from __future__ import annotations

import argparse
import sys

import pandas as pd

from gen2embed.command_line import run_each
from gen2embed.files import as_numbers, read_csv
from gen2embed.outputs import add_output
from gen2embed.prompts.markup import SEGMENTS
from gen2embed.reporting.captions import dropped_in_files
from gen2embed.reporting.figures.layers import (
    TEXTS,
    attention_sentence,
    draw_measure,
    layer_ticks,
    layers_sentence,
)
from gen2embed.reporting.figures.style import style, write_figure

ATTENTION = ("prompt", "layer", "segment", "items", "total", "per_token")
LAYERS = ("prompt", "layer", "value", "ci_low", "ci_high", "chance", "n", "image_text_gap")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="plot_analyses", description=__doc__)
    add = parser.add_argument
    add("--attention", required=True, help="CSV of analyse_attention.py")
    add("--layers", required=True, help="CSV of analyse_layers.py")
    add("--rows", nargs="*", default=[], help="rows files of the sets: dropped rows are told")
    add_output(parser, "--out", help="folder for attention_mass.*, layers.*")
    return parser


def read_numbers(path: str, columns: list[str]) -> pd.DataFrame:
    """Every column but the names as numbers."""
    frame = read_csv(path, columns)
    return as_numbers(path, frame, [name for name in frame if name not in TEXTS])


def plot_attention(job: argparse.Namespace) -> None:
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter, PercentFormatter

    frame = read_numbers(job.attention, ATTENTION)
    prompts = frame["prompt"].drop_duplicates().tolist()
    shown = " with an image" if "image" in set(frame["segment"]) else ""
    caption = (
        "Attention from the last token, by layer (mean over heads and over "
        f"{frame['items'].max():.0f} queries{shown}; bands: 95 % bootstrap interval over "
        "queries). Above: the share that each level of the prompt receives; below: the same per "
        "token of the level, logarithmic. Markup: chat tokens, the open assistant turn among "
        f"them. {attention_sentence(frame)}{dropped_in_files(job.rows)}"
    )
    measures = (("total", "share of attention"), ("per_token", "share per token"))
    with style():
        figure = Figure(figsize=(7.0, 3.9), layout="constrained")
        axes = figure.subplots(2, len(prompts), sharex=True, sharey="row", squeeze=False)
        for row, (measure, label) in zip(axes, measures, strict=True):
            for panel, prompt in zip(row, prompts, strict=True):
                of_panel = frame[frame["prompt"] == prompt]
                for number, segment in enumerate(SEGMENTS):
                    rows = of_panel[of_panel["segment"] == segment]
                    draw_measure(panel, rows, measure, segment, number)
                layer_ticks(panel, frame["layer"])
            row[0].set_ylabel(label)
        for panel, prompt in zip(axes[0], prompts, strict=True):
            panel.set_title(prompt)
            panel.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
            panel.set_ylim(0, 1)
        for panel in axes[1]:
            panel.set_yscale("log")
            panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            panel.yaxis.set_major_formatter(lambda share, _: f"{100 * share:g}%")
            panel.yaxis.set_minor_formatter(NullFormatter())
            panel.set_xlabel("layer")
        handles = {}
        for panel in axes[0]:  # a prompt without a system level has no such line
            handles |= dict(zip(*panel.get_legend_handles_labels()[::-1], strict=True))
        names = [name for name in SEGMENTS if name in handles]
        figure.legend([handles[name] for name in names], names, loc="outside upper center", ncols=4)
        write_figure(job.out, "attention_mass", figure, frame, caption)


def plot_layers(job: argparse.Namespace) -> None:
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    frame = read_numbers(job.layers, LAYERS)
    prompts = frame["prompt"].drop_duplicates().tolist()
    has_images = frame["image_text_gap"].notna().any()
    gap = (
        "Right: image-text gap, the distance between the centroids of items with an image and of "
        "texts alone. "
        if has_images
        else ""
    )
    caption = (
        f"The same embedding taken at every layer. {'Left: p' if has_images else 'P'}recision at 1 "
        f"({frame['n'].max():.0f} queries, evenly spaced over the evaluation sets, with the "
        "candidates that are another one's positive; bands: 95 % bootstrap interval over "
        f"queries; dotted: chance). {gap}{layers_sentence(frame)}"
        f"{dropped_in_files(job.rows)}"
    )
    with style():
        figure = Figure(figsize=(7.0, 2.9), layout="constrained")
        left, right = [*figure.subplots(1, 2)] if has_images else (figure.subplots(), None)
        for number, prompt in enumerate(prompts):
            rows = frame[frame["prompt"] == prompt]
            draw_measure(left, rows, "value", prompt, number, low="ci_low", high="ci_high")
            if right is not None:
                draw_measure(right, rows, "image_text_gap", prompt, number)
                right.set_ylabel("image-text gap")
        left.axhline(frame["chance"].mean(), color="black", ls=":", lw=1, label="chance")
        left.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=""))
        left.set_ylabel("Precision@1 (%)")
        for panel in filter(None, (left, right)):
            panel.set_ylim(0, None)
            panel.set_xlabel("layer")
            layer_ticks(panel, frame["layer"])
        figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=5)
        write_figure(job.out, "layers", figure, frame, caption)


def plot(job: argparse.Namespace) -> None:
    plot_attention(job)
    plot_layers(job)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), plot, argv)


if __name__ == "__main__":
    sys.exit(main())
