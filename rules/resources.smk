# What jobs ask of a scheduler: memory (MB), run time (minutes) and GPUs by kind of work, from the
# configuration's section resources; more of the first two at every retry, up to its `most`. On one
# machine they are limits only where Snakemake is told so (--resources mem_mb=64000 gpu=1).

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
