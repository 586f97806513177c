# Names and paths only: what every stage needs to say where things are and what they depend on.

import json

import yaml

from gen2embed.data.datasets import names
from gen2embed.workflow import ZERO_SHOT, sources

RESULTS = f"results/{config['experiment']}"
PROMPTS = config["embed"]["prompts"]
SIDES = ["query", "target"]
TORCH_ENV = f"../envs/torch-{config['hardware']}.yaml"
MINING_ENV = f"../envs/mining-{config['hardware']}.yaml"
STRATEGIES = config["mine"]["strategies"]
MINE_PROMPT = config["mine"]["prompt"]
RUNS = [
    {**run, "seed": seed} for seed in config["train"]["seeds"] for run in config["train"]["runs"]
]
RUN_NAMES = [f"{run['strategy']}/{run['prompt']}" for run in config["train"]["runs"]]
RUN_PROMPTS = sorted({run["prompt"] for run in config["train"]["runs"]})
CHECKPOINTS = config["train"]["checkpoints"]
GRID = config["mine"]["grid"]
MINED = [one for one in STRATEGIES if one != "in_batch"]  # those with negatives
ADAPTER = f"{RESULTS}/adapters/{{strategy}}_seed{{seed}}/{{prompt}}"


wildcard_constraints:
    model=r"[A-Za-z0-9_.-]+",
    prompt=r"[A-Za-z0-9_-]+",
    part="train|eval",
    strategy=r"[a-z_]+",
    seed=r"\d+",
    step=r"\d+",


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
    """A section of the configuration as command-line flags."""
    return " ".join(f"--{key.replace('_', '-')} {value}" for key, value in values.items())
