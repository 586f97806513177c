"""Tabulate published systems, and ours beside them where it was run at full size.

Paper: number not known here.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

from gen2embed.command_line import run_each
from gen2embed.evaluation.aggregates import ALL
from gen2embed.evaluation.audit import SYSTEM
from gen2embed.evaluation.published import counterparts
from gen2embed.flag_types import seed
from gen2embed.outputs import add_output
from gen2embed.reporting.captions import AGGREGATE_LABELS, conditions, dropped_in_training
from gen2embed.reporting.results import Run, aggregate, read_register, read_run
from gen2embed.reporting.runs import RunName, read_runs
from gen2embed.reporting.tables.paper_tables import write_paper_table
from gen2embed.reporting.tables.peers import (
    backbones_beside,
    datasets_beside,
    shown_backbones,
    shown_datasets_beside,
    shown_systems,
    systems,
)
from gen2embed.reporting.tables.published_scores import (
    DOUBT_NOTE,
    MARK_NOTE,
    PRINTED,
    beside,
    is_full_size,
    shown_beside,
)
from gen2embed.study.layout import zero_shot_folder

TITLES = {
    "zero_shot": "Zero-shot systems",
    "fine_tuned": "Systems that were fine-tuned, or whose training their table does not tell",
}
NOTHING = "Ours was not run at full size in this experiment."


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tabulate_peers", description=__doc__)
    add = parser.add_argument
    add("--register", required=True, help="datasets.csv of the benchmark")
    add("--scores", required=True, help="folder with a folder of scores per model and prompt")
    add("--prompts", required=True, nargs="+", help="prompts that were scored zero-shot")
    add("--runs", nargs="*", default=[], help="STRATEGY/PROMPT of the fine-tuned runs")
    add("--seeds", nargs="*", default=[], type=seed, help="seeds of each run")
    add("--backbone", required=True, help="whose published scores stand beside ours")
    add(
        "--released-as",
        default="",
        help="STRATEGY/PROMPT: the model is that published fine-tuned one, scored under PROMPT",
    )
    add("--systems", nargs="*", default=[], help="published models shown on all 36 data sets")
    add_output(parser, "--out", help="folder for peers_*.csv, .md, ... and backbones.*")
    return parser


def read_ours(job: argparse.Namespace, register: pd.DataFrame) -> dict[str, dict[str, Run]]:
    """Our runs with a published counterpart, by stage and the counterpart's key.

    A released model is what its authors fine-tuned, whatever the folder of its scores says.
    """
    if job.released_as:
        name = RunName.parse(job.released_as)
        run = read_run(name.label, zero_shot_folder(job.scores, name.prompt), register)
        return {"zero_shot": {}, "fine_tuned": {job.released_as: run}}
    zero_shot = {
        prompt: read_run(prompt, zero_shot_folder(job.scores, prompt), register)
        for prompt in job.prompts
        if prompt in counterparts("zero_shot")
    }
    wanted = [name for name in job.runs if name in counterparts("fine_tuned")]
    found = read_runs(job.scores, [RunName.parse(name) for name in wanted], job.seeds, register)
    tuned = {name: found[RunName.parse(name)] for name in wanted}
    return {"zero_shot": zero_shot, "fine_tuned": tuned}


def tabulate_stage(
    job: argparse.Namespace,
    stage: str,
    runs: dict[str, Run],
    means: pd.DataFrame,
    peers: pd.DataFrame,
    note: str,
) -> None:
    """The peers of one stage: ours first, then every published system."""
    names = {key: run.name for key, run in runs.items()}
    full_size = bool(runs) and is_full_size(list(runs.values()))
    compared = beside(means, names, stage, job.backbone, full_size)
    ours = shown_beside(compared, "model", PRINTED, AGGREGATE_LABELS)
    ours = ours.rename(columns={"scores": "setting"})
    ours.insert(1, "backbone", job.backbone)
    ours.insert(2, "params", "")
    shown = pd.concat([ours, shown_systems(peers, AGGREGATE_LABELS)], ignore_index=True)
    long = peers.melt(SYSTEM, PRINTED, "aggregate", "value").dropna(subset="value")
    rows = compared.rename(columns={"run": "model"}).assign(backbone=job.backbone)
    numbers = pd.concat([rows, long.assign(origin="published")], ignore_index=True)
    caption = (
        f"{TITLES[stage]}: mean Precision@1 in percent by meta-task and split of MMEB, the best "
        f"first, below the paper's own beside ours. {MARK_NOTE} {DOUBT_NOTE} "
        + (note if full_size else NOTHING)
    )
    write_paper_table(job.out, f"peers_{stage}", numbers, shown, caption)


def tabulate(job: argparse.Namespace) -> None:
    register = read_register(job.register)
    ours = read_ours(job, register)
    every = [run for runs in ours.values() for run in runs.values()]
    full_size = bool(every) and is_full_size(every)
    note = conditions(every[0], register) + dropped_in_training(every) if every else ""
    means = {stage: aggregate(list(runs.values()), register) for stage, runs in ours.items()}
    peers = {stage: systems(stage) for stage in ours}
    for stage, runs in ours.items():
        tabulate_stage(job, stage, runs, means[stage], peers[stage], note)
    labelled = {run.name: run for run in every}
    frame = datasets_beside(labelled, job.systems, full_size)
    caption = (
        "Precision@1 in percent on each of MMEB's 36 data sets. "
        f"{MARK_NOTE} {note if full_size else NOTHING}"
    )
    write_paper_table(job.out, "peers_datasets", frame, shown_datasets_beside(frame), caption)
    best = {
        stage: frame[frame["aggregate"] == ALL].dropna(subset="value").tail(1)
        for stage, frame in means.items()
    }
    model = str(every[0].facts()["model"]) if every else ""
    frame = backbones_beside(peers, best, job.backbone, Path(model).name, full_size)
    caption = (
        "The paper's backbones: mean Precision@1 in percent over all data sets, best published "
        f"system and ours (hierarchical prompt; SaHa). {MARK_NOTE} "
        + (note if full_size else f"{NOTHING} The last row is this experiment's own benchmark.")
    )
    write_paper_table(job.out, "backbones", frame, shown_backbones(frame), caption)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), tabulate, argv)


if __name__ == "__main__":
    sys.exit(main())
