"""Scores, leaderboards and exported models."""

from __future__ import annotations

import json
from collections.abc import Iterable

from gen2embed.data.composition_sets import score_name, scored_sets
from gen2embed.study.jobs.base import LIMITS, JobsOf
from gen2embed.study.runs import ZERO_SHOT


class EvaluationJobs(JobsOf):
    """Score, compare, export."""

    def scoring(self, models: Iterable[tuple[str, str]]) -> str:
        jobs = []
        for model, prompt in models:
            files = self.paths.vectors(model, prompt)
            jobs += [
                {
                    "subset": name,
                    "rows": self.paths.rows([name])[0],
                    "query_embeddings": files["query"],
                    "target_embeddings": files["target"],
                    "out": self.paths.score(model, prompt, name),
                }
                for name in self.study.eval_sets
            ]
        return json.dumps(jobs)

    def scoring_compositions(self, models: Iterable[tuple[str, str]]) -> str:
        jobs = []
        for model, prompt in models:
            files = self.paths.vectors(model, prompt, "composition")
            jobs += [
                {
                    "subset": f"{benchmark}/{subset}",
                    "task": task,
                    "rows": f"{self.paths.root}/compositions/{benchmark}/{subset}.parquet",
                    "query_embeddings": files["query"],
                    "target_embeddings": files["target"],
                    "out": self.paths.score(model, prompt, score_name(benchmark, subset, task)),
                }
                for benchmark, subset, task in scored_sets()
            ]
        return json.dumps(jobs)

    def leaderboards(self) -> str:
        cards = self.study.model_cards
        jobs = [
            {
                "register": f"{self.paths.data}/datasets.csv",
                "scores": f"{self.paths.scores_under(model)}/{prompt}",
                "name": f"{self.config['experiment']}: {model}, {prompt}",
                "card": cards.get(path),
                "out": path,
            }
            for path, (model, prompt) in self.study.leaderboards.items()
        ]
        return json.dumps(jobs)

    def exporting(self, model: str, prompt: str) -> str:
        names = ("resolution", *LIMITS, "max_tokens", "dtype")
        settings = {name: self.config["embed"][name] for name in names} | self.input_form()
        settings |= self.prompt_file()
        adapter = None if model == ZERO_SHOT else self.paths.adapter_of(model, prompt)
        if adapter is not None:
            settings |= self.limits_of_adapter()
        job = {
            "model": self.study.model,
            "adapter": adapter,
            "prompt": prompt,
            "leaderboard": self.paths.leaderboard(model, prompt),
            "name": f"{self.config['experiment']}: {model}, {prompt}",
            **settings,
            "out": self.paths.export(model, prompt),
        }
        return json.dumps([job])
