"""Every shipped configuration is whole and known; a wrong one ends in one line before any job."""

import itertools
import re
import shlex
from pathlib import Path

import pytest
import yaml

from configurations import configured, load, merge
from gen2embed.errors import InputError
from gen2embed.mining.strategies import STRATEGIES
from gen2embed.study.configuration import check_configuration, take_base

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = ROOT / "schemas" / "config.schema.yaml"


RUN = {"strategy": "saha", "prompt": "hierarchical"}


@pytest.mark.parametrize("overlay", sorted(path.stem for path in (ROOT / "configs").glob("*.yaml")))
def test_every_overlay_is_valid(overlay):
    check_configuration(configured(overlay), SCHEMA)


def test_no_two_overlays_say_the_same_at_length():
    """What overlays share has a file of its own, which they name as their base."""
    own = {path.stem: load(f"configs/{path.name}") for path in (ROOT / "configs").glob("*.yaml")}
    values = {
        name: {
            (section, key, str(value))
            for section, keys in overlay.items()
            if isinstance(keys, dict)
            for key, value in keys.items()
        }
        for name, overlay in own.items()
    }
    for one, other in itertools.combinations(sorted(values), 2):
        assert len(values[one] & values[other]) <= 4, (one, other)


@pytest.mark.parametrize("path", sorted((ROOT / "configs" / "shared").glob("*.yaml")))
def test_a_shared_file_has_users_and_no_base_of_its_own(path):
    name = path.relative_to(ROOT).as_posix()
    users = [one for one in (ROOT / "configs").glob("*.yaml") if name in one.read_text("utf-8")]
    assert len(users) >= 2 and "base" not in load(name)


@pytest.mark.parametrize("overlay", ["paper_7b", "when_gate"])
def test_snakemake_lays_what_is_shared_below_the_overlay(project, overlay):
    given = ("--configfile", f"configs/{overlay}.yaml", "--config", "seed=7")
    target = f"results/{overlay}/config.yaml"
    text = project.snakemake("-n", "-p", *given, "--", target).split("printf '%s' ")[1]
    written = yaml.safe_load(shlex.split(text)[0])
    assert written == configured(overlay) | {"seed": 7}


@pytest.mark.parametrize(
    "base", ["configs/ci.yaml", {"a": 1}, ["nonesuch.yaml"], [3], ["Snakefile"]]
)
def test_a_base_that_is_none_is_one_line(base, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(InputError, match=r"^configuration: base: .* is no (list|YAML file)"):
        take_base({"base": base})


def test_the_default_is_valid():
    check_configuration(load("config.yaml"), SCHEMA)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"embed": {"promts": ["plain"]}}, "unknown key 'embed.promts' (did you mean 'prompts'?)"),
        ({"seed": "abc"}, "seed: 'abc' is not of type 'integer'"),
        ({"benchmark": {"unseen_fraction": 2}}, "benchmark.unseen_fraction: 2 is greater"),
        ({"embed": {"prompts": ["nonesuch"]}}, "unknown prompt 'nonesuch'; known: plain"),
        ({"embed": {"resolution": "huge"}}, "unknown resolution 'huge'"),
        ({"train": {"resolution": "huge"}}, "unknown resolution 'huge'"),
        ({"mine": {"prompt": "nonesuch"}}, "mine.prompt: unknown prompt 'nonesuch'"),
        ({"mine": {"strategies": ["hsn"]}}, "mine.strategies.0: 'hsn' is not one of"),
        ({"mine": {"strategies": ["hns"]}}, "train.runs: 'in_batch' is not among mine.strategies"),
        (
            {"train": {"checkpoints": [20, 100]}},
            "train.checkpoints: 100 is not before the last step",
        ),
        ({"train": {"warm_up": 100}}, "train.warm_up: 100 is not before the last step"),
        ({"train": {"nodes": 0}}, "train.nodes: 0 is less than the minimum of 1"),
        (
            {"train": {"processes": 3, "nodes": 2}},
            "train.processes: 3 is not a multiple of train.nodes (2); each node runs as many",
        ),
        (
            {"train": {"runs": [{"strategy": "saha", "prompt": "user_only"}]}},
            "'saha' is trained under 'user_only' but mined under 'hierarchical'",
        ),
        (
            {"train": {"runs": [RUN | {"k": 7}, RUN | {"m": 3}]}},
            "train.runs: saha-k7-m3, hierarchical is there twice",
        ),
        ({"train": {"runs": [RUN | {"mode": "modern"}]}}, "train.runs.0.mode: 'modern' is not one"),
        (
            {"data": {"source": "mmeb"}},
            "model.name: the generator is trained on the mini benchmark's",
        ),
        (
            {"data": {"source": "hub"}},
            "data.source: 'hub' is not one of ['mini', 'mmeb', 'wordnet', 'own']",
        ),
        (
            {"embed": {"prompts": ["plain"]}},
            "mine.prompt: 'hierarchical' is not among embed.prompts",
        ),
        ({"mine": {"range_min": 2}}, "mine.range_min: is of the strategy 'filtered'; add it"),
        (
            {"mine": {"strategies": ["in_batch", "hns", "saha", "filtered"]}},
            "mine: the strategy filtered has no filter",
        ),
        ({"mine": {"round": 1}}, "mine.round: counts trainings, mine.adapter names the last"),
        ({"mine": {"round": 1, "adapter": "none"}}, "mine.adapter: 'none' holds no adapter yet"),
        ({"mine": {"greatest_judged": 1}}, "mine.greatest_judged: needs a judge's scores"),
        ({"mine": {"scores": "s.parquet"}}, "mine.scores: nothing takes them; set"),
        ({"mine": {"ownerless": "score"}}, "mine.ownerless: takes candidates from own.corpus"),
        (
            {"train": {"query_query": True, "mask_duplicates": False}},
            "train: query_query and target_target need mask_duplicates",
        ),
        ({"train": {"validation_share": 0.1}}, "train.validation_share: the training may end"),
        ({"train": {"average": [100]}}, "train.average: 100 is not before the last step"),
        ({"mining_from": "mini"}, "mining_from: names this experiment; leave it empty"),
        ({"train": {"runs": [RUN | {"fraction": 0}]}}, "train.runs.0.fraction: 0 is less than or"),
    ],
)
def test_each_fault_is_one_line_with_the_key(change, said):
    with pytest.raises(InputError) as error:
        check_configuration(merge(load("config.yaml"), change), SCHEMA)
    assert said in str(error.value)


def test_the_schema_names_every_strategy():
    schema = load("schemas/config.schema.yaml")
    assert schema["$defs"]["strategy"]["enum"] == list(STRATEGIES)


def test_a_missing_key_is_named():
    config = load("config.yaml")
    del config["embed"]["dtype"]
    with pytest.raises(InputError, match="embed: 'dtype' is a required property"):
        check_configuration(config, SCHEMA)


def test_snakemake_stops_with_the_one_line(project):
    output = project.snakemake("-n", "--config", "sead=1", ok=False)
    assert "Traceback" not in output
    assert [line for line in output.splitlines() if "unknown key 'sead'" in line] == [
        output.strip().splitlines()[-1]
    ]


def test_the_profile_lists_every_rule_that_asks_for_a_gpu():
    """In a comment, to be given a partition."""
    profile = (ROOT / "profiles/slurm/config.yaml").read_text(encoding="utf-8")
    listed = set(re.findall(r"# +- (\w+):slurm_partition=gpu", profile))
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "rules").glob("*.smk"))
    asking = {"embed_training"}  # "use rule embed_items as embed_training with"
    for rule in re.split(r"^ *rule (?=\w+:)", text, flags=re.M)[1:]:
        if re.search(r'asks\("(embed|mine|train)"\)', rule):
            asking.add(rule.split(":")[0])
    assert listed == asking


def test_no_try_asks_for_more_than_the_most(project):
    """Memory is bounded, time is not; what the first try asks for is bounded, too."""
    (project.folder / "most.yaml").write_text("resources: {most: {mem_mb: 3000, runtime: null}}\n")
    configured = ("--configfile", "configs/ci.yaml", "most.yaml")
    output = project.snakemake("-n", *configured, "--", "train")
    asked = dict(re.findall(r"^rule (\w+):$.*?^ +resources: (.*?)$", output, re.M | re.S))
    assert "mem_mb=3000" in asked["train_adapter"] and "runtime=30" in asked["train_adapter"]
    assert "mem_mb=2000" in asked["mine_negatives"]
