"""Trainings, one a run."""

from __future__ import annotations

import json

from gen2embed.study.jobs.base import LIMITS, JobsOf, without
from gen2embed.study.runs import SINGLE_PAIRS, Run
from gen2embed.training.options import stated_options


class TrainingJobs(JobsOf):
    """Train."""

    def training(self, run: Run) -> str:
        train = self.config["train"]
        settings = stated_options(
            without(train, "runs", "seeds", "processes", "nodes", "checkpoints")
        )
        settings |= self.prompt_file() | self.input_form()
        for key in LIMITS:
            if settings[key] is None:
                settings[key] = self.config["embed"][key]
        if run.strategy == SINGLE_PAIRS:
            settings.pop("clusters_per_batch")  # pairs alone are no clusters
        job = {
            "model": self.study.model,
            "prompt": run.prompt,
            "pairs": self.paths.pairs(self.study.train_sets),
            "clusters": self.study.clusters([run.clusters]),
            "mode": run.mode,
            "fraction": run.fraction,
            "query_items": self.paths.items("train", "query"),
            "target_items": self.paths.items("train", "target"),
            "image_root": f"{self.paths.data}/train",
            "seed": run.seed,
            "device": self.config["device"],
            "save_adapters_at": train["checkpoints"],
            **self._dose(run.hidden, self.study.train_sets),
            **({"corpora": self.study.further} if self.study.further else {}),
            **settings,
            **({"scores": self.config["mine"]["scores"]} if train["soft_labels"] else {}),
            "partial": self.paths.partial("train_adapter"),
            "counted": self.paths.counted,
            "out": self.paths.adapter_of(run.model, run.prompt),
        }
        return json.dumps([job])
