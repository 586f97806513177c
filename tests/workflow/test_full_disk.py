"""A full disk and a read-only one, stage by stage: one line, and nothing half-written stays.

Every command of a finished experiment is run again with its outputs on a disk of a few kilobytes.
Mounting one needs root; without it nothing is tested here.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from workflow.conftest import copy_finished

pytestmark = pytest.mark.slow
CI = ("--configfile", "configs/ci.yaml")
STAGES = (
    "build_benchmark", "prepare_items", "train_generator", "embed_items", "embed_training",
    "mine_negatives", "mine_grid", "measure_false_negatives", "train_adapter", "embed_adapted",
    "score_subset", "score_adapted", "score_compositions", "write_leaderboard", "analyse_model",
    "tabulate_zero_shot", "tabulate_mining", "tabulate_runs", "tabulate_training",
    "tabulate_peers", "tabulate_prompts", "tabulate_compositions", "audit_leakage",
    "audit_published", "tabulate_ranks", "plot_scores", "plot_umap", "plot_mining", "plot_dynamics",
    "plot_analyses", "draw_gallery", "trace_anchor", "draw_saha", "plot_grid",
)  # fmt: skip


@pytest.fixture(scope="module")
def project(finished, tmp_path_factory):
    return copy_finished(finished, tmp_path_factory.mktemp("disk"))


@pytest.fixture(scope="module")
def commands(project):
    """rule -> its first command, as Snakemake would run it."""
    output = project.snakemake("-n", "-p", "--forceall", *CI, "--", "all")
    found = {}
    for block in re.split(r"^(?:local)?rule ", output, flags=re.M)[1:]:
        command = re.search(r"^Shell command: (.*)$", block, flags=re.M)
        if command:
            found.setdefault(block.split(":")[0], command[1])
    return found


@pytest.fixture
def disk(tmp_path, request):
    """A disk of 64 kB; ``request.param``: options of the mount."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    (place / "full").write_bytes(b"\0" * 61_440)  # a page of 4 kB is left
    if request.param == "ro":
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def moved(command, disk):
    """The command with its outputs on the disk; job lists stay where they were, logs are shown."""
    command = re.sub(r'("(?:out|partial|counted)": ")results/ci', rf"\1{disk}", command)
    command = re.sub(r"(--(?:cost-)?out )results/ci", rf"\1{disk}", command)
    return re.sub(r" >>? ?results/\S+\.log 2>&1", "", command)


@pytest.mark.parametrize("disk", ["full", "ro"], indirect=True)
@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_on_a_disk_that_takes_nothing(project, commands, disk, stage):
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    before = {path.name for path in disk.iterdir()}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", moved(commands[stage], disk)], cwd=project.folder,
        env=os.environ | {"PATH": path, "HF_HUB_OFFLINE": "1"},
        capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    said = done.stderr.strip()
    assert "Traceback" not in said, said[-2000:]
    assert done.returncode in (1, 2), (done.returncode, said[-500:], done.stdout[-500:])
    last = said.splitlines()[-1]
    assert re.match(r"\w+: ", last) and re.search("disk|read-only|write|room|space", last), last
    left = [path for path in disk.rglob("*") if path.is_file() and path.name not in before]
    assert not [path for path in left if path.name.startswith(".")], left
    shutil.rmtree(project.folder / "results" / "ci" / "partial", ignore_errors=True)
