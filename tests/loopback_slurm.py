"""A real SLURM on this machine's loopback: controller, node daemons, fake GPUs, for tests.

    loopback_slurm.py up [--nodes 1] [--cpus N]     prints the state folder
    loopback_slurm.py restart-controller            kills it and starts it again
    loopback_slurm.py down

It needs root and Debian's slurm-wlm and munge. SLURM's programs find their cluster by
/etc/slurm/slurm.conf alone, since job steps lose SLURM_CONF: that name becomes a link into the
state folder, which `down` removes. Where a real configuration stands there, nothing is touched.
There is no accounting database, as on many small clusters.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ETC = Path("/etc/slurm")
FILES = ("slurm.conf", "gres.conf")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sinfo", "sbatch", "srun")
GPUS = 2  # of each node
PARTITIONS = ("main", "gpu")  # main is the default
TIMEOUT = 30  # seconds until the nodes must be idle

CONF = """\
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort=16817
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={state}/munge/socket
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SlurmdParameters=config_overrides
ReturnToService=2
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
MinJobAge=600
KillWait={kill_wait}
SlurmctldPidFile={state}/slurmctld.pid
SlurmctldLogFile={state}/slurmctld.log
SlurmdPidFile={state}/slurmd-%n.pid
SlurmdLogFile={state}/slurmd-%n.log
StateSaveLocation={state}/saved
SlurmdSpoolDir={state}/spool-%n
GresTypes=gpu
"""
NODE = (
    "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={cpus} Boards=1 "
    "SocketsPerBoard=1 CoresPerSocket={cpus} ThreadsPerCore=1 RealMemory={memory} "
    "Gres=gpu:{gpus} State=UNKNOWN\n"
)


class ClusterError(Exception):
    """What keeps the cluster from coming up, in one line."""


def missing() -> str | None:
    """Why no cluster can be brought up here; None if it can."""
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if absent:
        return f"{', '.join(absent)} not installed (Debian: slurm-wlm, munge)"
    if os.geteuid() != 0:
        return "only root can bring up SLURM's daemons"
    taken = [ETC / name for name in FILES if (ETC / name).exists() or (ETC / name).is_symlink()]
    if taken:
        return f"{taken[0]} is there already: this machine's own SLURM, or one not taken down"
    return None


def node_names(nodes: int) -> list[str]:
    host = socket.gethostname().split(".")[0]
    return [host] if nodes == 1 else [f"{host}-{number}" for number in range(1, nodes + 1)]


def write_configuration(state: Path, nodes: int, cpus: int, kill_wait: int) -> None:
    names = node_names(nodes)
    host = socket.gethostname().split(".")[0]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    text = CONF.format(host=host, state=state, kill_wait=kill_wait)
    for number, name in enumerate(names):
        text += NODE.format(
            name=name,
            host=host,
            port=16818 + number,
            cpus=cpus,
            memory=(memory - 1000) // nodes,
            gpus=GPUS,
        )
    for name in PARTITIONS:
        default = "YES" if name == PARTITIONS[0] else "NO"
        listed = ",".join(names)
        text += f"PartitionName={name} Nodes={listed} Default={default} MaxTime=180 State=UP\n"
    (state / "slurm.conf").write_text(text, encoding="utf-8")
    devices = "".join(
        f"NodeName={name} Name=gpu File={state}/gpu[0-{GPUS - 1}]\n" for name in names
    )
    (state / "gres.conf").write_text(devices, encoding="utf-8")
    for number in range(GPUS):  # a GPU with a count alone makes a node invalid; /dev/null will do
        os.mknod(state / f"gpu{number}", 0o666 | 0o020000, os.makedev(1, 3))


def run(*command: str) -> None:
    done = subprocess.run(command, text=True, capture_output=True)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["said nothing"]
        raise ClusterError(f"{command[0]}: {said[-1]}")


def start_munge(state: Path) -> None:
    folder = state / "munge"
    folder.mkdir(mode=0o755)
    (folder / "key").write_bytes(os.urandom(1024))
    (folder / "key").chmod(0o400)
    for path in (folder / "key", folder):
        shutil.chown(path, "munge", "munge")
    names = {"key-file": "key", "socket": "socket", "pid-file": "munged.pid"}
    names |= {"log-file": "munged.log", "seed-file": "seed"}
    flags = [f"--{flag}={folder / name}" for flag, name in names.items()]
    run("runuser", "-u", "munge", "--", "munged", *flags)


def wait_for(told: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + TIMEOUT
    while not told():
        if time.monotonic() > until:
            raise ClusterError(f"{what} within {TIMEOUT} s; see the logs in the state folder")
        time.sleep(0.2)


def states_of_nodes() -> list[str]:
    done = subprocess.run(
        ["sinfo", "-h", "-N", "-p", PARTITIONS[0], "-o", "%T"], text=True, capture_output=True
    )
    return done.stdout.split()


def up(nodes: int = 1, cpus: int | None = None, kill_wait: int = 30) -> Path:
    """Bring a cluster up; its state folder.

    nodes: node daemons, all on this machine.  cpus: of each node; default: the machine's.
    kill_wait: seconds between SIGTERM and SIGKILL at a time limit or scancel (SLURM's default: 30).
    Raises ClusterError.
    """
    why = missing()
    if why:
        raise ClusterError(why)
    state = Path(tempfile.mkdtemp(prefix="loopback-slurm-"))
    state.chmod(0o755)  # munged runs as another user
    try:
        (state / "saved").mkdir()
        write_configuration(state, nodes, cpus or os.cpu_count() or 1, kill_wait)
        ETC.mkdir(exist_ok=True)
        for name in FILES:
            (ETC / name).symlink_to(state / name)
        start_munge(state)
        run("slurmctld")
        for name in node_names(nodes):
            run("slurmd", *(["-N", name] if nodes > 1 else []))
        wait_for(lambda: states_of_nodes() == ["idle"] * nodes, "the nodes did not become idle")
    except BaseException:
        down(keep_logs=True)
        raise
    return state


def current() -> Path | None:
    """State folder of the cluster that is up; None if there is none, or a real one."""
    link = ETC / FILES[0]
    if link.is_symlink() and link.readlink().parent.name.startswith("loopback-slurm-"):
        return link.readlink().parent
    return None


def kill(pid_file: Path, how: signal.Signals) -> None:
    try:
        pid = int(pid_file.read_text())
        os.kill(pid, how)
    except (FileNotFoundError, ValueError, ProcessLookupError):
        return
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), f"{pid_file.stem} did not end")


def restart_controller() -> None:
    """Kill the controller, as a machine that goes down, and start it again from its saved state."""
    state = current()
    if state is None:
        raise ClusterError("no cluster of this program is up")
    kill(state / "slurmctld.pid", signal.SIGKILL)
    run("slurmctld")
    wait_for(lambda: bool(states_of_nodes()), "the controller did not come back")


def down(keep_logs: bool = False) -> None:
    """Cancel all jobs, stop the daemons, remove the links and the state folder."""
    state = current()
    if state is None:
        return
    subprocess.run(["scancel", "--quiet", "--user", "root"], capture_output=True, timeout=30)
    for path in [*state.glob("slurmd-*.pid"), state / "slurmctld.pid", state / "munge/munged.pid"]:
        kill(path, signal.SIGKILL if path.stem == "slurmctld" else signal.SIGTERM)
    for name in FILES:
        (ETC / name).unlink(missing_ok=True)
    if not keep_logs:
        shutil.rmtree(state, ignore_errors=True)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="loopback_slurm",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", choices=("up", "restart-controller", "down"))
    parser.add_argument("--nodes", type=int, default=1, help="node daemons, all on this machine")
    parser.add_argument("--cpus", type=int, help="of each node; default: the machine's")
    told = parser.parse_args(argv)
    try:
        if told.what == "up":
            print(up(told.nodes, told.cpus))
        elif told.what == "down":
            down()
        else:
            restart_controller()
    except ClusterError as reason:
        print(f"loopback_slurm: {reason}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
