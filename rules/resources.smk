# What jobs ask of a scheduler: memory (MB), run time (minutes) and GPUs by kind of work, from the
# configuration's section resources; more of the first two at every retry, up to its `most`. On one
# machine they are limits only where Snakemake is told so (--resources mem_mb=64000 gpu=1).

import sys

from gen2embed.driver import check_driver
from gen2embed.local_gpus import check_local_gpus
from gen2embed.program import or_exit

NODES = config["train"]["nodes"]
PROCESSES = config["train"]["processes"] // NODES  # of a node
THREADS = (config["train"]["threads"] + config["train"]["loader_workers"]) * PROCESSES
SEVERAL = ["launch_processes.py"] if NODES * PROCESSES > 1 else []  # what starts them


def growing(first, most):
    """A resource that a retry gets more of: ``first``, twice, three times, at most ``most``."""
    return lambda wildcards, attempt: min(attempt * first, most or attempt * first)


def gpus(kind):
    """GPUs of a kind of work: one, and for training one a process; each node has its share."""
    if config["hardware"] == "cpu" or kind not in ("embed", "mine", "train"):
        return {}
    if kind == "train" and NODES > 1:
        return {"gres": f"gpu:{PROCESSES}", "tasks_per_gpu": 0}
    return {"gpu": PROCESSES if kind == "train" else 1, "nodes": 1}  # not one here, one there


def nodes(kind):
    """Nodes, if several: SLURM's executor leaves it to the rule's srun to start one task on each."""
    if kind != "train" or NODES == 1:
        return {}
    return {"mpi": "srun", "nodes": NODES, "tasks": NODES}


def asks(kind):
    """Resources of a kind of work, for a rule's ``resources``."""
    amounts, most = config["resources"][kind], config["resources"]["most"]
    asked = {name: growing(amounts[name], most[name]) for name in ("mem_mb", "runtime")}
    return asked | gpus(kind) | nodes(kind)


def check_gpus():
    """End here, in one line, where Snakemake itself would start jobs on GPUs that are not there.

    A cluster's scheduler gives each job its own; that one's nodes have drivers of their own, and so
    have conda's environments and containers a torch of their own.
    """
    if config["hardware"] == "cpu" or not workflow.local_exec or workflow.touch:
        return
    rules = {job.rule.name: job.rule.resources for job in workflow.dag.needrun_jobs()}
    asked = {name: its["gpu"].value for name, its in rules.items() if "gpu" in its}
    given = workflow.global_resources.get("gpu")
    or_exit(check_local_gpus, asked, given and given.value, sys.argv[1:])
    if not workflow.deployment_settings.deployment_method:
        or_exit(check_driver, bool(asked))


onstart:
    check_gpus()
