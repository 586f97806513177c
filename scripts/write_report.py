"""Write the report: one offline page of a whole study, its claims first, then the paper's order."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from gen2embed.command_line import run_each
from gen2embed.errors import InputError
from gen2embed.files import read_json_object, write_text
from gen2embed.outputs import add_output
from gen2embed.reporting.paper import product
from gen2embed.reporting.report.claims import claims
from gen2embed.reporting.report.contents import Shown, numbers_of, read_figure, read_table
from gen2embed.reporting.report.page import Study, render
from gen2embed.reporting.report.schedule import schedule
from gen2embed.reporting.report.sections import read_sections
from gen2embed.reporting.tables.mining_statistics import read_rates
from gen2embed.text_files import read_yaml

ALWAYS = ("data", "run")  # sections that say something without a figure or table
GENERATOR = "generator"  # model.name: the mini's own
MADE_HERE = (
    "Nothing was downloaded, so the data doctor had nothing to look at (data.source: {}): these "
    "data are made by the project's own programs, or come from a table that is checked when read."
)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="write_report", description=__doc__)
    add = parser.add_argument
    add("--results", required=True, help="folder of the experiment, for the times of its jobs")
    add("--config", required=True, help="its whole configuration (YAML)")
    add("--figures", nargs="*", default=[], help="figures (.png) to show, with what lies beside")
    add("--tables", nargs="*", default=[], help="tables (.html) to show, with what lies beside")
    add("--rates", help="report of measure_false_negatives.py on all subsets, where there is one")
    add("--provenance", required=True, help="provenance.run.json of the experiment")
    add_output(parser, "--out", ".html", help="the report")
    return parser


def what_was_run(
    config: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]
) -> list[tuple[str, str]]:
    """What the start page says of the run, row by row, from the configuration and the results."""
    name = config["model"]["name"]
    model = f"{name}, trained here" if name == GENERATOR else name
    rows = [("model", model), ("data", config["data"]["source"])]
    sets = tables.get("zero_shot_datasets")
    if sets is not None and len(sets):
        by_set = sets.drop_duplicates("dataset")
        rows.append(("scored on", f"{len(by_set)} data sets, {int(by_set['n'].sum())} queries"))
    rows.append(("prompts", ", ".join(config["embed"]["prompts"])))
    mining = tables.get("mining")
    if mining is not None and len(mining):
        rows.append(("mined", f"{', '.join(mining['strategy'])} (k {config['mine']['k']}, "
                     f"m {config['mine']['m']})"))  # fmt: skip
    train = config["train"]
    trained = [f"{run['strategy']}, {run['prompt']}" for run in train["runs"]]
    rows.append(("trained", "; ".join(dict.fromkeys(trained)) or "nothing: the model as it is"))
    if trained:
        seeds = f"seed{'s' * (len(train['seeds']) > 1)} {', '.join(map(str, train['seeds']))}"
        rows.append(("training", f"{train['steps']} steps, {seeds}"))
    return rows


def shown_parts(job: argparse.Namespace, tables: Mapping[str, pd.DataFrame]) -> list:
    """Each section with what the study has of it; empty sections are left out, but for ALWAYS."""
    figures = {path.stem: path for path in map(Path, job.figures)}
    listed = {path.stem: path for path in map(Path, job.tables)}
    for name in [*figures, *listed]:
        product(name)  # InputError for what the map of the paper does not know
    parts = []
    for section in read_sections():
        shown: list[Shown] = []
        for name in section.products:
            if name in figures:
                shown.append(read_figure(figures[name], product(name)))
            elif name in listed:
                shown.append(read_table(listed[name], product(name), tables))
        if shown or section.key in ALWAYS:
            parts.append((section, shown))
    return parts


def write(job: argparse.Namespace) -> None:
    config = read_yaml(Path(job.config))
    if not isinstance(config, dict):
        raise InputError(f"{job.config}: no configuration; the rule write_configuration makes it")
    tables = numbers_of(map(Path, job.tables))
    source = config["data"]["source"]
    write_text(
        job.out,
        render(
            Study(
                experiment=config["experiment"],
                run=what_was_run(config, tables),
                claims=claims(tables, read_rates(job.rates, ()) if job.rates else None),
                parts=shown_parts(job, tables),
                schedule=schedule(job.results),
                doctor="" if "data_findings" in tables else MADE_HERE.format(source),
                provenance=read_json_object(job.provenance),
            )
        ),
    )


def main(argv: Sequence[str] | None = None) -> int:
    return run_each(build_parser(), write, argv)


if __name__ == "__main__":
    sys.exit(main())
