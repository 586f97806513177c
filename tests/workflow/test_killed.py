"""SIGKILL in the middle of training and of embedding: the next run goes on, to the same bytes."""

import json
import os
import signal
import subprocess
import time

import psutil
import pytest

from gen2embed.files import digest_file
from workflow.conftest import copy_finished

pytestmark = pytest.mark.slow
CI = ("--configfile", "configs/ci.yaml")


def kill_tree(process):
    """As a machine that dies: nothing may clean up."""
    for one in [*psutil.Process(process.pid).children(recursive=True), process]:
        os.kill(one.pid, signal.SIGKILL)
    process.wait()


def killed_when(project, pattern, *arguments):
    """Start Snakemake and kill everything as soon as a file of the pattern exists."""
    started = subprocess.Popen(
        **project.call(*arguments), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    until = time.monotonic() + 300
    while not list(project.folder.glob(pattern)):
        assert started.poll() is None, "ended before it could be killed"
        assert time.monotonic() < until
        time.sleep(0.02)
    kill_tree(started)
    project.snakemake("--unlock", *arguments)


def digests(folder):
    return {
        path.relative_to(folder).as_posix(): digest_file(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".run.json" not in path.name
    }


def test_killed_in_training(finished, tmp_path):
    project = copy_finished(finished, tmp_path, "adapters")
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("train: {save_every: 2}\n")
    arguments = (*CI, str(overlay), "--", "train")
    states = "results/ci/partial/train_adapter/*/checkpoint-*/sums.json"
    killed_when(project, states, *arguments)
    project.snakemake(*arguments)
    results = tmp_path / "results" / "ci"
    records = [json.loads(path.read_text()) for path in (results / "adapters").rglob("*.run.json")]
    assert any(record["resumed_from"] for record in records)
    assert digests(results / "adapters") == digests(finished.folder / "results/ci/adapters")
    assert not list(results.glob("partial/train_adapter/*"))


def test_killed_in_embedding(finished, tmp_path):
    """One item per forward pass, so that there is time to kill it; compared with a quiet run."""
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("embed: {token_budget: 1, save_seconds: 0.2}\n")
    target = "results/ci/embeddings/base/plain/eval_query.npy"
    arguments = (*CI, str(overlay), "--", target)
    killed, quiet = (
        copy_finished(finished, tmp_path / name, "embeddings") for name in ("killed", "quiet")
    )
    killed_when(killed, "results/ci/partial/embed_items/*/*.npz", *arguments)
    killed.snakemake(*arguments)
    quiet.snakemake(*arguments)
    folder = "results/ci/embeddings/base/plain"
    assert digests(killed.folder / folder) == digests(quiet.folder / folder)
    records = [json.loads(path.read_text()) for path in (killed.folder / folder).glob("*.run.json")]
    assert any(record["resumed_batches"] for record in records)
