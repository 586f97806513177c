"""What jobs ask of a scheduler: memory (MB), run time (minutes) and GPUs by kind of work.

From the configuration's section ``resources``; more of the first two at every retry, up to its
``most``. On one machine they are limits only where Snakemake is told so.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import Any

WITH_GPU = ("embed", "mine", "train")  # kinds of work


class Resources:
    """Of one study; processes and threads: of a node."""

    def __init__(self, config: Mapping[str, Any]):
        self.config = config
        train = config["train"]
        self.nodes = train["nodes"]
        self.processes = train["processes"] // self.nodes
        self.threads = (train["threads"] + train["loader_workers"]) * self.processes

    @property
    def launchers(self) -> list[str]:
        """Programs that start the training beside its own."""
        return ["launch_processes.py"] if self.nodes * self.processes > 1 else []

    def launcher(self) -> list[str]:
        """What starts the training: Python, or torchrun on this node or, by srun, on each.

        Words, before those of the training itself. The job runs on the first node, which hosts
        where they meet.
        """
        if not self.launchers:
            return ["python"]
        words = [
            *("env", f"OMP_NUM_THREADS={self.config['train']['threads']}", "python"),
            *("scripts/launch_processes.py", "--nproc-per-node", str(self.processes)),
            *("--shutdown-timeout", "120"),
        ]
        if self.nodes == 1:
            return [*words, "--standalone"]
        several = shlex.join(words)
        on_each = (
            "command -v srun > /dev/null || { echo 'train.nodes is above 1, which needs SLURM: run"
            " it with --profile profiles/slurm' >&2; exit 1; };"
            " export AT=$(hostname):$((20000 + SLURM_JOB_ID % 12000));"  # no port of outgoing ones
            f" exec srun --nodes={self.nodes} --ntasks={self.nodes} --ntasks-per-node=1"
            f" --cpus-per-task={self.threads} --kill-on-bad-exit=1 sh -c 'exec {several}"
            f" --nnodes {self.nodes} --rdzv-backend c10d"
            " --rdzv-endpoint $AT --rdzv-id $SLURM_JOB_ID"
            ' --rdzv-conf is_host=$((SLURM_NODEID == 0)),join_timeout=120 "$@"\' sh "$@"'
        )
        return ["bash", "-euo", "pipefail", "-c", on_each, "bash"]

    def asks(self, kind: str) -> dict[str, Any]:
        """Resources of a kind of work, for a rule's ``resources``."""
        amounts, most = self.config["resources"][kind], self.config["resources"]["most"]
        asked = {name: _growing(amounts[name], most[name]) for name in ("mem_mb", "runtime")}
        return asked | self._gpus(kind) | self._several_nodes(kind)

    def _gpus(self, kind: str) -> dict[str, Any]:
        """One, and for training one a process; each node has its share."""
        if self.config["hardware"] == "cpu" or kind not in WITH_GPU:
            return {}
        if kind == "train" and self.nodes > 1:
            return {"gres": f"gpu:{self.processes}", "tasks_per_gpu": 0}
        # all on one node, not one here, one there
        return {"gpu": self.processes if kind == "train" else 1, "nodes": 1}

    def _several_nodes(self, kind: str) -> dict[str, Any]:
        """SLURM's executor leaves it to the rule's srun to start one task on each."""
        if kind != "train" or self.nodes == 1:
            return {}
        return {"mpi": "srun", "nodes": self.nodes, "tasks": self.nodes}


def _growing(first: int, most: int | None) -> Callable[[Any, int], int]:
    """A resource that a retry gets more of: ``first``, twice, three times, at most ``most``."""
    return lambda wildcards, attempt: min(attempt * first, most or attempt * first)  # noqa: ARG005
