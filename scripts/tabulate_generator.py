"""Tabulate what the mini experiment's generator can do before it embeds: loss and answers."""

from __future__ import annotations

import argparse
import sys

import pandas as pd

from gen2embed.artifacts.described import CARD, read_described
from gen2embed.command_line import run_each
from gen2embed.outputs import add_output
from gen2embed.reporting.tables.paper_tables import write_paper_table

MEASURES = {"held_out_loss": "next-token loss", "first_word_accuracy": "one-word accuracy"}


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tabulate_generator", description=__doc__)
    parser.add_argument("--card", required=True, help="card.json of the generator")
    add_output(parser, "--out", help="folder for generator.csv, .md, .tex, .html")
    return parser


def tabulate(job: argparse.Namespace) -> None:
    card = read_described(job.card, CARD, "train the generator again")
    rows = [
        {"measure": measure, "of": name, "value": value}
        for key, measure in MEASURES.items()
        for name, value in card[key].items()
    ]
    frame = pd.DataFrame(rows)
    shown = frame.assign(value=[f"{value:.3f}" for value in frame["value"]])
    caption = (
        f"The mini experiment's generator ({card['parameters']:,} parameters) on fresh photos and "
        "dialogues: next-token loss by kind of dialogue, and the share of one-word questions whose "
        "likeliest first word is right. Whether it embeds is not measured here, and was not looked "
        "at when its recipe was chosen."
    )
    write_paper_table(job.out, "generator", frame, shown, caption)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), tabulate, argv)


if __name__ == "__main__":
    sys.exit(main())
