# What jobs ask of a scheduler: memory (MB), run time (minutes) and GPUs by kind of work, from the
# configuration's section resources; more of the first two at every retry, up to its `most`. On one
# machine they are limits only where Snakemake is told so (--resources mem_mb=64000 gpu=1).

GPUS = {  # of each kind, on each of its machines
    "embed": 1,
    "mine": 1,
    "train": config["train"]["processes"],
}


def growing(first, most):
    """A resource that a retry gets more of: ``first``, twice, three times, at most ``most``."""

    def asked(wildcards, attempt):
        return min(attempt * first, max(first, most or attempt * first))

    return asked


def asks(kind):
    """Resources of a kind of work, for a rule's ``resources``."""
    amounts, most = config["resources"][kind], config["resources"]["most"]
    asked = {name: growing(amounts[name], most[name]) for name in ("mem_mb", "runtime")}
    if config["hardware"] == "gpu" and kind in GPUS:
        asked["gpu"] = GPUS[kind]
    return asked
