"""Fine-tunings of a study, each made once from the configuration; models by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from gen2embed.mining.filters import Recipe

ZERO_SHOT = "base"  # name of the model as it is, among the models of a study
FILTERED = "filtered"  # the strategy that has the configuration's filters
FILTERS = tuple(field.name for field in fields(Recipe))  # keys of mine that are its alone
SINGLE_PAIRS = "in_batch"  # the strategy whose clusters have no negatives


def clusters_name(run: Mapping[str, Any], k: int, m: int) -> str:
    """Which clusters a run trains on: ``saha``, or with a k or m of its own ``saha-k3-m1``; where
    it hides a share of the known equivalences alone, ``saha-h0.5``.

    k, m: the experiment's.
    """
    name = run["strategy"]
    if "k" in run or "m" in run:
        name += f"-k{run.get('k', k)}-m{run.get('m', m)}"
    return name if run.get("hidden") is None else name + dosed(run["hidden"])


def dosed(hidden: float) -> str:
    """What the names of clusters and runs say of the share that they hide."""
    return f"-h{hidden:g}"


def run_name(run: Mapping[str, Any], k: int, m: int) -> str:
    """Its clusters and what else the run changes: ``hns-classic``, ``saha-k3-m1-f0.25``."""
    name = clusters_name(run, k, m)
    if run.get("mode", "clusters") != "clusters":
        name += f"-{run['mode']}"
    if "fraction" in run:
        name += f"-f{run['fraction']:g}"
    return name


@dataclass(frozen=True)
class Run:
    """One fine-tuning: a line of ``train.runs`` and a seed.

    name: without the seed; clusters: name of those it trains on; k, m: with which they are mined;
    hidden: share of the known equivalences that is not revealed (None: nothing is revealed).
    """

    name: str
    strategy: str
    clusters: str
    prompt: str
    seed: int
    k: int
    m: int
    mode: str | None
    fraction: float | None
    hidden: float | None

    @property
    def model(self) -> str:
        """Name of its final adapter among the models of the study; the rules' wildcard {run}."""
        return f"{self.name}_seed{self.seed}"

    def checkpoint(self, step: int) -> str:
        """Name of the adapter of an earlier step."""
        return f"{self.model}_step{step}"


def runs_of(config: Mapping[str, Any]) -> list[Run]:
    """Every run with every seed, seed by seed."""
    k, m = config["mine"]["k"], config["mine"]["m"]
    return [
        Run(
            name=run_name(run, k, m),
            strategy=run["strategy"],
            clusters=clusters_name(run, k, m),
            prompt=run["prompt"],
            seed=seed,
            k=run.get("k", k),
            m=run.get("m", m),
            mode=run.get("mode"),
            fraction=run.get("fraction"),
            hidden=run.get("hidden"),
        )
        for seed in config["train"]["seeds"]
        for run in config["train"]["runs"]
    ]


def mined_apart(runs: Sequence[Run]) -> dict[str, Run]:
    """Clusters with a k, m or hidden share of their own: name -> a run that wants them."""
    return {run.clusters: run for run in runs if run.clusters != run.strategy}
