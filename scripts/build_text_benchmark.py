"""Build the text benchmark: questions about WordNet's words in MMEB's schemas, known equivalences
and minimal pairs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

from gen2embed.command_line import run_each
from gen2embed.data.datasets import load_register
from gen2embed.files import run_record, write_csv, write_json, write_parquet, write_text
from gen2embed.flag_types import seed, share, whole
from gen2embed.outputs import add_output
from gen2embed.wordnet.benchmark import (
    equivalences,
    evaluation_frame,
    evaluation_sets,
    minimal_pairs,
    spoken,
    training_frame,
    training_sets,
)
from gen2embed.wordnet.lexicon import Lexicon
from gen2embed.wordnet.synsets import EXTRACT, load_synsets

FRAMES = {
    "train": (training_frame, "diverse_instruction-00000-of-00001.parquet"),
    "eval": (evaluation_frame, "test-00000-of-00001.parquet"),
}
SPOKEN = 100  # questions that are asked of the generator in words
CREDITS = """# The text benchmark

Rows made from WordNet 3.1, copyright Princeton University, under its own licence
(scripts/gen2embed/wordnet/LICENSE.txt): {synsets} synsets of nouns, verbs and adjectives.

{table}
"""


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="build_text_benchmark", description=__doc__)
    add = parser.add_argument
    add_output(parser, "--out", help="folder of the benchmark")
    add("--wordnet", default=str(EXTRACT), help="extract of WordNet (default: the project's)")
    add("--seed", type=seed, required=True, help="decides unseen words, rows and candidates")
    add("--train-rows", type=whole(), required=True, help="rows of each training subset, at most")
    add("--eval-queries", type=whole(), required=True, help="queries of each evaluation set")
    add("--candidates", type=whole(3), required=True, help="candidates per query, at most")
    add("--unseen-fraction", type=share, required=True, help="words held out of training")
    return parser


def build(job: argparse.Namespace) -> None:
    out = Path(job.out)
    with run_record(out.parent / f"{out.name}.run.json"):
        lexicon = Lexicon(load_synsets(job.wordnet), job.unseen_fraction, job.seed)
        register = load_register("wordnet")
        sets = {
            "train": training_sets(register, lexicon, job.train_rows, job.seed),
            "eval": evaluation_sets(register, lexicon, job.eval_queries, job.candidates, job.seed),
        }
        for part, of_part in sets.items():
            frame_of, file_name = FRAMES[part]
            for dataset in of_part:
                folder = out / part / dataset.entry.name
                write_parquet(folder / file_name, frame_of(dataset))
                write_parquet(folder / "equivalences.parquet", equivalences(dataset))
                if part == "train":
                    write_parquet(folder / "minimal_pairs.parquet", minimal_pairs(dataset))
        table = pd.DataFrame([dataset.register_row() for part in sets.values() for dataset in part])
        write_csv(out / "datasets.csv", table)
        write_json(out / "questions.json", spoken(sets["eval"], SPOKEN))
        text = CREDITS.format(synsets=len(lexicon.synsets), table=table.to_markdown(index=False))
        write_text(out / "README.md", text)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), build, argv)


if __name__ == "__main__":
    sys.exit(main())
