"""Tabulate the fine-tuned runs: by meta-task and split, by data set, paired tests, and which data
sets a difference comes from.

Paper: number not known here.
"""

from __future__ import annotations

import argparse
import sys

from gen2embed.command_line import run_each
from gen2embed.evaluation.aggregates import AGGREGATES
from gen2embed.flag_types import seed
from gen2embed.outputs import add_output
from gen2embed.reporting.captions import (
    AGGREGATE_LABELS,
    MACRO_NOTE,
    conditional,
    conditions,
    dropped_in_evaluation,
    dropped_in_training,
    in_seeds,
    informed,
)
from gen2embed.reporting.results import aggregate, per_dataset, read_register
from gen2embed.reporting.runs import RunName, read_runs, tested
from gen2embed.reporting.tables.by_dataset import (
    differences,
    sentence_of_parts,
    shown_differences,
)
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
    parser = argparse.ArgumentParser(prog="tabulate_runs", description=__doc__)
    add = parser.add_argument
    add("--register", required=True, help="datasets.csv of the benchmark")
    add("--scores", required=True, help="folder with a folder of scores per model and prompt")
    add("--runs", required=True, nargs="+", help="STRATEGY/PROMPT, in the order of the table")
    add("--seeds", required=True, nargs="+", type=seed, help="seeds of each run")
    add("--backbone", required=True, help="whose published scores stand beside ours")
    add_output(parser, "--out", help="folder for runs*.csv, .md, .tex")
    return parser


def tabulate(job: argparse.Namespace) -> None:
    register = read_register(job.register)
    names = [RunName.parse(text) for text in job.runs]
    runs = read_runs(job.scores, names, job.seeds, register)
    every = list(runs.values())
    trained = dropped_in_training(every)
    made_how = conditions(every[0], register) + trained
    seeds = f"{in_seeds(len(job.seeds)).capitalize()} of fine-tuning"
    means = aggregate(every, register)
    tests = tested(runs, register)
    caption = (
        "Precision@1 in percent before (zero-shot) and after fine-tuning, by the clusters trained "
        "on and the prompt: mean over data sets, 95 % bootstrap interval; with several seeds sd is "
        f"the standard deviation of that mean over seeds. {seeds}. {conditional(every)} "
        f"{MARK_NOTE} {made_how} {MACRO_NOTE} {verdicts(tests)}"
    )
    shown = pivot(means, "run", "aggregate", AGGREGATES, AGGREGATE_LABELS)
    labels = {f"{name.strategy}/{name.prompt}": name.label for name in names}
    compared = beside(means, labels, "fine_tuned", job.backbone, is_full_size(every))
    shown = with_published(shown, compared, AGGREGATE_LABELS)
    write_paper_table(job.out, "runs", means, shown, caption)
    sets = per_dataset(every, register)
    caption = (
        "Precision@1 in percent of every data set before and after fine-tuning, 95 % bootstrap "
        "interval (Wilson's at 0 and 100); chance is that of guessing, and a score that is not "
        f"told from it is marked{AT_CHANCE}, one that is far below it{BELOW_CHANCE} (binomial "
        f"tests, p < 0.01, in every seed). {seeds}.{informed(sets)} {made_how}"
    )
    shown = shown_datasets(sets, [run.name for run in every])
    write_paper_table(job.out, "runs_datasets", sets, shown, caption)
    caption = (
        "Paired differences in points of Precision@1, on the same queries: 95 % bootstrap "
        "interval, sign-flip permutation test (10,000 draws), Holm-adjusted over the "
        f"{len(tests)} comparisons of this table. {TESTS} {seeds}. {conditional(every)}"
        f"{dropped_in_evaluation(every)}{trained}"
    )
    write_paper_table(job.out, "runs_tests", tests, shown_tests(tests, AGGREGATE_LABELS), caption)
    parts = differences(runs, register)
    caption = (
        "Which data sets a difference between two fine-tuned runs comes from: paired differences "
        "in points of Precision@1, 95 % bootstrap interval, and each data set's share of the "
        f"difference of all. {sentence_of_parts(parts)} {seeds}. {conditional(every)}{trained}"
    )
    shown = shown_differences(parts)
    write_paper_table(job.out, "runs_tests_datasets", parts, shown, caption)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), tabulate, argv)


if __name__ == "__main__":
    sys.exit(main())
