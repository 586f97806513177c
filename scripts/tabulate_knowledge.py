"""Tabulate what a generator answers in words to questions of the text benchmark."""

from __future__ import annotations

import argparse
import sys

import pandas as pd

from gen2embed.artifacts.described import ANSWERS, read_described
from gen2embed.command_line import run_each
from gen2embed.evaluation.intervals import wilson
from gen2embed.outputs import add_output
from gen2embed.reporting.tables.paper_tables import write_paper_table
from gen2embed.reporting.tables.rendering import percent


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tabulate_knowledge", description=__doc__)
    parser.add_argument("--answers", required=True, help="JSON of ask_generator.py")
    add_output(parser, "--out", help="folder for knowledge.csv, .md, .tex, .html")
    return parser


def tabulate(job: argparse.Namespace) -> None:
    answers = pd.DataFrame(read_described(job.answers, ANSWERS, "ask again"))
    rows = []
    parts = [*answers.groupby("task", sort=False), ("all", answers)]
    for task, of_task in parts:
        hits, n = int(of_task["is_right"].sum()), len(of_task)
        low, high = wilson(hits, n)
        example = of_task.iloc[0]
        rows.append((task, n, hits / n, low, high, example["text"], example["answer"]))
    columns = ["task", "n", "value", "ci_low", "ci_high", "example", "answer"]
    frame = pd.DataFrame(rows, columns=columns).round(9)
    shown = pd.DataFrame(
        {
            "task": frame["task"],
            "questions": frame["n"].astype(str),
            "right (%)": [percent(*row) for row in frame[["value", "ci_low", "ci_high"]].values],
            "such as": frame["example"],
            "it says": frame["answer"],
        }
    )
    caption = (
        "What the generator answers in words (greedy, one word asked for, no system turn) to "
        "questions of the text benchmark: the share of answers that hold a right word (Wilson's "
        "95 % interval), and the first question of each task. No candidates are offered, so chance "
        "is near 0; of a score of its embedding this says whether the model knows."
    )
    write_paper_table(job.out, "knowledge", frame, shown, caption)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), tabulate, argv)


if __name__ == "__main__":
    sys.exit(main())
