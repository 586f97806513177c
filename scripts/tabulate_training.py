"""Tabulate trainings: sampling strategies side by side, and scores against the data seen.

Paper: abstract.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gen2embed.command_line import run_each
from gen2embed.errors import InputError
from gen2embed.flag_types import seed, whole
from gen2embed.outputs import add_output
from gen2embed.reporting.captions import (
    conditional,
    conditions,
    dropped_in_training,
    in_seeds,
)
from gen2embed.reporting.false_negatives import EQUAL_HARDNESS, rate_sentence, rates
from gen2embed.reporting.figures.efficiency import (
    COLUMNS,
    SHOWN,
    published_efficiency,
    shown_efficiency,
)
from gen2embed.reporting.results import aggregate, read_register
from gen2embed.reporting.runs import RunName, read_runs, read_steps, tested
from gen2embed.reporting.tables.adapter_cards import (
    cost_of,
    pairs_seen_at,
    read_card,
    rows_of,
)
from gen2embed.reporting.tables.mining_statistics import (
    dropped_before,
    pooled,
    read_rates,
    read_statistics,
)
from gen2embed.reporting.tables.paper_tables import write_paper_table
from gen2embed.reporting.tables.published_scores import MARK_NOTE
from gen2embed.reporting.tables.sampling import score_of, shown_sampling
from gen2embed.reporting.verdicts import verdicts


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tabulate_training", description=__doc__)
    add = parser.add_argument
    add("--register", required=True, help="datasets.csv of the benchmark")
    add("--scores", required=True, help="folder with a folder of scores per model and prompt")
    add("--adapters", required=True, help="folder with <strategy>_seed<seed>/<prompt>/")
    add("--clusters", required=True, help="folder with <strategy>/<subset>.json")
    add("--rates", help="report of measure_false_negatives.py on all subsets, where there is one")
    add("--strategies", required=True, nargs="+", help="strategies, in the order of the table")
    add("--subsets", required=True, nargs="+", help="training subsets")
    add("--runs", required=True, nargs="+", help="STRATEGY/PROMPT of the trained runs")
    add("--prompt", required=True, help="the prompt of mining, whose runs are compared")
    add("--seeds", required=True, nargs="+", type=seed, help="seeds of each run")
    add("--checkpoints", nargs="*", default=[], type=whole(0), help="steps with a scored adapter")
    add("--steps", required=True, type=whole(), help="last step")
    add_output(parser, "--out", help="folder for sampling.csv, efficiency.csv, .md, ...")
    return parser


def clusters_of(root: str, name: str) -> Path:
    """Folder of the clusters that a run was trained on: ``saha-k3-m3`` of ``saha-k3-m3-f0.25``.

    Raises InputError where there is none.
    """
    parts = name.split("-")
    for length in range(len(parts), 0, -1):
        folder = Path(root) / "-".join(parts[:length])
        if folder.is_dir():
            return folder
    raise InputError(f"{root}: holds no clusters of {name}; mine them first")


def tabulate_sampling(job: argparse.Namespace, register: pd.DataFrame) -> None:
    names = [name for name in map(RunName.parse, job.runs) if name.prompt == job.prompt]
    others = [name.strategy for name in names if name.strategy not in job.strategies]
    runs = read_runs(job.scores, names, job.seeds, register)
    report = read_rates(job.rates, []) if job.rates else None
    known = report["strategies"] if report else {}
    rows: list[dict[str, Any]] = []
    missing = ""
    for strategy in [*job.strategies, *others]:
        folder = clusters_of(job.clusters, strategy)
        row = {"strategy": strategy}
        statistics = read_statistics(folder, strategy, job.subsets)
        missing = dropped_before(statistics)
        row |= pooled(statistics)
        row |= rates(report, strategy)
        name = RunName(strategy, job.prompt)
        if name in runs:
            row |= score_of(runs[name], register)
            row |= cost_of([read_card(folder) for folder in name.folders(job.adapters, job.seeds)])
        rows.append(row)
    frame = pd.DataFrame(rows).round(9)
    mined = [name for name in job.strategies if name in known]
    made_how = conditions(next(iter(runs.values())), register) if runs else ""
    caption = (
        "Sampling strategies: clusters and negatives mined from all training subsets, their mean "
        "hardness and overlap, their true false-negative rate in percent, and the training on "
        f"them under `{job.prompt}` ({in_seeds(len(job.seeds))}): pairs that entered the loss, "
        "items that went through the encoder for each query, mean Precision@1 of all data sets "
        "(95 % bootstrap interval; with several seeds, their standard deviation). "
        f"Times: table cost.{missing} {rate_sentence(report, mined)} {EQUAL_HARDNESS} "
        f"{verdicts(tested(runs, register))} {conditional(runs.values())} {made_how}"
    )
    write_paper_table(job.out, "sampling", frame, shown_sampling(frame), caption)


def measured(job: argparse.Namespace, register: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """One row per run, step and aggregate; and the conditions of the scores."""
    parts, made_how, every = [], "", []
    for name in map(RunName.parse, job.runs):
        folders = name.folders(job.adapters, job.seeds)
        rows = rows_of(read_card(folders[0]))
        steps = [*job.checkpoints, job.steps]
        seen = [pairs_seen_at(folder, steps) for folder in folders]
        runs = read_steps(job.scores, name, job.seeds, job.checkpoints, job.steps, register)
        every += runs.values()
        for step, run in runs.items():
            pairs = float(np.mean([by_step[step] for by_step in seen])) if step else 0.0
            facts = {"step": step, "pairs_seen": pairs, "rows": rows, "passes": pairs / rows}
            parts.append(aggregate([run], register).assign(origin="measured", **facts))
        made_how = made_how or conditions(run, register)
    return pd.concat(parts, ignore_index=True), made_how + dropped_in_training(every)


def tabulate_efficiency(job: argparse.Namespace, register: pd.DataFrame) -> None:
    ours, made_how = measured(job, register)
    ours = ours[ours["aggregate"].isin(SHOWN)]
    frame = pd.concat([ours, published_efficiency()], ignore_index=True)
    caption = (
        "Data efficiency: mean Precision@1 in percent against the pairs that entered the loss and "
        "the passes over the training rows that this makes (pairs seen / rows; the pairs are "
        f"drawn by cluster). Step 0 is zero-shot. {in_seeds(len(job.seeds)).capitalize()}. "
        f"{MARK_NOTE} {made_how}"
    )
    write_paper_table(
        job.out, "efficiency", frame[COLUMNS].round(9), shown_efficiency(frame), caption
    )


def tabulate(job: argparse.Namespace) -> None:
    register = read_register(job.register)
    tabulate_sampling(job, register)
    tabulate_efficiency(job, register)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), tabulate, argv)


if __name__ == "__main__":
    sys.exit(main())
