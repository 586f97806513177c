# Names and paths only: what every stage needs to say where things are and what they depend on.

import json

import yaml

from gen2embed.data.composition_sets import SUBSETS, score_name, scored_sets
from gen2embed.data.datasets import names
from gen2embed.workflow import ZERO_SHOT, clusters_name, run_name, sources

RESULTS = f"results/{config['experiment']}"
SOURCE = config["data"]["source"]
MMEB = SOURCE == "mmeb"  # downloaded; else the mini benchmark, whose equivalences are known
TRAINS = bool(config["train"]["runs"])  # else the model is evaluated as it is
MINING = f"results/{config['mining_from'] or config['experiment']}"  # whose clusters are trained on
MINES = TRAINS and not config["mining_from"]
KNOWN = MINES and not MMEB  # true false negatives can be told
PROMPTS = config["embed"]["prompts"]
SHARDS = config["embed"]["shards"]
SIDES = ["query", "target"]
EVALUATED = ["eval", "composition"]
PARTS = [*(["train"] if TRAINS else []), *EVALUATED]
TRAIN_SETS = names(SOURCE, "train") if TRAINS else []
EVAL_SETS = names(SOURCE, "eval")
TORCH_ENV = f"../envs/torch-{config['hardware']}.yaml"
MINING_ENV = f"../envs/mining-{config['hardware']}.yaml"
STRATEGIES = config["mine"]["strategies"] if TRAINS else []
MINE_PROMPT = config["mine"]["prompt"]
K, M = config["mine"]["k"], config["mine"]["m"]
TRAINED = {run_name(run, K, M): run for run in config["train"]["runs"]}  # settings by name
MINED_APART = {  # clusters with a k or m of their own
    clusters_name(run, K, M): run for run in TRAINED.values() if "k" in run or "m" in run
}
RUN_NAMES = [f"{run_name(run, K, M)}/{run['prompt']}" for run in config["train"]["runs"]]
RUNS = [
    dict(zip(("strategy", "prompt", "seed"), (*name.split("/"), seed)))
    for seed in config["train"]["seeds"]
    for name in RUN_NAMES
]
RUN_PROMPTS = sorted({run["prompt"] for run in config["train"]["runs"]})
CHECKPOINTS = config["train"]["checkpoints"]
GRID = config["mine"]["grid"]
MINED = [one for one in STRATEGIES if one != "in_batch"]  # those with negatives
ADAPTER = f"{RESULTS}/adapters/{{strategy}}_seed{{seed}}/{{prompt}}"


wildcard_constraints:
    model=r"[A-Za-z0-9_.-]+",
    prompt=r"[A-Za-z0-9_-]+",
    part="|".join(PARTS),
    strategy=r"[a-z_]+(-[a-z0-9.]+)*",  # of a run: with what it changes
    seed=r"\d+",
    step=r"\d+",
    shard=r"\d+",


def program(name):
    """A program and every module and registry file of the library that it uses, as inputs."""
    return [
        str(Path(path).relative_to(workflow.basedir))
        for path in sources(Path(workflow.basedir) / "scripts" / name)
    ]


def folder_of_output(level=0):
    """The folder around the first output, or the one ``level`` above it, as a params function."""
    return lambda wildcards, output: str(Path(output[0]).parents[level])


def folder_of_input(name, level=0):
    """The folder around the first file of a named input, likewise."""

    def folder(wildcards, input):
        files = input[name]
        return str(Path(files if isinstance(files, str) else files[0]).parents[level])

    return folder


def flags(values):
    """A section of the configuration as command-line flags; null is left out."""
    return " ".join(
        f"--{key.replace('_', '-')} {value}" for key, value in values.items() if value is not None
    )
