"""Tabulate runs that hide a share of the known equivalences: scores, differences by dose with slope
and crossing, what was mined, and the frontier of all miners; of one strategy alone: the gate.
"""

from __future__ import annotations

import argparse
import sys

import pandas as pd

from gen2embed.artifacts.described import RATES, read_described
from gen2embed.command_line import run_each
from gen2embed.errors import InputError
from gen2embed.flag_types import seed
from gen2embed.outputs import add_output
from gen2embed.reporting.captions import conditional, conditions, in_seeds
from gen2embed.reporting.results import Run, over_seeds, read_register, read_run
from gen2embed.reporting.runs import RunName
from gen2embed.reporting.tables.paper_tables import write_paper_table
from gen2embed.reporting.tables.rendering import percent
from gen2embed.reporting.tables.when import (
    answer_sentence,
    difference_rows,
    frontier_rows,
    gate_sentence,
    mediator_rows,
    score_rows,
    shown_differences,
    shown_mediators,
    shown_scores,
)
from gen2embed.study.layout import cell_files, dose_file, zero_shot_folder
from gen2embed.study.runs import dosed

AGAIN = "measure the rates again"


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tabulate_when", description=__doc__)
    add = parser.add_argument
    add("--register", required=True, help="datasets.csv of the benchmark")
    add("--scores", required=True, help="folder with a folder of scores per model and prompt")
    add("--strategies", required=True, nargs="+", help="arms, in the order of the tables")
    add("--hidden", required=True, nargs="+", type=float, help="shares that runs hid")
    add("--prompt", required=True, help="the one trained under")
    add("--seeds", required=True, nargs="+", type=seed, help="seeds of each run")
    add(
        "--doses",
        help="folder of reports h<share>.json; none: the table when_gate alone",
    )
    add("--grid-rates", help="folder of reports k<k>_m<m>.json, all hidden")
    add_output(parser, "--out", help="folder for when_*.csv, .md, .tex, .html")
    return parser


def read_arms(job: argparse.Namespace, register: pd.DataFrame) -> dict[tuple[str, float], Run]:
    """Every strategy at every share, averaged over seeds; those that were not run are left out."""
    arms = {}
    for strategy in job.strategies:
        for hidden in job.hidden:
            name = f"{strategy}{dosed(hidden)}"
            folders = RunName(name, job.prompt).folders(job.scores, job.seeds)
            if folders[0].is_dir():
                runs = [read_run(name, folder, register) for folder in folders]
                arms[strategy, hidden] = over_seeds(name, runs)
    if not arms:
        raise InputError(f"{job.scores}: holds no run of {job.strategies[0]}-h{job.hidden[0]:g}")
    return arms


def read_reports(job: argparse.Namespace) -> tuple[dict, dict]:
    """Reports by hidden share, strategies without it in their names; and by k and m."""
    doses = {}
    for hidden in job.hidden:
        report = read_described(dose_file(job.doses, hidden), RATES, AGAIN)
        doses[hidden] = report
    cells = cell_files(job.grid_rates) if job.grid_rates else {}
    if not cells:
        raise InputError(
            f"--grid-rates {job.grid_rates}: give a folder with reports k<k>_m<m>.json"
        )
    return doses, {cell: read_described(path, RATES, AGAIN) for cell, path in cells.items()}


def tabulate(job: argparse.Namespace) -> None:
    register = read_register(job.register)
    arms = read_arms(job, register)
    zero_shot = read_run("zero-shot", zero_shot_folder(job.scores, job.prompt), register)
    scores = score_rows(arms, zero_shot)
    made_how = f"{in_seeds(len(job.seeds)).capitalize()} of fine-tuning. {conditional([zero_shot])}"
    of_data = conditions(zero_shot, register)
    name = "when_scores" if job.doses else "when_gate"
    caption = (
        "Precision@1, mean over data sets, by strategy of mining and share of the known "
        "equivalences that stayed hidden (the others struck from mining and masked in the loss), "
        f"with 95 % bootstrap intervals. {gate_sentence(scores)} {made_how} {of_data}"
    )
    write_paper_table(job.out, name, scores, shown_scores(scores), caption)
    if not job.doses:
        return
    differences = difference_rows(arms)
    caption = (
        "Differences between arms in points of Precision@1 at each share of hidden positives (d), "
        "their slope on it (least squares, from none to all hidden) and where the line is 0, with "
        "95 % intervals (10,000 draws of concepts, the same in all arms). The comparison of saha "
        "and hns was fixed as the primary one before the run (docs/when.md); the others are "
        f"secondary, their intervals not adjusted for their number. {answer_sentence(differences)} "
        f"{made_how}"
    )
    shown = shown_differences(differences)
    write_paper_table(job.out, "when_differences", differences, shown, caption)
    doses, cells = read_reports(job)
    mediators = mediator_rows(doses, job.strategies)
    caption = (
        "What the arms were trained on: true false negatives among the anchors' negatives and "
        "among all ordered pairs within clusters (revealed ones are masked and not counted), mean "
        "hardness, and negatives that are minimal pairs, with 95 % intervals over clusters."
    )
    write_paper_table(job.out, "when_mediators", mediators, shown_mediators(mediators), caption)
    frontier = frontier_rows(cells)
    caption = (
        "Mean hardness against true false-negative rate (95 % interval over clusters) of every "
        "strategy, k and m, all equivalences hidden."
    )
    rates = zip(frontier["rate"], frontier["ci_low"], frontier["ci_high"], strict=True)
    shown = frontier[["strategy", "k", "m"]].assign(
        hardness=[f"{mean:.3f}" for mean in frontier["hardness"]],
        **{"false negatives (%)": [percent(*row) for row in rates]},
        **{"minimal pairs (%)": [percent(share) for share in frontier["minimal_pairs"]]},
    )
    write_paper_table(job.out, "when_frontier", frontier, shown, caption)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), tabulate, argv)


if __name__ == "__main__":
    sys.exit(main())
