"""Vectors: of the model as it is, of adapted ones, of shards; and what both analyses are told."""

from __future__ import annotations

import json
from collections.abc import Iterable

from gen2embed.study.jobs.base import LIMITS, Job, JobsOf, flags, without
from gen2embed.study.layout import SIDES
from gen2embed.study.runs import ZERO_SHOT, Run


class EmbeddingJobs(JobsOf):
    """Embed, merge, analyse."""

    def _embedding(
        self, model: str, prompt: str, part: str, adapter: str | None = None, shard: str = ""
    ) -> list[Job]:
        """Both sides of one model, under the settings of evaluation. shard: such as "2of8"."""
        files = self.paths.vectors(model, prompt, part, shard)
        embed = self.config["embed"]
        settings = without(embed, "prompts", "prompt_file", "shards", "composition_resolution")
        settings |= self.prompt_file() | self.input_form()
        if part == "composition":
            settings["resolution"] = embed["composition_resolution"]
        if adapter is not None:
            settings |= self.limits_of_adapter()
        if shard:
            settings["shard"] = shard.replace("of", "/")
        data = self.paths.data
        common = {
            "model": self.study.model,
            "adapter": adapter,
            "prompt": prompt,
            "image_root": f"{data}/{part}/images" if part == "composition" else f"{data}/{part}",
            "partial": self.paths.partial("embed_items"),
            "device": self.config["device"],
        }
        return [
            {
                **common,
                **settings,
                "role": side,
                "items": self.paths.items(part, side),
                "out": files[side],
            }
            for side in SIDES
        ]

    def _mined_adapter(self, part: str) -> str | None:
        """Mining's part may be embedded by a model that was trained before; nothing else is."""
        return (self.config["mine"]["adapter"] or None) if part == "train" else None

    def embedding(self, prompt: str, parts: Iterable[str], shard: str = "") -> str:
        """The model as it is, under one prompt."""
        jobs = [
            job
            for part in parts
            for job in self._embedding(
                ZERO_SHOT, prompt, part, self._mined_adapter(part), shard=shard
            )
        ]
        return json.dumps(jobs)

    def embedding_adapted(self, run: Run) -> str:
        """Checkpoints on MMEB's sets alone, the final adapter on all; each is loaded once."""
        jobs: list[Job] = []
        for model, folder in self.study.models_of(run).items():
            for part in self.study.evaluated if model == run.model else ["eval"]:
                jobs += self._embedding(model, run.prompt, part, folder)
        return json.dumps(jobs)

    def merging(self, prompt: str, part: str) -> str:
        whole = self.paths.vectors(ZERO_SHOT, prompt, part)
        shards = self.shards(prompt, part)
        jobs = [{"shards": [shard[side] for shard in shards], "out": whole[side]} for side in SIDES]
        return json.dumps(jobs)

    def shards(self, prompt: str, part: str) -> list[dict[str, str]]:
        """Vectors and manifests of every shard, in order."""
        count = self.study.shards
        return [
            self.paths.vectors(ZERO_SHOT, prompt, part, f"{shard}of{count}")
            for shard in range(1, count + 1)
        ]

    def analysing(self) -> list[str]:
        """What both analysis programs are told, as flags; a model under several prompts."""
        names = ("resolution", *LIMITS, "max_tokens", "dtype", "threads")
        settings = {name: self.config["embed"][name] for name in names} | self.input_form()
        settings |= self.prompt_file()
        figures = self.config["figures"]
        settings["token_budget"] = figures["analysis_token_budget"]
        root = f"{self.paths.data}/eval"
        prompts = figures["analysis_prompts"]
        common = {"model": self.study.model, "prompts": prompts, "image_root": root}
        return flags(common | {"device": self.config["device"]} | settings)
