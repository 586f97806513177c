"""Compare two models on the same data sets: differences, intervals, tests.

Folders of this project's scores are compared query by query; files of scores alone (a leaderboard's
JSON, or a CSV of dataset and percent) as of independent queries.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

from gen2embed.command_line import run_each
from gen2embed.errors import InputError
from gen2embed.evaluation.aggregates import members
from gen2embed.evaluation.published import ROWS, mmeb_datasets
from gen2embed.files import write_csv
from gen2embed.flag_types import whole
from gen2embed.outputs import add_output
from gen2embed.reporting.captions import AGGREGATE_LABELS
from gen2embed.reporting.results import paired_tests, read_register, read_run
from gen2embed.reporting.tables.leaderboards import compare_shares, rank_shares, read_shares
from gen2embed.reporting.verdicts import shown_tests

RANKS = ".ranks.csv"


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="compare_scores", description=__doc__)
    add = parser.add_argument
    add("--register", help="datasets.csv of the benchmark (default, for files: MMEB's 36 sets)")
    add("--first", required=True, help="folder with one model's scores and predictions, or a file")
    add("--second", required=True, help="folder with the other's, on the same rows, or a file")
    add("--among", nargs="+", default=[], help="further files: ranks of all, with uncertainty")
    add("--queries", type=whole(), default=ROWS, help="queries of each set, for files")
    add_output(
        parser,
        "--out",
        ".csv",
        beside=(RANKS,),
        help="comparison .csv: each mean and each data set; first - second; of --among also the "
        f"ranks, in its place {RANKS}",
    )
    return parser


def compare_files(job: argparse.Namespace) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """Two files of scores: the frame of tests, and the data sets of each heading."""
    register = read_register(job.register) if job.register else mmeb_datasets()
    first, second = read_shares(job.first), read_shares(job.second)
    shared = [name for name in first if name in second]
    sets = members(register) | {"mean of the shared": shared} | {name: [name] for name in shared}
    names = (Path(job.first).stem, Path(job.second).stem)
    return compare_shares(first, second, names, sets if shared else {}, job.queries), sets


def rank_files(job: argparse.Namespace) -> pd.DataFrame:
    """Ranks of all files on the mean of the data sets that every one of them has."""
    paths = [job.first, job.second, *job.among]
    names = [Path(path).stem for path in paths]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"--among: {twice} is there twice; ranks are by the files' names")
    return rank_shares(dict(zip(names, map(read_shares, paths), strict=True)), job.queries)


def compare_folders(job: argparse.Namespace) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """Two folders of scores with their predictions; as ``compare_files``."""
    if not job.register:
        raise InputError("--register: wanted for folders of scores: the benchmark's datasets.csv")
    register = read_register(job.register)
    first, second = (read_run(folder, folder, register) for folder in (job.first, job.second))
    sets = members(register) | {name: [name] for name in first.scores}
    return paired_tests((name, first, second, names) for name, names in sets.items()), sets


def run(job: argparse.Namespace) -> None:
    are_files = [Path(path).is_file() for path in (job.first, job.second)]
    if any(are_files) and not all(are_files):
        raise InputError(f"{job.first} and {job.second}: two folders or two files, not one of each")
    if job.among and not all(are_files):
        raise InputError("--among: ranks files of scores; --first and --second are folders")
    frame, sets = compare_files(job) if all(are_files) else compare_folders(job)
    if frame.empty:
        raise InputError(f"{job.first} and {job.second}: no data set is scored in both")
    write_csv(job.out, frame)
    labels = {name: AGGREGATE_LABELS.get(name, name) for name in sets}
    print(shown_tests(frame, labels).to_markdown(index=False, disable_numparse=True))
    if job.among:
        ranks = rank_files(job)
        write_csv(Path(job.out).with_suffix(RANKS), ranks)
        shown = ranks.assign(value=[f"{100 * value:.1f}" for value in ranks["value"]])
        shown["error"] = [f"{100 * error:.2f}" for error in ranks["error"]]
        print("\n" + shown.to_markdown(index=False, disable_numparse=True))


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), run, argv)


if __name__ == "__main__":
    sys.exit(main())
