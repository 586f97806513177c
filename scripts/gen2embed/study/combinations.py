"""What one key of the configuration asks of another, and of the registers; checked at the start."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from gen2embed.artifacts.further_targets import NONE
from gen2embed.data import datasets
from gen2embed.errors import InputError
from gen2embed.evaluation.published import published_names
from gen2embed.mining.filters import Recipe
from gen2embed.study.runs import FILTERED, FILTERS, SINGLE_PAIRS, run_name
from gen2embed.text_files import read_json_object

# names of linear modules as transformers has them, and one that no pattern of them matches
MODULE_NAMES = (
    "model.language_model.layers.27.self_attn.q_proj",
    "model.visual.blocks.31.attn.qkv_proj_of_another_model!",
    "model.layers.27.mlp.down_proj.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!",
)
PATTERN_SECONDS = 5.0
RUN = re.compile(r"[a-z_]+(-[a-z0-9.]+)*/[A-Za-z0-9_-]+")  # STRATEGY/PROMPT


def check_combinations(config: Mapping[str, Any]) -> None:
    """Raise InputError for the first combination of settings that cannot run."""
    _check_training(config)
    _check_batches(config)
    _check_filters(config["mine"])
    _check_round(config["mine"])
    _check_judge(config)
    _check_doses(config)
    _check_sources(config)
    _check_generator(config)
    _check_published(config["published"])
    try:
        check_pattern(config["train"]["modules"])
    except InputError as error:
        raise InputError(f"configuration: train.modules: {error}") from None


def _check_filters(mine: Mapping[str, Any]) -> None:
    """Filters and the strategy that has them belong together."""
    recipe = Recipe(**{key: mine[key] for key in FILTERS})
    if FILTERED in (*mine["strategies"], *mine["grid"]["strategies"]):
        try:
            recipe.check(mine["k"])
        except InputError as error:
            raise InputError(f"configuration: mine: {error}") from None
    elif recipe != Recipe():
        raise InputError(
            f"configuration: mine.{next(iter(recipe.facts()))}: is of the strategy {FILTERED!r}; "
            "add it to mine.strategies"
        )


def _check_round(mine: Mapping[str, Any]) -> None:
    """Mining again reads the vectors of a run that is trained."""
    if bool(mine["round"]) != bool(mine["adapter"]):
        raise InputError(
            "configuration: mine.round: counts trainings, mine.adapter names the last of them; set "
            "both, or neither"
        )
    if mine["adapter"] and not Path(mine["adapter"], "adapter_model.safetensors").is_file():
        raise InputError(
            f"configuration: mine.adapter: {mine['adapter']!r} holds no adapter yet; train it first"
        )
    card = Path(mine["adapter"], "card.json")
    if mine["adapter"] and card.is_file():
        trained_on = read_json_object(card, "clusters")["clusters"].values()
        behind = 1 + max((int(of_subset.get("round", 0)) for of_subset in trained_on), default=0)
        if mine["round"] != behind:
            raise InputError(
                f"configuration: mine.round: {mine['round']}, but {mine['adapter']} was trained on "
                f"clusters of round {behind - 1}; set {behind}"
            )


def _check_judge(config: Mapping[str, Any]) -> None:
    """A judge's scores, and what takes them."""
    mine = config["mine"]
    takers = [
        f"mine.{key}" for key in ("greatest_judged", "judged_margin") if mine[key] is not None
    ]
    takers += ["train.soft_labels"] if config["train"]["soft_labels"] else []
    if takers and not Path(mine["scores"]).is_file():
        raise InputError(
            f"configuration: {takers[0]}: needs a judge's scores; mine.scores: "
            f"{mine['scores']!r} is not there"
        )
    if mine["scores"] and not takers:
        raise InputError(
            "configuration: mine.scores: nothing takes them; set mine.greatest_judged, "
            "mine.judged_margin or train.soft_labels"
        )


def _check_doses(config: Mapping[str, Any]) -> None:
    """What is revealed must be known, here and where the clusters are mined."""
    dosed = [run for run in config["train"]["runs"] if "hidden" in run]
    if not dosed:
        return
    if config["data"]["source"] == "mmeb":
        raise InputError(
            "configuration: train.runs: hidden is a share of known equivalences, which benchmarks "
            "made here have (data.source: mini), MMEB has not"
        )
    if config["mining_from"]:
        raise InputError(
            "configuration: train.runs: hidden needs clusters mined here (mining_from)"
        )
    if not config["train"]["mask_duplicates"]:
        raise InputError(
            "configuration: train.runs: hidden: what is revealed is masked in the loss; set "
            "train.mask_duplicates"
        )
    if any(run["strategy"] == SINGLE_PAIRS for run in dosed):
        raise InputError(
            f"configuration: train.runs: hidden: {SINGLE_PAIRS!r} mines nothing; take same_task"
        )


def _check_sources(config: Mapping[str, Any]) -> None:
    """What is downloaded and what is made here must fit each other."""
    if config["data"]["source"] == "own":
        for key in ("table", "corpus", "images"):
            path = config["own"][key]
            if (path or key == "table") and not (path and Path(path).exists()):
                raise InputError(f"configuration: own.{key}: {path!r} is not there; name your file")
        if config["data"]["train_split"] != "original":
            raise InputError(
                "configuration: data.train_split: your own rows have one form; set original "
                "(configs/own_data.yaml)"
            )
    mined = config["mine"]["ownerless"] != NONE
    if mined and (config["data"]["source"] != "own" or not config["own"]["corpus"]):
        raise InputError(
            "configuration: mine.ownerless: takes candidates from own.corpus (data.source: own), "
            "which is not given; give it, or set none"
        )
    if mined and config["mining_from"]:
        raise InputError("configuration: mine.ownerless: needs clusters mined here (mining_from)")
    if config["data"]["source"] != "mini" and config["model"]["name"] == "generator":
        raise InputError(
            "configuration: model.name: the generator is trained on the mini benchmark's photos "
            "(data.source: mini); name another model"
        )
    for part in ("train", "eval"):
        wanted, known = config["benchmark"][f"{part}_sets"], datasets.names("mini", part)
        for name in wanted or []:
            if name not in known:
                raise InputError(
                    f"configuration: benchmark.{part}_sets: unknown data set {name!r}; known: "
                    f"{', '.join(known)}"
                )
    if config["mine"]["prompt"] not in config["embed"]["prompts"]:
        raise InputError(
            f"configuration: mine.prompt: {config['mine']['prompt']!r} is not among embed.prompts"
        )
    if config["mining_from"] == config["experiment"]:
        raise InputError(
            "configuration: mining_from: names this experiment; leave it empty to mine here"
        )


def _check_training(config: Mapping[str, Any]) -> None:
    mine, train = config["mine"], config["train"]
    for run in train["runs"]:
        if run["strategy"] not in mine["strategies"]:
            raise InputError(
                f"configuration: train.runs: {run['strategy']!r} is not among mine.strategies "
                f"({', '.join(mine['strategies'])}); add it there"
            )
        elsewhere = run["prompt"] != mine["prompt"] and run["strategy"] != "in_batch"
        if elsewhere and not train["allow_other_prompt"]:
            raise InputError(
                f"configuration: train.runs: {run['strategy']!r} is trained under "
                f"{run['prompt']!r} but mined under {mine['prompt']!r}; set "
                "train.allow_other_prompt if that is meant"
            )
    named = [(run_name(run, mine["k"], mine["m"]), run["prompt"]) for run in train["runs"]]
    for name, prompt in named:
        if named.count((name, prompt)) > 1:
            raise InputError(f"configuration: train.runs: {name}, {prompt} is there twice")
    if (train["query_query"] or train["target_target"]) and not train["mask_duplicates"]:
        raise InputError(
            "configuration: train: query_query and target_target need mask_duplicates: equal items "
            "would be pushed apart"
        )
    if train["processes"] % train["nodes"]:
        raise InputError(
            f"configuration: train.processes: {train['processes']} is not a multiple of "
            f"train.nodes ({train['nodes']}); each node runs as many"
        )
    if train["validation_share"] and (train["checkpoints"] or train["average"]):
        raise InputError(
            "configuration: train.validation_share: the training may end before any step; empty "
            "train.checkpoints and train.average"
        )
    for key in ("checkpoints", "average", "warm_up"):
        last = max([train[key]] if isinstance(train[key], int) else train[key], default=0)
        if last >= train["steps"]:
            raise InputError(
                f"configuration: train.{key}: {last} is not before the last step "
                f"(train.steps: {train['steps']})"
            )


def _check_batches(config: Mapping[str, Any]) -> None:
    """A cluster that is larger than a batch would be noticed after all mining."""
    mine, train = config["mine"], config["train"]
    for run in train["runs"]:
        k = 0 if run["strategy"] == SINGLE_PAIRS else run.get("k", mine["k"])
        if k + 1 > train["pairs_per_batch"]:
            raise InputError(
                f"configuration: train.pairs_per_batch: {train['pairs_per_batch']} pairs do not "
                f"hold one cluster of {run['strategy']} ({k + 1} pairs); raise it or lower k"
            )


def _check_generator(config: Mapping[str, Any]) -> None:
    """The sizes that transformers would stumble over when the model is built."""
    shape = config["generator"]
    for whole, part, times in (
        ("hidden", "heads", 2),
        ("heads", "kv_heads", 1),
        ("vision_width", "vision_heads", 4),
    ):
        if shape[whole] % (times * shape[part]):
            needed = f"{times} x " if times > 1 else ""
            raise InputError(
                f"configuration: generator.{whole}: {shape[whole]} is not a multiple of {needed}"
                f"generator.{part} ({shape[part]})"
            )


def _check_published(published: Mapping[str, Any]) -> None:
    """Names of the register of published scores; empty: nothing is compared with."""
    known = published_names()
    named = {
        "backbone": ([published["backbone"]] if published["backbone"] else [], known["backbone"]),
        "systems": (published["systems"], known["model"]),
    }
    for key, (names, register) in named.items():
        unknown = next((name for name in names if name not in register), None)
        if unknown is not None:
            near = get_close_matches(unknown, register, 1)
            hint = f"did you mean {near[0]!r}?" if near else "docs/published_scores.md lists them"
            raise InputError(
                f"configuration: published.{key}: {unknown!r} is not in the register of published "
                f"scores; {hint}"
            )
    if published["released_as"] and not RUN.fullmatch(published["released_as"]):
        raise InputError(
            f"configuration: published.released_as: {published['released_as']!r} is no run; give "
            "STRATEGY/PROMPT, such as saha/hierarchical, or nothing"
        )


def check_pattern(pattern: str) -> None:
    """Raise InputError for what is no regular expression, or would take for ever to match.

    Python's ``re`` has no time limit, so a process of its own matches the names of modules.
    """
    if not pattern:
        return
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise InputError(f"{pattern!r} is no regular expression ({error})") from None
    program = "import re, sys; [re.fullmatch(sys.argv[1], name) for name in sys.argv[2:]]"
    words = [sys.executable, "-S", "-c", program, pattern, *MODULE_NAMES]
    try:
        subprocess.run(words, check=True, capture_output=True, timeout=PATTERN_SECONDS)
    except subprocess.TimeoutExpired:
        raise InputError(
            f"{pattern!r} takes more than {PATTERN_SECONDS:g} seconds for one name of a module; "
            "repeat nothing that is itself repeated"
        ) from None
