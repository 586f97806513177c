"""How several processes and nodes end, started as the workflow does: no hang, and a last line.

Two launchers on this machine stand for two nodes; their processes are this file, run as a program.
Training over two nodes is in test_train_program.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

import launch_processes
from gen2embed.training.processes import LOST_THE_OTHERS

LAUNCHER = Path(__file__).resolve().parents[3] / "scripts" / "launch_processes.py"


@pytest.mark.parametrize(
    ("ends", "line", "status"),
    [
        ({0: LOST_THE_OTHERS, 2: 2, 1: -15}, "rank 2 ended with status 2", 2),
        ({0: -15, 1: -9}, "rank 1 was killed by SIGKILL", 137),
        ({0: LOST_THE_OTHERS}, "rank 0 ended with status 69", LOST_THE_OTHERS),
    ],
)
def test_the_cause_is_named_and_not_its_consequence(ends, line, status):
    failures = {rank: SimpleNamespace(exitcode=end, timestamp=1) for rank, end in ends.items()}
    assert launch_processes.describe(failures) == (f"{line}; see the log above", status)


def start(*flags, folder=".", **variables):
    return subprocess.Popen(
        [sys.executable, str(LAUNCHER), *flags, __file__, str(folder)],
        text=True,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(LAUNCHER.parent), "OMP_NUM_THREADS": "1"} | variables,
    )


def start_node(port, is_host, folder="."):
    meeting = ["--nnodes", "2", "--rdzv-backend", "c10d", "--rdzv-endpoint", f"127.0.0.1:{port}"]
    conf = f"is_host={is_host},join_timeout=3,read_timeout=3"
    return start(*meeting, "--rdzv-conf", conf, folder=folder)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def ends(launchers, seconds=60):
    """Status and last line of each; a hang fails here."""
    try:
        said = [one.communicate(timeout=seconds)[1].splitlines()[-1] for one in launchers]
    finally:
        for one in launchers:
            one.kill()
    return [one.returncode for one in launchers], said


def processes_of(folder, count):
    """Their ids by rank, once all are there and wait for each other."""
    until = time.monotonic() + 60
    while len(found := list(folder.glob("rank*"))) < count:
        assert time.monotonic() < until
        time.sleep(0.02)
    return {int(file.name[4:]): int(file.read_text()) for file in found}


def test_a_killed_process_ends_all_of_a_machine(tmp_path):
    launcher = start("--standalone", "--nproc-per-node", "2", folder=tmp_path)
    os.kill(processes_of(tmp_path, 2)[1], signal.SIGKILL)
    line = "launch_processes: rank 1 was killed by SIGKILL; see the log above"
    assert ends([launcher]) == ([137], [line])


def test_a_killed_process_ends_both_nodes(tmp_path):
    """The other node's process waits for it in a collective and says that it has lost it."""
    port = free_port()
    launchers = [start_node(port, is_host, tmp_path) for is_host in (1, 0)]
    pid = processes_of(tmp_path, 2)[1]
    (other,) = (one for one in launchers if one.pid != parent_of(pid))
    os.kill(pid, signal.SIGKILL)
    launchers.remove(other)
    statuses, said = ends([*launchers, other])
    assert statuses[0] == 137 and statuses[1] in (1, LOST_THE_OTHERS)
    assert said[0] == "launch_processes: rank 1 was killed by SIGKILL; see the log above"
    lost = "launch_processes: rank 0 ended with status 69; see the log above"
    assert said[1] == lost or said[1].startswith("launch_processes: no rendezvous of 2 nodes")


def parent_of(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_what_comes_to_no_start():
    """Node 1 never comes; node 0 never comes; the port is taken."""
    with socket.create_server(("", 0)) as other:
        ports = [free_port(), free_port(), other.getsockname()[1]]
        launchers = [
            start_node(port, is_host) for port, is_host in zip(ports, (1, 0, 1), strict=True)
        ]
        statuses, said = ends(launchers)
    assert statuses == [1, 1, 1]
    reasons = ["not all came in time", "timed out after 3000ms", "address already in use"]
    for line, port, reason in zip(said, ports, reasons, strict=True):
        assert line.startswith(f"launch_processes: no rendezvous of 2 nodes at 127.0.0.1:{port} (")
        assert reason in line
        assert line.endswith("); see the logs of the others, or give another port")


def test_free_gpus_are_taken_for_all_processes(tmp_path):
    smi = tmp_path / "nvidia-smi"
    smi.write_text("#!/bin/sh\necho '0, GPU-a\n1, GPU-b\n2, GPU-c'\n")
    smi.chmod(0o755)
    variables = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "TMPDIR": str(tmp_path)}
    variables["CUDA_VISIBLE_DEVICES"] = "1,2,0"
    launcher = start("--standalone", "--nproc-per-node", "2", folder=tmp_path, **variables)
    pids = processes_of(tmp_path, 2)
    for pid in pids.values():
        told = Path(f"/proc/{pid}/environ").read_text().split("\0")
        assert "CUDA_VISIBLE_DEVICES=GPU-b,GPU-c" in told
    launcher.terminate()
    assert ends([launcher]) == ([143], ["launch_processes: ended by SIGTERM"])


def in_each_process(folder):
    """Process 0 waits for the others in a collective, to which they never come."""
    from torch import distributed

    distributed.init_process_group("gloo")
    rank = distributed.get_rank()
    file = Path(folder) / f".{rank}"
    file.write_text(str(os.getpid()))
    file.rename(Path(folder) / f"rank{rank}")
    if rank == 0:
        try:
            distributed.barrier()
        except RuntimeError:
            os._exit(LOST_THE_OTHERS)
    time.sleep(120)


if __name__ == "__main__":
    in_each_process(sys.argv[1])
