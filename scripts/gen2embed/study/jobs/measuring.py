"""What is known of mined clusters: false-negative rates, doses, a frozen benchmark, the tables."""

from __future__ import annotations

import json
from collections.abc import Sequence

from gen2embed.study.jobs.base import Job, JobsOf, flags
from gen2embed.study.runs import dosed


class MeasuringJobs(JobsOf):
    """Measure, freeze, report."""

    def _measuring(
        self, subsets: Sequence[str], strategies: Sequence[str], folder: str, out: str
    ) -> Job:
        """Of one subset, or of several together."""
        standard = [strategy for strategy in self.study.standard if strategy in strategies]
        return {
            "pairs": self.paths.pairs(subsets),
            "equivalences": self.paths.equivalences("train", subsets),
            "minimal_pairs": self.paths.minimal_pairs(subsets),
            "standard": standard or list(strategies),
            "clusters": [
                f"{folder}/{strategy}/{name}.parquet" for strategy in strategies for name in subsets
            ],
            "out": out,
        }

    def measuring_false_negatives(self) -> str:
        """Every subset alone, all of them together as "all", and so the cells of the grid."""
        every = self.study.train_sets
        subsets = {name: [name] for name in every} | {"all": every}
        jobs = [
            self._measuring(
                members,
                self.study.mined,
                self.paths.cluster_folder,
                *self.paths.false_negatives([subset]),
            )
            for subset, members in subsets.items()
        ]
        strategies = self.config["mine"]["grid"]["strategies"]
        jobs += [
            self._measuring(
                every, strategies, folder, f"{self.paths.grid}/false_negatives/k{k}_m{m}.json"
            )
            for (k, m), folder in self.study.grid.items()
        ]
        return json.dumps(jobs)

    def measuring_doses(self) -> str:
        """Of each hidden share, the strategies that were mined with it."""
        jobs = []
        every, strategies = self.study.train_sets, self.study.dosed_strategies
        for hidden in self.study.doses:
            names = [strategy + dosed(hidden) for strategy in strategies]
            names = [name for name in names if name in self.study.dosed_clusters]
            out = self.paths.dose(hidden)
            job = self._measuring(every, names, self.paths.cluster_folder, out)
            job["standard"] = [
                strategy for strategy in ("hns", "saha") if strategy in strategies
            ] or strategies
            jobs.append(job | self._dose(hidden, every))
        return json.dumps(jobs)

    def freezing(self) -> str:
        """A benchmark of miners of every training subset."""
        vectors, jobs = self.study.mining_vectors, []
        minimal = self.study.minimal_pairs or [None] * len(self.study.train_sets)
        for name, pairs_apart in zip(self.study.train_sets, minimal, strict=True):
            jobs.append(
                {
                    "pairs": self.paths.pairs([name])[0],
                    "equivalences": self.paths.equivalences("train", [name])[0],
                    "minimal_pairs": pairs_apart,
                    "query_items": self.paths.items("train", "query"),
                    "target_items": self.paths.items("train", "target"),
                    "query_embeddings": vectors["query"],
                    "target_embeddings": vectors["target"],
                    "clusters": self.paths.clusters(self.study.mined, [name], "parquet"),
                    "out": f"{self.paths.root}/miner_benchmark/{name}",
                }
            )
        return json.dumps(jobs)

    def reporting_mining(self) -> list[str]:
        """What the tables of mining are told of known equivalences and of the grid, as flags."""
        grid = self.config["mine"]["grid"]
        given = {
            "rates": f"{self.paths.root}/false_negatives",
            "grid_clusters": f"{self.paths.grid}/clusters",
            "grid_rates": f"{self.paths.grid}/false_negatives",
            "k": grid["k"],
            "m": grid["m"],
            "grid_strategies": grid["strategies"],
        }
        return flags(given)
