"""Which GPU a job takes. There is none here: nvidia-smi is a script that lists four.

Where it is missing, a folder stands for the root of a machine with the driver's files.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gen2embed.machine.gpus import count_devices, listed, lock_folder

LINES = "0, GPU-a\n1, GPU-b\n2, GPU-c\n3, GPU-d\n"
SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
TAKE = (
    "import os, sys; from pathlib import Path; from gen2embed.machine import gpus;"
    "gpus.ROOT = Path(sys.argv[2]); gpus.take_gpus(int(sys.argv[1]));"
    "assert 'torch' not in sys.modules;"
    "print(os.environ.get('CUDA_VISIBLE_DEVICES', 'all'), flush=True); sys.stdin.read()"
)
NO_SMI = "#!/bin/sh\nexit 9\n"  # as where driver and library differ; None: not there


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
def start(tmp_path):
    """start(count, smi, root): a process that takes GPUs and keeps them; what it sees.

    smi: text of the script nvidia-smi, None for none; root: folder with the machine's dev, proc.
    """
    started = []

    def start(count, smi, root, **variables):
        path = tmp_path / "bin" / "nvidia-smi"
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        if smi is not None:
            path.write_text(smi)
            path.chmod(0o755)
        environment = os.environ | {
            "PATH": f"{path.parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(SCRIPTS),
            "TMPDIR": str(tmp_path),
        }
        environment.pop("CUDA_VISIBLE_DEVICES", None)
        process = subprocess.Popen(
            [sys.executable, "-c", TAKE, str(count), str(root)],
            env=environment | variables,
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


@pytest.fixture
def take(start, tmp_path):
    """start, where nvidia-smi lists four."""
    script = f"#!/bin/sh\nprintf '{LINES}'\n"
    return lambda count, **variables: start(count, script, tmp_path / "bare", **variables)


def machine(root, devices=(), known=0, others=()):
    """A root folder with these device files, so many GPUs in proc, and other files."""
    for index in devices:
        touch(root / f"dev/nvidia{index}")
    for index in range(known):
        touch(root / f"proc/driver/nvidia/gpus/0000:{index:02x}:00.0/information")
    for name in others:
        touch(root / name)
    return root


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def test_jobs_side_by_side_take_different_gpus_and_a_killed_one_gives_its_back(take):
    first, seen = take(1)
    assert seen == "GPU-a"
    assert take(2)[1] == "GPU-b,GPU-c"
    full, seen = take(2)
    assert seen == "GPU-a,GPU-b"  # shared, and no more than asked for
    assert "--resources gpu=4" in full.communicate()[1]
    first.kill()
    first.wait()
    assert take(2)[1] == "GPU-a,GPU-d"


def test_what_a_scheduler_gave_is_kept(take):
    assert take(1)[1] == "GPU-a"
    assert take(1, CUDA_VISIBLE_DEVICES="0")[1] == "0"
    assert take(1, CUDA_VISIBLE_DEVICES="0,3")[1] == "GPU-d"


@pytest.mark.parametrize("smi", [None, NO_SMI])
@pytest.mark.parametrize("files", [{"devices": (0, 1, 2)}, {"known": 3}])
def test_without_nvidia_smi_jobs_take_indices_under_the_same_locks(start, tmp_path, smi, files):
    root = machine(tmp_path / "root", **files)
    first, seen = start(1, smi, root)
    assert seen == "0"
    assert start(1, smi, root)[1] == "1"
    assert start(1, smi, root, CUDA_VISIBLE_DEVICES="1,2")[1] == "2"
    full, seen = start(1, smi, root)
    assert seen == "0" and "--resources gpu=3" in full.communicate()[1]
    first.kill()
    first.wait()
    assert start(1, smi, root)[1] == "0"


@pytest.mark.parametrize(
    ("files", "count", "variables", "expected"),
    [
        ({}, 1, {}, "all"),  # no sign of a GPU: nothing is touched
        ({"devices": (0,)}, 1, {}, "all"),  # the only one
        ({"others": ["dev/nvidiactl"]}, 1, {}, "0"),
        ({"others": ["dev/dxg"]}, 1, {}, "0"),
        ({"others": ["proc/driver/nvidia/version"]}, 1, {}, "0"),
        ({"others": ["dev/nvidiactl"]}, 4, {}, "all"),  # four processes, each with its own
        ({}, 1, {"CUDA_VISIBLE_DEVICES": "5,6"}, "5"),
        ({"devices": (0, 1)}, 1, {"CUDA_VISIBLE_DEVICES": ""}, ""),
        ({"devices": (0, 1)}, 1, {"CUDA_VISIBLE_DEVICES": "-1"}, "-1"),
        ({"devices": (0, 1)}, 1, {"CUDA_VISIBLE_DEVICES": "MIG-x"}, "MIG-x"),
        ({"devices": range(8)}, 4, {}, "0,1,2,3"),
    ],
)
def test_a_single_process_without_nvidia_smi(start, tmp_path, files, count, variables, expected):
    root = machine(tmp_path / "root", **files)
    assert start(count, None, root, **variables)[1] == expected


def test_a_container_has_fewer_devices_than_the_host(tmp_path):
    """And other files of the driver are no GPUs."""
    others = ["dev/nvidia-uvm", "dev/nvidiactl", "dev/nvidia-caps/nvidia-cap1"]
    assert count_devices(machine(tmp_path, devices=(3,), known=8, others=others)) == 1


@pytest.mark.parametrize("fault", ["file", "link", "writable", "nowhere"])
def test_a_lock_folder_of_another_kind_is_done_without(tmp_path, capsys, fault):
    folder = tmp_path / f"gen2embed-gpus-{os.getuid()}"
    above = tmp_path
    if fault == "file":
        folder.write_text("")
    elif fault == "link":
        (tmp_path / "theirs").mkdir()
        folder.symlink_to("theirs")
    elif fault == "writable":
        folder.mkdir()
        folder.chmod(0o777)
    else:
        above = tmp_path / "none"
    assert lock_folder(above) is None
    assert "TMPDIR" in capsys.readouterr().err


def test_a_lock_folder_of_another_user_is_done_without(tmp_path, capsys, monkeypatch):
    assert lock_folder(tmp_path).stat().st_mode & 0o777 == 0o700
    uid = os.getuid()
    made = tmp_path / f"gen2embed-gpus-{uid + 1}"
    made.mkdir()
    monkeypatch.setattr(os, "getuid", lambda: uid + 1)
    assert lock_folder(tmp_path) is None
    assert "another user" in capsys.readouterr().err
