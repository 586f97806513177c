"""Run a Python program as several processes that train together, on one node or as one of several.

launch_processes.py --processes 8 -- scripts/train_adapter.py --job-list jobs.json

Several nodes: one launcher on each, with srun, or by hand with --nodes, --node and --endpoint.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys

from gen2embed.errors import InputError, Stopped
from gen2embed.gpus import VISIBLE, take_gpus
from gen2embed.training.launch import ENDED_BY_SIGTERM, Place, find_place


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="launch_processes",
        usage="%(prog)s --processes P [flags] -- PROGRAM.py [its flags]",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--processes", type=int, required=True, help="of each node")
    add("--nodes", type=int, help="that train together (1, or those of srun's step)")
    add("--node", type=int, help="number of this node, from 0 (srun: SLURM_NODEID)")
    add("--endpoint", metavar="HOST:PORT", help="of node 0 (srun: first node, by the job's number)")
    add("--run-id", help="the same on all nodes, another for each start (srun: job and step)")
    add("--join-seconds", type=float, default=60, help="for all nodes to come (default: 60)")
    add("--end-seconds", type=float, default=120, help="for saving, after SIGTERM (default: 120)")
    add("--silent-seconds", type=float, default=30, help="until a node is given up (default: 30)")
    return parser


def address_of_first(nodes: str) -> str:
    """Address at which SLURM reaches the first node of its short list, such as node[1-3].

    Its name need not be one that the network knows.
    """
    try:
        names = told("scontrol", "show", "hostnames", nodes)
        of_first = told("scontrol", "show", "node", "--oneliner", names[0])
        return next(one[9:] for one in of_first if one.startswith("NodeAddr="))
    except (OSError, subprocess.CalledProcessError, IndexError, StopIteration) as error:
        raise InputError(
            f"scontrol does not say where {nodes} is ({error}); give --endpoint HOST:PORT"
        ) from None


def told(*command: str) -> list[str]:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


class Asked:
    """Whether SIGTERM, SIGINT or SIGHUP came. The processes, in sessions of their own, get none."""

    def __init__(self) -> None:
        self.yes = False
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._note)

    def __call__(self) -> bool:
        return self.yes

    def _note(self, *_: object) -> None:
        self.yes = True


def launch(flags: argparse.Namespace, place: Place, command: list[str]) -> int:
    """Exit status of the start: of the first process that failed."""
    asked = Asked()
    gpus = os.environ.get(VISIBLE, "not restricted")
    print(
        f"launch_processes: node {place.node} of {place.nodes} ({socket.gethostname()}), "
        f"{flags.processes} processes, GPUs: {gpus}",
        flush=True,
    )
    before = os.environ.get("TORCH_CPP_LOG_LEVEL")
    os.environ["TORCH_CPP_LOG_LEVEL"] = "ERROR"  # a store that ends is no news to print
    from gen2embed.training.agent import Failed, run_node
    from gen2embed.training.meeting import Meeting

    os.environ.pop("TORCH_CPP_LOG_LEVEL")  # the processes', which is read on import, is the user's
    if before is not None:
        os.environ["TORCH_CPP_LOG_LEVEL"] = before
    meeting = Meeting(place, flags.join_seconds, flags.silent_seconds, asked)
    try:
        run_node(command, flags.processes, meeting, flags.end_seconds, asked)
    except Failed as failure:
        print(f"launch_processes: {failure}", file=sys.stderr)
        return failure.status
    except Stopped as reason:
        print(f"launch_processes: {reason}", file=sys.stderr)
        return ENDED_BY_SIGTERM
    return 0


def main(argv: list[str] | None = None) -> int:
    argv = sys.argv[1:] if argv is None else argv
    here = argv.index("--") if "--" in argv else len(argv)
    parser = build_parser()
    flags, command = parser.parse_args(argv[:here]), argv[here + 1 :]
    try:
        if not command:
            raise InputError("give the program to run after --")
        for name in ("processes", "join_seconds", "end_seconds", "silent_seconds"):
            if (value := getattr(flags, name)) <= 0:
                raise InputError(f"--{name.replace('_', '-')} is {value:g}; give more than 0")
        place = find_place(
            flags.nodes, flags.node, flags.endpoint, flags.run_id, os.environ, address_of_first
        )
        take_gpus(flags.processes)
        return launch(flags, place, command)
    except InputError as error:
        print(f"launch_processes: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
