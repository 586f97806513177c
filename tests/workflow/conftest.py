"""A copy of the project in which Snakemake runs for real, and one finished small experiment."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from workflow import snakemake_server

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Project:
    """A copy of the working tree (what git knows or would add), without results."""

    folder: Path
    cache: Path | None = None

    def call(self, *arguments, **variables):
        """What subprocess is told to run Snakemake here, this Python's programs first on PATH.

        variables: of the environment, besides.
        """
        environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HF_HUB_OFFLINE": "1",
            "XDG_CACHE_HOME": str(self.folder / ".cache"),
            **variables,
        }
        if self.cache:
            environment["SNAKEMAKE_OUTPUT_CACHE"] = str(self.cache)
        command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
        return {"args": command, "cwd": self.folder, "env": environment, "text": True}

    def snakemake(self, *arguments, ok=True, **variables):
        """Run it to its end; stdout and stderr."""
        told = self.call(*arguments, **variables)
        if variables:
            done = subprocess.run(**told, capture_output=True)
        else:
            done = snakemake_server.call(told["args"][3:], told["cwd"], told["env"])
        output = done.stdout + done.stderr
        assert (done.returncode == 0) == ok, output[-4000:]
        return output

    def planned(self, *arguments):
        """The rules (with their number of jobs) that a dry run would execute."""
        output = self.snakemake("-n", *arguments)
        jobs = {}
        if "Job stats:" in output:
            for line in output.split("Job stats:")[1].strip().splitlines()[2:]:
                if not line.strip():
                    break
                rule, count = line.split()
                jobs[rule] = int(count)
        jobs.pop("total", None)
        return jobs


def copy_project(to):
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)
    for path in ROOT.glob(".snakemake/programs/parsed-*"):  # of each text what it means, by its sum
        (to / path.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, to / path.relative_to(ROOT))
    return Project(to)


def copy_finished(finished, to, *without):
    """A copy of a finished project with its results, but for some folders of them."""
    project = copy_project(to)
    for name in ("results", ".snakemake"):
        shutil.copytree(finished.folder / name, to / name, dirs_exist_ok=True)
    for name in without:
        shutil.rmtree(to / "results" / "ci" / name)
    return project


@pytest.fixture
def project(tmp_path):
    return copy_project(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A project whose ci experiment has run from nothing to its digest, and filled a cache."""
    made = copy_project(tmp_path_factory.mktemp("finished"))
    made.cache = tmp_path_factory.mktemp("cache")
    made.snakemake("--cache", "--configfile", "configs/ci.yaml", "--", "all", "digest")
    return made
