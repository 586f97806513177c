"""Clusters: every strategy with the study's k and m, and the grid of both."""

from __future__ import annotations

import json

from gen2embed.study.jobs.base import Job, JobsOf, without
from gen2embed.study.runs import FILTERED, FILTERS, ZERO_SHOT

JUDGED = ("greatest_judged", "judged_margin")
NO_FLAGS_OF_MINING = (
    "prompt",
    "round",
    "adapter",
    "without_training",
    "strategies",
    "grid",
    "ownerless",
    "scores",
    *JUDGED,
)


class MiningJobs(JobsOf):
    """Mine."""

    def _corpus(self, name: str) -> Job:
        """What mining is told of targets without owner; nothing where it takes none."""
        if not self.study.further:
            return {}
        (corpus,) = self.paths.further([name])
        return {"ownerless": self.config["mine"]["ownerless"], "corpus": corpus}

    def _judge(self) -> Job:
        """A judge's scores and which pairs they strike; nothing where no bound is set."""
        bounds = {key: self.config["mine"][key] for key in JUDGED}
        bounds = {key: value for key, value in bounds.items() if value is not None}
        return bounds and bounds | {"scores": self.config["mine"]["scores"]}

    def _mining(
        self, name: str, strategy: str, k: int, m: int, folder: str, hidden: float | None = None
    ) -> Job:
        dose = self._dose(hidden, [name])
        if dose:
            (dose["equivalences"],) = dose["equivalences"]
        files = self.paths.vectors(ZERO_SHOT, self.study.mine_prompt, "train")
        of_others = () if strategy == FILTERED else FILTERS
        return {
            **without(self.config["mine"], *NO_FLAGS_OF_MINING, *of_others),
            "pairs": self.paths.pairs([name])[0],
            "query_embeddings": files["query"],
            "target_embeddings": files["target"],
            "strategy": strategy,
            "k": k,
            "m": m,
            "seed": self.config["seed"],
            "device": self.config["device"],
            **dose,
            **self._corpus(name),
            **self._judge(),
            **({"round": self.config["mine"]["round"]} if self.config["mine"]["round"] else {}),
            "out": f"{folder}/{name}.parquet",
        }

    def mining(self) -> str:
        """Every strategy with the experiment's k and m; then what runs want apart from that."""
        k, m = self.config["mine"]["k"], self.config["mine"]["m"]
        wanted = {strategy: (strategy, k, m, None) for strategy in self.study.strategies}
        for folder, run in self.study.mined_apart.items():
            wanted[folder] = (run.strategy, run.k, run.m, run.hidden)
        jobs = [
            self._mining(name, *settings, f"{self.paths.cluster_folder}/{folder}", hidden)
            for folder, (*settings, hidden) in wanted.items()
            for name in self.study.train_sets
        ]
        return json.dumps(jobs)

    def mining_grid(self) -> str:
        jobs = [
            self._mining(name, strategy, k, m, f"{folder}/{strategy}")
            for (k, m), folder in self.study.grid.items()
            for strategy in self.config["mine"]["grid"]["strategies"]
            for name in self.study.train_sets
        ]
        return json.dumps(jobs)
