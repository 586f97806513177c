"""A study planned by Snakemake within this process: what each job would run, in a second or two."""

import logging
import os
from collections.abc import Iterable
from pathlib import Path

import yaml
from snakemake.api import (
    ConfigSettings,
    DAGSettings,
    OutputSettings,
    ResourceSettings,
    SnakemakeApi,
)
from snakemake.settings.enums import Quietness

from workflow.conftest import ROOT

LINKED = (
    "Snakefile", "rules", "scripts", "schemas", "docs", "envs", "config.yaml", "paper_figures",
)  # fmt: skip
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))


def link_project(folder: Path, *own: str) -> Path:
    """A folder that looks like the project, by links but for the entries in ``own``."""
    for entry in LINKED:
        if entry not in own:
            (folder / entry).symlink_to(ROOT / entry)
    return folder


def planned_commands(
    folder: Path, config: dict, targets: Iterable[str] = ("all", "digest")
) -> list[tuple[str, str]]:
    """Rule and shell command of every job that would run in a project's folder, from nothing."""
    here = Path.cwd()
    (folder / "planned.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    logging.disable(logging.INFO)  # it says all of its plan
    try:
        with SnakemakeApi(OutputSettings(quiet={Quietness.ALL}, dryrun=True)) as api:
            workflow = api.workflow(
                resource_settings=ResourceSettings(cores=2),
                config_settings=ConfigSettings(configfiles=[folder / "planned.yaml"]),
                snakefile=folder / "Snakefile",
                workdir=folder,
            )
            dag = workflow.dag(DAGSettings(targets=set(targets)))
            dag.execute_workflow(executor="dryrun")
            jobs = list(workflow._workflow.dag.jobs)
            return sorted((job.rule.name, job.shellcmd) for job in jobs if job.shellcmd)
    finally:
        os.chdir(here)
        logging.disable(logging.NOTSET)
