"""Which GPU a job takes. There is none here: nvidia-smi is a script that lists four."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gen2embed.gpus import listed

LINES = "0, GPU-a\n1, GPU-b\n2, GPU-c\n3, GPU-d\n"
SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
TAKE = (
    "import os, sys; from gen2embed.gpus import take_gpus; take_gpus(int(sys.argv[1]));"
    "print(os.environ.get('CUDA_VISIBLE_DEVICES', 'all'), flush=True); sys.stdin.read()"
)


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        (None, ["GPU-a", "GPU-b", "GPU-c", "GPU-d"]),
        ("2,0", ["GPU-c", "GPU-a"]),
        ("GPU-d", ["GPU-d"]),
        ("", []),
        ("MIG-x", []),
    ],
)
def test_visible_gpus(visible, expected):
    assert listed(LINES + "No more devices\n", visible) == expected


@pytest.fixture
def take(tmp_path):
    """Starts a process that takes GPUs and keeps them; what it sees."""
    smi = tmp_path / "nvidia-smi"
    smi.write_text(f"#!/bin/sh\nprintf '{LINES}'\n")
    smi.chmod(0o755)
    started = []

    def start(count, **variables):
        environment = os.environ | {
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "PYTHONPATH": str(SCRIPTS),
            "TMPDIR": str(tmp_path),
            **variables,
        }
        environment.pop("CUDA_VISIBLE_DEVICES", None)
        environment |= variables
        process = subprocess.Popen(
            [sys.executable, "-c", TAKE, str(count)],
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        started.append(process)
        return process, process.stdout.readline().strip()

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_jobs_side_by_side_take_different_gpus_and_a_killed_one_gives_its_back(take):
    first, seen = take(1)
    assert seen == "GPU-a"
    assert take(2)[1] == "GPU-b,GPU-c"
    full, seen = take(2)
    assert seen == "all"
    assert "--resources gpu=4" in full.communicate()[1]
    first.kill()
    first.wait()
    assert take(2)[1] == "GPU-a,GPU-d"


def test_what_a_scheduler_gave_is_kept(take):
    assert take(1)[1] == "GPU-a"
    assert take(1, CUDA_VISIBLE_DEVICES="0")[1] == "0"
    assert take(1, CUDA_VISIBLE_DEVICES="0,3")[1] == "GPU-d"
