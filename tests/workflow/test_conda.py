"""The ci experiment through Snakemake's own `--sdm conda`, with a stand-in for conda.

Each job runs in an environment that holds what its file in envs/ lists. What conda-forge has is not
tested (docs/environments.md).
"""

import os
import re
from pathlib import Path

import pytest

from conda_stand_in import install_stand_in
from workflow.conftest import copy_project

CI = ("--configfile", "configs/ci.yaml")
AUDIT = "results/ci/tables/published_audit.csv"  # of a rule that reads no other rule's files


@pytest.fixture(scope="module")
def conda(tmp_path_factory):
    """A function: Snakemake with --sdm conda in a project; environments are made once for all."""
    programs = install_stand_in(tmp_path_factory.mktemp("conda"))
    environments = tmp_path_factory.mktemp("environments")

    def run(project, *arguments, ok=True):
        output = project.snakemake(
            *("--sdm", "conda", "--conda-prefix", str(environments), *CI, "--", *arguments),
            ok=ok,
            PATH=f"{programs}:{os.environ['PATH']}",
        )
        return output, environments

    return run


@pytest.mark.slow
def test_every_stage_runs_in_its_environment_with_the_same_results(conda, finished, tmp_path):
    project = copy_project(tmp_path)
    output, environments = conda(project, "all", "digest")
    listed = {path.name for path in (project.folder / "envs").glob("*.yaml")}
    made = set(re.findall(r"Environment for \S*/([\w-]+\.yaml) created", output))
    assert made == {name for name in listed if not name.endswith("-gpu.yaml")}
    assert len(list(environments.glob("*.env_setup_done"))) == len(made)
    ours, theirs = (
        (one.folder / "results" / "ci" / "digest.tsv").read_text(encoding="utf-8").splitlines()
        for one in (project, finished)
    )
    assert sorted(set(ours) ^ set(theirs)) == []


@pytest.mark.slow
def test_a_rule_runs_with_the_python_of_its_environment(conda, tmp_path):
    project = copy_project(tmp_path)
    program = project.folder / "scripts" / "audit_published.py"
    told = "import sys\nfrom importlib.util import find_spec\n"
    told += "print(sys.prefix, find_spec('pandas') is None, find_spec('torch') is None)\n"
    program.write_text(told + program.read_text(encoding="utf-8").replace("from __future__", "#"))
    _, environments = conda(project, AUDIT)
    log = (project.folder / "results/ci/logs/audit_published.log").read_text(encoding="utf-8")
    prefix, without_pandas, without_torch = log.splitlines()[0].split()
    assert Path(prefix).parent == environments
    assert (without_pandas, without_torch) == ("False", "True")


@pytest.mark.slow
@pytest.mark.parametrize("package", ["pandas", "tabulate"])  # imported; imported by pandas
def test_a_package_that_an_environment_does_not_list_is_missing(conda, tmp_path, package):
    project = copy_project(tmp_path)
    file = project.folder / "envs" / "reporting.yaml"
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text("".join(line for line in lines if f"- {package} " not in line))
    conda(project, AUDIT, ok=False)
    log = (project.folder / "results/ci/logs/audit_published.log").read_text(encoding="utf-8")
    assert re.search(rf"(No module named|import) '?`?{package}", log), log


@pytest.mark.slow
def test_a_pin_that_cannot_be_had_stops_before_any_job(conda, tmp_path):
    project = copy_project(tmp_path)
    file = project.folder / "envs" / "reporting.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("pandas =3.1.1", "pandas =0.0.1"))
    output, _ = conda(project, AUDIT, ok=False)
    assert "Could not create conda environment" in output
    assert "nothing provides pandas =0.0.1" in output
    assert not (project.folder / "results/ci/logs/audit_published.log").exists()
