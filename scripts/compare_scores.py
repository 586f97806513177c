"""Compare two models scored on the same queries: paired differences, intervals, tests."""

from __future__ import annotations

import argparse
import sys

from gen2embed.command_line import run_each
from gen2embed.errors import InputError
from gen2embed.evaluation.aggregates import members
from gen2embed.files import write_csv
from gen2embed.outputs import add_output
from gen2embed.reporting.captions import AGGREGATE_LABELS
from gen2embed.reporting.results import paired_tests, read_register, read_run
from gen2embed.reporting.verdicts import shown_tests


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="compare_scores", description=__doc__)
    add = parser.add_argument
    add("--register", required=True, help="datasets.csv of the benchmark")
    add("--first", required=True, help="folder with one model's scores and predictions")
    add("--second", required=True, help="folder with the other's, on the same rows")
    add_output(
        parser, "--out", ".csv", help="comparison .csv: each mean and each data set; first - second"
    )
    return parser


def run(job: argparse.Namespace) -> None:
    register = read_register(job.register)
    first, second = (read_run(folder, folder, register) for folder in (job.first, job.second))
    sets = members(register) | {name: [name] for name in first.scores}
    frame = paired_tests((name, first, second, names) for name, names in sets.items())
    if frame.empty:
        raise InputError(f"{job.first} and {job.second}: no data set is scored in both")
    write_csv(job.out, frame)
    labels = {name: AGGREGATE_LABELS.get(name, name) for name in sets}
    print(shown_tests(frame, labels).to_markdown(index=False, disable_numparse=True))


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), run, argv)


if __name__ == "__main__":
    sys.exit(main())
