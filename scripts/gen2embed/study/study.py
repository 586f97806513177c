"""A study: its configuration read once, for the rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gen2embed.artifacts.further_targets import NONE
from gen2embed.data.datasets import names
from gen2embed.data.wheel_models import find_wheel_model
from gen2embed.errors import InputError
from gen2embed.study.layout import SIDES, Layout
from gen2embed.study.resources import Resources
from gen2embed.study.runs import ZERO_SHOT, Run, mined_apart, runs_of
from gen2embed.text_files import read_yaml

MADE = ("mini", "wordnet")  # sources whose equivalences are known: their rows are made here
TEXT_ALONE = ("wordnet",)  # sources without images, and so without compositions


class Study:
    """What a configuration means: data sets, models, runs, and whose clusters are trained on."""

    def __init__(self, config: Mapping[str, Any]):
        self.config = config
        self.paths = Layout(config["experiment"])
        self.resources = Resources(config)
        source = config["data"]["source"]
        self.downloads = source == "mmeb"
        self.is_made = source in MADE
        own_texts = source == "own" and not config["own"]["images"]
        self.draws = source not in TEXT_ALONE and not own_texts  # items may have images
        self.composes = (
            self.draws and source != "own"
        )  # SugarCrepe and SugarCrepe++ are evaluated, too
        self.evaluated = ["eval", *(["composition"] if self.composes else [])]  # parts of the data
        self.asks_generator = source == "wordnet"  # questions that a generator answers in words
        self.generates = config["model"]["name"] == "generator"
        model = config["model"]["name"]
        self.in_wheel = find_wheel_model(model) is not None
        its_file = model if model.endswith(".gguf") else ""
        self.gguf = self.paths.gguf if self.in_wheel else its_file  # "": the model is in none
        self.runs = runs_of(config)
        self.trains = bool(self.runs)  # else the model is evaluated as it is
        self.mined_in = config["mining_from"]  # another experiment; "": this one
        takes_training = self.trains or config["mine"]["without_training"]
        self.mines = takes_training and not self.mined_in
        self.parts = [*(["train"] if takes_training else []), *self.evaluated]
        self.train_sets = self._sets("train") if takes_training else []
        self.eval_sets = self._sets("eval")
        self.prompts: list[str] = config["embed"]["prompts"]
        self.mine_prompt: str = config["mine"]["prompt"]
        self.run_prompts = sorted({run.prompt for run in self.runs})
        self.steps: list[int] = config["train"]["checkpoints"]
        self.shards: int = config["embed"]["shards"]
        self.strategies: list[str] = config["mine"]["strategies"] if takes_training else []
        self.mined = [
            strategy for strategy in self.strategies if strategy != "in_batch"
        ]  # those with negatives
        # strategies are compared where some have negatives, their false ones where they are known
        self.compares_mining = self.mines and bool(self.mined)
        self.knows_equivalences = self.compares_mining and self.is_made
        # one anchor, step by step: where each candidate has an owner to show
        has_owners = config["mine"]["ownerless"] == "none"
        self.works_saha = self.mines and "saha" in self.mined and has_owners
        self.mined_apart = mined_apart(self.runs)
        self.model = self.paths.generator if self.generates else self.paths.fetched_model

    def _sets(self, part: str) -> list[str]:
        """All of the register, or of the mini benchmark those that are wanted, in its order."""
        source = self.config["data"]["source"]
        every = names(source, part)
        wanted = self.config["benchmark"][f"{part}_sets"] if source == "mini" else None
        return every if wanted is None else [name for name in every if name in wanted]

    @property
    def further(self) -> list[str]:
        """Targets without owner that mining takes for candidates; a file a training subset."""
        mined = self.config["mine"]["ownerless"] != NONE
        return self.paths.further(self.train_sets) if mined else []

    @property
    def prompt_files(self) -> list[str]:
        """The file of further prompts; none where the registry's own are all."""
        file = self.config["embed"]["prompt_file"]
        return [file] if file else []

    @property
    def mined_adapter(self) -> list[str]:
        """Files of the adapter whose vectors are mined; none of the model as it is."""
        folder = self.config["mine"]["adapter"]
        names = ("adapter_model.safetensors", "adapter_config.json", "card.json")
        return [f"{folder}/{name}" for name in names] if folder else []

    @property
    def judged(self) -> list[str]:
        """A judge's scores, where they are given."""
        return [self.config["mine"]["scores"]] if self.config["mine"]["scores"] else []

    @property
    def doses(self) -> list[float]:
        """Shares of the known equivalences that runs hide, ascending; empty: no run reveals any."""
        return sorted({run.hidden for run in self.runs if run.hidden is not None})

    @property
    def revealed(self) -> list[str]:
        """What mining and training are told of equivalences: files, where a run reveals some."""
        return self.paths.equivalences("train", self.train_sets) if self.doses else []

    @property
    def compares_doses(self) -> bool:
        """Whether SaHa and HNS are trained at several hidden shares; else it is the gate alone."""
        return len(self.doses) > 1 and {"hns", "saha"} <= set(self.dosed_strategies)

    @property
    def dosed_clusters(self) -> list[str]:
        """Names of the clusters that were mined with a hidden share."""
        return list(dict.fromkeys(run.clusters for run in self.runs if run.hidden is not None))

    @property
    def dosed_strategies(self) -> list[str]:
        """Strategies of the runs that hide a share, in their order."""
        return list(dict.fromkeys(run.strategy for run in self.runs if run.hidden is not None))

    def run(self, model: str, prompt: str) -> Run:
        """The run by the name of its final model and its prompt."""
        return next(run for run in self.runs if (run.model, run.prompt) == (model, prompt))

    @property
    def run_names(self) -> list[str]:
        """STRATEGY/PROMPT of the runs, without seeds."""
        return list(dict.fromkeys(f"{run.name}/{run.prompt}" for run in self.runs))

    @property
    def final_models(self) -> list[tuple[str, str]]:
        """Model and prompt of every run's end."""
        return [(run.model, run.prompt) for run in self.runs]

    @property
    def mapped_models(self) -> list[tuple[str, str]]:
        """Model and prompt of each panel of the map of the space: the prompts before training, and
        the last runs after it, as many at most, of the first seed."""
        before = [(ZERO_SHOT, prompt) for prompt in self.config["figures"]["umap_prompts"]]
        first = self.config["train"]["seeds"][0]
        after = [(run.model, run.prompt) for run in self.runs if run.seed == first]
        return before + after[-len(before) :]

    @property
    def tuned_models(self) -> list[tuple[str, str]]:
        """Likewise, every run's checkpoints first."""
        return [(model, run.prompt) for run in self.runs for model in self.models_of(run)]

    def models_of(self, run: Run) -> dict[str, str]:
        """A run's checkpoints and its end: name of the model -> PEFT folder."""
        steps = {
            run.checkpoint(step): self.paths.checkpoint(run.model, run.prompt, step)
            for step in self.steps
        }
        return steps | {run.model: self.paths.adapter_of(run.model, run.prompt)}

    def models_of_any_run(self) -> list[str]:
        """Names of a run's models, its wildcard left open; the final one last."""
        return [*(f"{{run}}_step{step}" for step in self.steps), "{run}"]

    def items(self, parts: Iterable[str]) -> list[str]:
        return [self.paths.items(part, side) for part in parts for side in SIDES]

    @property
    def item_files(self) -> dict[str, str]:
        """The items of every part and side, by name: ``train_query``."""
        return {
            f"{part}_{side}": self.paths.items(part, side) for part in self.parts for side in SIDES
        }

    def evaluated_vectors(self, model: str, prompt: str, shard: str = "") -> dict[str, str]:
        """What one model embeds to be evaluated: MMEB's sets, and compositional ones if any."""
        found = self.paths.vectors(model, prompt, "eval", shard)
        if self.composes:
            compositions = self.paths.vectors(model, prompt, "composition", shard).items()
            found |= {f"composition_{name}": path for name, path in compositions}
        return found

    def scores(self, model: str, prompts: str | Iterable[str]) -> list[str]:
        """Of the evaluation sets, under one prompt or several."""
        prompts = [prompts] if isinstance(prompts, str) else prompts
        return [
            path for prompt in prompts for path in self.paths.scores(model, prompt, self.eval_sets)
        ]

    @property
    def equivalences(self) -> list[str]:
        if not self.is_made:
            return []
        known = (("train", self.train_sets), ("eval", self.eval_sets))
        return [path for part, sets in known for path in self.paths.equivalences(part, sets)]

    @property
    def minimal_pairs(self) -> list[str]:
        return self.paths.minimal_pairs(self.train_sets) if self.is_made else []

    @property
    def standard(self) -> list[str]:
        """Strategies at whose common hardness all are compared: those of the grid that are mined,
        so that the tables of mining and of the grid print one number; else all."""
        wanted = self.config["mine"]["grid"]["strategies"]
        return [name for name in wanted if name in self.mined] or self.mined

    @property
    def leaderboards(self) -> dict[str, tuple[str, str]]:
        """Path of each -> model and prompt: the model as it is, and every final adapter."""
        models = [(ZERO_SHOT, prompt) for prompt in self.prompts] + self.final_models
        return {self.paths.leaderboard(*model): model for model in models}

    @property
    def exports(self) -> list[str]:
        """What is exported: every final adapter; where nothing is trained, the model as it is."""
        models = self.final_models or [(ZERO_SHOT, prompt) for prompt in self.prompts]
        return [self.paths.export(*model) for model in models]

    @property
    def sized_models(self) -> list[tuple[str, str]]:
        """Model and prompt of those whose vectors are tried shorter and smaller: as it is under the
        mining's prompt, and every final adapter."""
        return [(ZERO_SHOT, self.mine_prompt), *self.final_models]

    def adapter_files(self, model: str, prompt: str) -> list[str]:
        """Of a final adapter; none of the model as it is."""
        if model == ZERO_SHOT:
            return []
        folder = self.paths.adapter_of(model, prompt)
        names = ("adapter_model.safetensors", "adapter_config.json", "card.json")
        return [f"{folder}/{name}" for name in names]

    @property
    def model_cards(self) -> dict[str, str]:
        """Cards of what is trained here: leaderboard file -> the model's README.md."""
        cards = {}
        if self.generates:
            readme = f"{self.model}/README.md"
            cards |= {self.paths.leaderboard(ZERO_SHOT, prompt): readme for prompt in self.prompts}
        for run in self.runs:
            folder = self.paths.adapter_of(run.model, run.prompt)
            cards[self.paths.leaderboard(run.model, run.prompt)] = f"{folder}/README.md"
        return cards

    def clusters(self, folders: Iterable[str], ending: str = "parquet") -> list[str]:
        """Those that are trained on: of this experiment, or of the one that mining_from names."""
        layout = Layout(self.mined_in) if self.mined_in else self.paths
        return layout.clusters(folders, self.train_sets, ending)

    @property
    def pooled_rates(self) -> list[str]:
        """The report on false negatives of all subsets; empty where equivalences are not known."""
        return self.paths.false_negatives(["all"]) if self.knows_equivalences else []

    @property
    def mining_vectors(self) -> dict[str, str]:
        """Vectors and manifests of the training part that mining reads, by name."""
        return self.paths.vectors(ZERO_SHOT, self.mine_prompt, "train")

    def clusters_of_run(self, model: str, prompt: str) -> list[str]:
        return self.clusters([self.run(model, prompt).clusters])

    def check_mined(self, paths: list[str]) -> list[str]:
        """The same clusters, which another experiment, if they are its, must have mined before.

        Raises InputError where one is not there, or was mined with another form of input.
        """
        if not self.mined_in:
            return paths
        missing = [path for path in paths if not Path(path).is_file()]
        if missing:
            raise InputError(
                f"mining_from: {self.mined_in} has no {missing[0]} yet; mine there first: "
                f"snakemake --cores all --configfile configs/{self.mined_in}.yaml -- mine"
            )
        theirs = Path(Layout(self.mined_in).config)
        if theirs.is_file():
            configured = read_yaml(theirs)
            if not isinstance(configured, dict):
                raise InputError(f"{theirs}: is no configuration; mine there again")
            form = configured.get("input", self.config["input"])
            if form != self.config["input"]:
                raise InputError(
                    f"mining_from: {self.mined_in} was mined with other inputs ({form}) than this "
                    f"experiment has ({self.config['input']}); one study has one form: make the "
                    "section input the same"
                )
        return paths

    @property
    def grid(self) -> dict[tuple[int, int], str]:
        """Folder of the clusters of each k and m."""
        grid = self.config["mine"]["grid"]
        return {(k, m): self.paths.grid_clusters(k, m) for k in grid["k"] for m in grid["m"]}
