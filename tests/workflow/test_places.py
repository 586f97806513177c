"""Where a project may lie: an odd path, results on another disk; and who may not write there."""

import os
import subprocess
import sys

import pytest

from workflow.conftest import ROOT, copy_project

TARGETS = ("results/ci/config.yaml", "results/ci/tables/published_audit.md")
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


def test_an_odd_path_and_results_on_another_disk(tmp_path):
    """A space, an apostrophe and a letter beyond ASCII; results/ is a link, and stays one."""
    place, scratch = tmp_path / "user's würk folder", tmp_path / "scratch disk"
    place.mkdir()
    scratch.mkdir()
    project = copy_project(place)
    for path in (place / "results").rglob("*"):
        path.unlink()
    (place / "results").rmdir()
    (place / "results").symlink_to(scratch)
    words = ("--configfile", "configs/ci.yaml", "--", *TARGETS)
    project.snakemake(*words)
    assert (place / "results").is_symlink() and (scratch / "ci" / "config.yaml").is_file()
    assert "Nothing to be done" in project.snakemake(*words)


def as_nobody(*words):
    """A Python program as a user without a home, who may write nowhere but in temporary folders."""
    if os.geteuid() or subprocess.run([*NOBODY, "true"], capture_output=True).returncode:
        pytest.skip("becoming another user needs root")
    kept = {key: value for key, value in os.environ.items() if key not in ("MPLCONFIGDIR",)}
    return subprocess.run(
        [*NOBODY, sys.executable, *words],
        text=True, capture_output=True, cwd="/", env=kept | {"HOME": "/nonexistent"},
    )  # fmt: skip


@pytest.mark.slow
def test_a_map_is_made_where_no_cache_can_be_written():
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'scripts')!r}); import numpy as np; "
        "from gen2embed.reporting.figures.embedding_space import flatten; "
        "rows = np.random.default_rng(0).normal(size=(20, 8)).astype('float32'); "
        "print(flatten(rows, 0).shape)"
    )
    done = as_nobody("-c", code)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == "(20, 2)"
