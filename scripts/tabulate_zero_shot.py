"""Tabulate the zero-shot scores of all prompts: by meta-task, by data set, paired tests.

Paper: number not known here.
"""

from __future__ import annotations

import argparse
import sys
from itertools import combinations
from pathlib import Path

import pandas as pd

from gen2embed.command_line import run_each
from gen2embed.evaluation.aggregates import AGGREGATES, members
from gen2embed.outputs import add_output
from gen2embed.reporting.captions import (
    AGGREGATE_LABELS,
    MACRO_NOTE,
    best_and_worst,
    conditional,
    conditions,
    dropped_in_evaluation,
    informed,
)
from gen2embed.reporting.results import (
    Run,
    aggregate,
    paired_tests,
    per_dataset,
    read_register,
    read_run,
)
from gen2embed.reporting.runs import TESTED, RunName
from gen2embed.reporting.tables.paper_tables import write_paper_table
from gen2embed.reporting.tables.published_scores import (
    MARK_NOTE,
    beside,
    is_full_size,
    with_published,
)
from gen2embed.reporting.tables.rendering import (
    AT_CHANCE,
    BELOW_CHANCE,
    pivot,
    shown_datasets,
)
from gen2embed.reporting.verdicts import TESTS, shown_tests, verdicts


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tabulate_zero_shot", description=__doc__)
    add = parser.add_argument
    add("--register", required=True, help="datasets.csv of the benchmark")
    add("--scores", required=True, help="folder with a folder of scores per prompt")
    add("--prompts", required=True, nargs="+", help="prompts, in the order of the table")
    add("--backbone", required=True, help="whose published scores stand beside ours")
    add(
        "--released-as",
        default="",
        help="STRATEGY/PROMPT: the model is that published fine-tuned "
        "one as its authors released it, scored under PROMPT",
    )
    add_output(parser, "--out", help="folder for zero_shot*.csv, .md, .tex")
    return parser


def tests(runs: list[Run], register: pd.DataFrame) -> pd.DataFrame:
    """Paired differences of every two prompts on IND, OOD and all; Holm over all of them."""
    sets = members(register)
    return paired_tests(
        (name, second, first, sets[name])
        for name in TESTED
        if name in sets
        for first, second in combinations(runs, 2)
    )


def published_beside(job: argparse.Namespace, means: pd.DataFrame, full_size: bool) -> pd.DataFrame:
    """The published counterparts: of zero-shot prompts, or of the released model."""
    if not job.released_as:
        names = {name: name for name in job.prompts}
        return beside(means, names, "zero_shot", job.backbone, full_size)
    names = {job.released_as: RunName.parse(job.released_as).prompt}
    return beside(means, names, "fine_tuned", job.backbone, full_size)


def tabulate(job: argparse.Namespace) -> None:
    register = read_register(job.register)
    scored = "Released model's" if job.released_as else "Zero-shot"
    runs = [read_run(name, Path(job.scores) / name, register) for name in job.prompts]
    made_how = conditions(runs[0], register)
    means = aggregate(runs, register)
    frame = tests(runs, register)
    caption = (
        f"{scored} Precision@1 in percent by prompt: mean over data sets, 95 % bootstrap "
        f"interval. {conditional(runs)} {MARK_NOTE} {made_how} {MACRO_NOTE} "
        f"{best_and_worst(means, 'all')} {verdicts(frame[frame['aggregate'] == 'all'])}"
    )
    shown = pivot(means, "run", "aggregate", AGGREGATES, AGGREGATE_LABELS)
    compared = published_beside(job, means, is_full_size(runs))
    shown = with_published(shown.rename(columns={"run": "prompt"}), compared, AGGREGATE_LABELS)
    write_paper_table(job.out, "zero_shot", means, shown, caption)
    sets = per_dataset(runs, register)
    wide = shown_datasets(sets, job.prompts)
    below = int(sets["below_chance"].sum())
    at = int((~sets["above_chance"]).sum()) - below
    caption = (
        f"{scored} Precision@1 in percent of every data set by prompt, 95 % bootstrap interval "
        f"(Wilson's at 0 and 100); chance is that of guessing. {made_how} Of {len(sets)} scores "
        f"{at} are not told from chance, marked{AT_CHANCE}, {below} are far below it, "
        f"marked{BELOW_CHANCE} (binomial tests, p < 0.01).{informed(sets)}"
    )
    write_paper_table(job.out, "zero_shot_datasets", sets, wide, caption)
    caption = (
        "Paired differences between prompts in points of Precision@1, on the same queries: 95 % "
        "bootstrap interval, sign-flip permutation test (10,000 draws), Holm-adjusted over the "
        f"{len(frame)} comparisons of this table. {TESTS} {conditional(runs)}"
        f"{dropped_in_evaluation(runs)}"
    )
    write_paper_table(
        job.out, "zero_shot_tests", frame, shown_tests(frame, AGGREGATE_LABELS), caption
    )


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), tabulate, argv)


if __name__ == "__main__":
    sys.exit(main())
