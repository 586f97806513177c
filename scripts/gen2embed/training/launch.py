"""Where the processes of a training run and how they end: what can be said without starting any."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gen2embed.errors import InputError
from gen2embed.training.processes import LOST_THE_OTHERS

ENDED_BY_SIGTERM = 128 + signal.SIGTERM
FIRST_PORT, PORTS = 20000, 12000  # below the ports that Linux gives to outgoing connections


@dataclass(frozen=True)
class Place:
    """One node among those of a start.

    nodes, node: how many, and which this is, from 0. host, port: of the store that node 0 hosts;
    port 0: any free one (a single node). run_id: tells starts apart that meet at one port.
    """

    nodes: int = 1
    node: int = 0
    host: str = "127.0.0.1"
    port: int = 0
    run_id: str = "alone"


def find_place(
    nodes: int | None,
    node: int | None,
    endpoint: str | None,
    run_id: str | None,
    environment: Mapping[str, str],
    address_of_first: Callable[[str], str],
) -> Place:
    """This node's place from flags and, where they say nothing, from the variables of ``srun``.

    address_of_first: of SLURM's list of nodes. Raises InputError for what neither tells.
    """
    steps = environment if "SLURM_STEP_ID" in environment else {}
    for told in ("SLURM_STEP_NUM_NODES", "SLURM_NNODES"):
        if nodes is None and told in steps:
            nodes = _number(steps, "--nodes", told)
    nodes = 1 if nodes is None else nodes
    if nodes < 1:
        raise InputError(f"--nodes is {nodes}; give at least 1")
    if nodes == 1 and endpoint is None:
        if node:
            raise InputError(f"--node {node}: there is one node, number 0; give --nodes as well")
        return Place()
    if "SLURM_LOCALID" in environment and _number(environment, "--node", "SLURM_LOCALID") > 0:
        raise InputError("a second launcher on one node; start srun with --ntasks-per-node=1")
    if node is None:
        node = _number(environment, "--node", "SLURM_NODEID")
    if not 0 <= node < nodes:
        raise InputError(f"--node {node}: the {nodes} nodes are numbered from 0 to {nodes - 1}")
    if endpoint is None:
        names = environment.get("SLURM_STEP_NODELIST") or _told(
            environment, "--endpoint", "SLURM_JOB_NODELIST"
        )
        job = _number(environment, "--endpoint", "SLURM_JOB_ID")
        step = _number({"SLURM_STEP_ID": "0", **environment}, "--endpoint", "SLURM_STEP_ID")
        port = port_of(job, step)
        endpoint = f"{address_of_first(names)}:{port}"
    if run_id is None:
        run_id = _told(environment, "--run-id", "SLURM_JOB_ID")
        run_id += f".{environment.get('SLURM_STEP_ID', '0')}"
    return Place(nodes, node, *_host_and_port(endpoint), run_id)


def port_of(job: int, step: int) -> int:
    """Of a SLURM job's step: the same on all its nodes, another one for a neighbour's."""
    return FIRST_PORT + (job + 101 * step) % PORTS


def describe_end(rank: int, host: str, pid: int, status: int) -> str:
    """status: as ``Popen.returncode``, negative for a signal. One line."""
    end = f"ended with status {status}"
    if status < 0:
        end = f"was killed by {signal.Signals(-status).name}"
    return f"rank {rank} ({host}, pid {pid}) {end}; see the log above"


def exit_status(status: int) -> int:
    """What a shell would say of a process that ended so."""
    return 128 - status if status < 0 else status


def stopped_as_asked(statuses: Sequence[int]) -> bool:
    """Whether processes that were sent SIGTERM ended of it and of nothing else."""
    fine = (0, ENDED_BY_SIGTERM, -signal.SIGTERM, LOST_THE_OTHERS)
    return all(status in fine for status in statuses)


def find_cause(failed: Mapping[int, int]) -> int | None:
    """The rank whose end is a cause, not the consequence of another's. failed: status by rank."""
    return next((rank for rank in sorted(failed) if failed[rank] != LOST_THE_OTHERS), None)


def _told(environment: Mapping[str, str], flag: str, variable: str) -> str:
    if variable not in environment:
        raise InputError(f"give {flag}, or start with srun, which sets {variable}")
    return environment[variable]


def _number(environment: Mapping[str, str], flag: str, variable: str) -> int:
    told = _told(environment, flag, variable)
    if not told.isdigit():
        raise InputError(f"{variable} is {told!r}, which is no number; unset it")
    return int(told)


def _host_and_port(endpoint: str) -> tuple[str, int]:
    found = re.fullmatch(r"\[?([^\[\]]+?)\]?:(\d+)", endpoint)
    if not found or not 0 < int(found[2]) < 2**16:
        raise InputError(f"--endpoint {endpoint}: give HOST:PORT, such as node1:29500")
    return found[1], int(found[2])
