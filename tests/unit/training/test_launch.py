"""Several processes and nodes: where they meet, what their ends mean, and that none hangs.

Two launchers on this machine stand for two nodes. Failures are those of this file, run as a program
of a few collectives; training over two nodes is in test_train_program.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gen2embed.errors import InputError
from gen2embed.training.launch import (
    Place,
    describe_end,
    exit_status,
    find_cause,
    find_place,
    stopped_as_asked,
)
from gen2embed.training.processes import LOST_THE_OTHERS

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
STEP = {  # what srun tells the second of three nodes
    "SLURM_JOB_ID": "12345",
    "SLURM_STEP_ID": "2",
    "SLURM_NNODES": "8",
    "SLURM_STEP_NUM_NODES": "3",
    "SLURM_NODEID": "1",
    "SLURM_LOCALID": "0",
    "SLURM_JOB_NODELIST": "gpu[1-8]",
    "SLURM_STEP_NODELIST": "gpu[4-6]",
}
ADDRESSES = {"gpu[1-8]": "gpu1", "gpu[4-6]": "gpu4"}  # of the first


def place_of(environment, nodes=None, node=None, endpoint=None, run_id=None):
    return find_place(nodes, node, endpoint, run_id, environment, ADDRESSES.get)


def test_a_place_among_slurms():
    """12345 + 101 * 2 is 547 above 12000, the number of ports from 20000 on."""
    assert place_of(STEP) == Place(3, 1, "gpu4", 20547, "12345.2")
    assert place_of(STEP, 2, 0, "here:99", "mine") == Place(2, 0, "here", 99, "mine")
    few = {key: STEP[key] for key in ("SLURM_JOB_ID", "SLURM_NODEID", "SLURM_JOB_NODELIST")}
    assert place_of(few, nodes=3) == Place(3, 1, "gpu1", 20345, "12345.0")
    assert place_of(few) == place_of({}) == Place()  # no step of srun's: this node alone
    assert place_of({}, 2, 1, "[fe80::1]:99", "mine").host == "fe80::1"


@pytest.mark.parametrize(
    ("variables", "flags", "said"),
    [
        ({}, {"nodes": 2}, "give --node, or start with srun, which sets SLURM_NODEID"),
        ({}, {"nodes": 2, "node": 0}, "give --endpoint, or start with srun, which sets SLURM_JOB_"),
        (
            {},
            {"nodes": 2, "node": 0, "endpoint": "here:99"},
            "give --run-id, or start with srun, which sets SLURM_JOB_ID",
        ),
        ({}, {"nodes": 2, "node": 2}, "--node 2: the 2 nodes are numbered from 0 to 1"),
        ({}, {"node": 1}, "--node 1: there is one node, number 0; give --nodes as well"),
        (STEP, {"endpoint": "gpu4"}, "--endpoint gpu4: give HOST:PORT, such as node1:29500"),
        ({**STEP, "SLURM_LOCALID": "1"}, {}, "start srun with --ntasks-per-node=1"),
        ({**STEP, "SLURM_JOB_ID": "x"}, {}, "SLURM_JOB_ID is 'x', which is no number; unset it"),
        (STEP, {"nodes": 0}, "--nodes is 0; give at least 1"),
    ],
)
def test_what_is_missing_is_one_line(variables, flags, said):
    with pytest.raises(InputError) as error:
        place_of(variables, **flags)
    assert said in str(error.value)


def test_what_an_end_means():
    assert describe_end(3, "gpu1", 42, -9) == (
        "rank 3 (gpu1, pid 42) was killed by SIGKILL; see the log above"
    )
    assert describe_end(0, "a", 1, 2) == "rank 0 (a, pid 1) ended with status 2; see the log above"
    assert (exit_status(-9), exit_status(2)) == (137, 2)
    assert find_cause({0: LOST_THE_OTHERS, 2: 2, 1: LOST_THE_OTHERS}) == 2
    assert find_cause({0: LOST_THE_OTHERS}) is None
    assert stopped_as_asked([143, 0, -15]) and not stopped_as_asked([143, -9])


def start(*flags, kid=("wait",)):
    own = [str(SCRIPTS / "launch_processes.py"), "--processes", "1", *flags]
    return subprocess.Popen(
        [sys.executable, *own, "--", __file__, *map(str, kid)],
        text=True,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(SCRIPTS), "OMP_NUM_THREADS": "1"},
    )


def free_endpoint():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"


def start_two(kid=("wait",)):
    common = ("--nodes", "2", "--endpoint", free_endpoint(), "--run-id", "test")
    return [start(*common, "--node", str(node), kid=kid) for node in range(2)]


def ends(launchers, seconds=60):
    """Status and lines of each; a hang fails here."""
    try:
        said = [one.communicate(timeout=seconds)[1].splitlines() for one in launchers]
    finally:
        for one in launchers:
            one.kill()
    return [one.returncode for one in launchers], said


def wait_for(*files):
    until = time.monotonic() + 60
    while not all(file.exists() for file in files):
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_killed_process_ends_both_nodes(tmp_path):
    """The other node's process waits for it in a collective."""
    launchers = start_two(kid=("wait", tmp_path))
    files = [tmp_path / "0", tmp_path / "1"]
    wait_for(*files)
    os.kill(int(files[1].read_text()), signal.SIGKILL)
    statuses, said = ends(launchers)
    assert statuses == [1, 137]
    pid = files[1].read_text()
    line = f"rank 1 ({socket.gethostname()}, pid {pid}) was killed by SIGKILL; see the log above"
    for lines in said:
        own = [one for one in lines if "launch_processes" in one]
        assert own == lines[-1:] == [f"launch_processes: {line}"]


def test_the_cause_is_named_and_not_its_consequence():
    """Process 1 ends with an error of its own while process 0, without it, ends sooner."""
    statuses, said = ends(start_two(kid=("fail",)))
    assert statuses == [1, 2]
    assert "kid: this is wrong" in said[1]
    for lines in said:
        assert lines[-1].startswith("launch_processes: rank 1 (")
        assert lines[-1].endswith(" ended with status 2; see the log above")


def test_a_node_that_ends_late_may_still_fail():
    """Process 0 has ended well; its launcher waits for the other node's."""
    statuses, said = ends(start_two(kid=("late",)))
    assert statuses == [1, 3]
    for lines in said:
        (line,) = lines
        assert line.startswith("launch_processes: rank 1 (")


def test_what_comes_to_no_start():
    """Node 1 never comes; node 0 never comes; the port is taken."""
    here, there = free_endpoint(), free_endpoint()
    common = ("--nodes", "2", "--run-id", "test", "--join-seconds", "3")
    with socket.create_server(("", 0)) as other:
        port = other.getsockname()[1]
        launchers = [
            start(*common, "--endpoint", here, "--node", "0"),
            start(*common, "--endpoint", there, "--node", "1"),
            start(*common, "--endpoint", f"127.0.0.1:{port}", "--node", "0"),
        ]
        statuses, said = ends(launchers)
    assert statuses == [2, 2, 2]
    assert said[0] == [
        "launch_processes: 1 of 2 nodes came within 3 s, without node 1; see their logs, and "
        f"whether all were given this endpoint and run id ({here}, test)"
    ]
    assert said[1] == [
        f"launch_processes: node 0 was not there within 3 s: no connection to {there} (Connection "
        "refused); see its log, and whether a firewall is between"
    ]
    assert said[2] == [
        f"launch_processes: port {port} of this machine: address already in use; give another one "
        "with --endpoint HOST:PORT"
    ]


def test_sigterm_is_passed_on_and_waited_for(tmp_path):
    """One launcher alone is told; both processes end, at different times, as they agreed."""
    launchers = start_two(kid=("agree", tmp_path))
    wait_for(tmp_path / "0", tmp_path / "1")
    launchers[1].send_signal(signal.SIGTERM)
    statuses, said = ends(launchers)
    assert statuses == [143, 143]
    assert said == [["launch_processes: ended by SIGTERM"]] * 2
    assert (tmp_path / "saved").exists()


def test_a_process_that_does_not_end_is_killed(tmp_path):
    alone = start("--end-seconds", "1", kid=("deaf", tmp_path))
    wait_for(tmp_path / "0")
    alone.send_signal(signal.SIGTERM)
    ((status,), ((line,),)) = ends([alone])
    assert status == 137
    assert line.endswith("had not ended 1 s after SIGTERM and was killed")


def in_each_process(what, folder=None):
    rank = int(os.environ["RANK"])
    term = []
    signal.signal(signal.SIGTERM, lambda *_: term.append(1))

    def come():
        (Path(folder) / f".{rank}").write_text(str(os.getpid()))
        (Path(folder) / f".{rank}").rename(Path(folder) / str(rank))

    if what == "deaf":
        come()
        until = time.monotonic() + 120
        while time.monotonic() < until:
            time.sleep(1)
    if what == "late":  # without torch: no collective tells process 0
        time.sleep(2 * rank)
        sys.exit(3 * rank)
    import torch
    from torch import distributed

    def wait_in_a_collective():
        """As a program that says of itself that it only lost the others."""
        try:
            distributed.barrier()
        except RuntimeError:
            os._exit(LOST_THE_OTHERS)

    distributed.init_process_group("gloo")
    if what == "fail":
        if rank == 1:
            print("kid: this is wrong", file=sys.stderr)
            distributed.destroy_process_group()
            time.sleep(1)
            sys.exit(2)
        wait_in_a_collective()
    if what == "wait":
        come()
        if rank == 0:
            wait_in_a_collective()
        time.sleep(120)
    if what == "agree":
        come()
        asked = torch.zeros(1)
        while not asked.item():
            time.sleep(0.05)
            asked = torch.tensor([float(bool(term))])
            distributed.all_reduce(asked)
        distributed.destroy_process_group()
        if rank == 0:
            time.sleep(1)
            (Path(folder) / "saved").touch()
        sys.exit(143)


if __name__ == "__main__":
    in_each_process(*sys.argv[1:])
