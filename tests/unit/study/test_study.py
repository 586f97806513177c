"""What a configuration means: runs and names, paths, jobs that their programs take, resources."""

import json
import re
from importlib import import_module
from pathlib import Path

import pytest

from configurations import configured, merge
from gen2embed.command_line import _flags
from gen2embed.errors import InputError
from gen2embed.study.combinations import check_combinations
from gen2embed.study.jobs import Jobs
from gen2embed.study.layout import Layout
from gen2embed.study.runs import clusters_name, run_name
from gen2embed.study.study import Study

FILTERS = ("absolute_margin", "range_min", "draw")  # some of them
ROOT = Path(__file__).resolve().parents[3]
CONFIGS = ["ci", "mini_full", "paper_2b", "paper_7b", "released_2b", "when", "when_gate"]
CONFIGS += ["qwen3_vl_embedding_2b"]
CONFIGS += ["real_text", "real_text_full"]


def config_of(name="ci", **changed):
    """config.yaml with an overlay, as Snakemake lays one, and with changed keys of sections."""
    return merge(configured(name), changed)


@pytest.mark.parametrize(
    ("run", "clusters", "name"),
    [
        ({}, "saha", "saha"),
        ({"mode": "clusters"}, "saha", "saha"),
        ({"mode": "classic"}, "saha", "saha-classic"),
        ({"k": 3}, "saha-k3-m5", "saha-k3-m5"),
        ({"m": 1, "fraction": 0.25}, "saha-k7-m1", "saha-k7-m1-f0.25"),
        (
            {"k": 3, "m": 3, "mode": "classic", "fraction": 1.0},
            "saha-k3-m3",
            "saha-k3-m3-classic-f1",
        ),
    ],
)
def test_names_of_runs(run, clusters, name):
    """k 7 and m 5 are the experiment's; a plain run is its strategy."""
    run = {"strategy": "saha", "prompt": "hierarchical", **run}
    assert (clusters_name(run, 7, 5), run_name(run, 7, 5)) == (clusters, name)


def test_a_run_is_found_by_its_model_and_prompt():
    runs = [
        {"strategy": "saha", "prompt": "plain", "k": 3},
        {"strategy": "hns", "prompt": "hierarchical", "mode": "classic"},
    ]
    study = Study(config_of(train={"runs": runs, "seeds": [0, 7], "checkpoints": [2, 3]}))
    assert [run.model for run in study.runs] == [
        *("saha-k3-m3_seed0", "hns-classic_seed0"),
        *("saha-k3-m3_seed7", "hns-classic_seed7"),
    ]
    run = study.run("saha-k3-m3_seed7", "plain")
    assert (run.strategy, run.clusters, run.k, run.m, run.seed) == ("saha", "saha-k3-m3", 3, 3, 7)
    folder = "results/ci/adapters/saha-k3-m3_seed7/plain"
    assert study.models_of(run) == {
        "saha-k3-m3_seed7_step2": f"{folder}/checkpoints/step-2",
        "saha-k3-m3_seed7_step3": f"{folder}/checkpoints/step-3",
        "saha-k3-m3_seed7": folder,
    }
    assert [one.format(run=run.model) for one in study.models_of_any_run()] == list(
        study.models_of(run)
    )
    assert list(study.mined_apart) == ["saha-k3-m3"]
    assert study.run_names == ["saha-k3-m3/plain", "hns-classic/hierarchical"]


@pytest.mark.parametrize("name", CONFIGS)
def test_the_programs_take_their_jobs(name):
    """Every job of every configuration goes through its program's own parser."""
    study = Study(config_of(name))
    jobs = Jobs(study)
    lists = {
        "embed_items": [jobs.embedding("hierarchical", study.evaluated, "1of8")],
        "score_subset": [jobs.scoring(study.tuned_models)],
        "score_compositions": [jobs.scoring_compositions(study.final_models)],
        "write_leaderboard": [jobs.leaderboards()],
        "fetch_data": [jobs.fetching()],
        "check_data": [jobs.checking()],
        "fetch_model": [jobs.fetching_model()],
        "fetch_wheel": [jobs.fetching_wheel()],
        "convert_gguf": [jobs.converting()],
        "mine_negatives": [jobs.mining(), jobs.mining_grid()] if study.mines else [],
        "train_adapter": [jobs.training(run) for run in study.runs],
        "freeze_benchmark": [jobs.freezing()] if study.knows_equivalences else [],
        "measure_false_negatives": [jobs.measuring_false_negatives()] if study.mines else [],
    }
    lists["embed_items"] += [jobs.embedding_adapted(run) for run in study.runs]
    for called, texts in lists.items():
        parser = import_module(called).build_parser()
        for text in texts:
            for job in json.loads(text):
                flags = parser.parse_args(_flags(parser, job))
                asked = {key: value for key, value in job.items() if value is not None}
                assert all(hasattr(flags, key) for key in asked), called


def test_one_form_of_input_in_every_job():
    study = Study(config_of("paper_2b"))
    jobs = Jobs(study)
    texts = [jobs.embedding("plain", ["train"]), jobs.embedding_adapted(study.runs[0])]
    texts += [jobs.training(run) for run in study.runs]
    for job in [job for text in texts for job in json.loads(text)]:
        assert job["input_form"] == "authors" and job["image_mode"] == "stored"
    assert "--input-form authors" in " ".join(jobs.analysing())


def test_limits_of_pixels_are_those_of_the_stage():
    study = Study(config_of("paper_2b"))
    jobs = Jobs(study)
    zero_shot = json.loads(jobs.embedding("plain", study.evaluated))
    tuned = json.loads(jobs.embedding_adapted(study.runs[0]))
    training = json.loads(jobs.training(study.runs[0]))
    base, authors = (3136, 12845056), (200704, 1003520)
    assert {(job["min_pixels"], job["max_pixels"]) for job in zero_shot} == {base}
    assert {(job["min_pixels"], job["max_pixels"]) for job in tuned + training} == {authors}
    assert "--min-pixels 3136 --max-pixels 12845056" in " ".join(jobs.analysing())
    released = Study(config_of("released_2b"))
    released = json.loads(Jobs(released).embedding("plain", released.evaluated))
    assert {job["max_pixels"] for job in released} == {None}  # its own processor's
    sizes = {job["items"].split("/")[-1].split("_")[0]: job["resolution"] for job in zero_shot}
    assert sizes == {"eval": "mmeb_eval", "composition": "native"}


def test_clusters_are_bounded_where_they_have_negatives():
    study = Study(config_of("paper_2b"))
    bounds = {
        run.strategy: json.loads(Jobs(study).training(run))[0].get("clusters_per_batch")
        for run in study.runs
    }
    assert bounds == {"in_batch": None, "hns": 128, "saha": 128}


def test_another_experiments_clusters(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = Study(config_of("paper_7b"))
    paths = study.clusters(["saha"])
    assert paths[0].startswith("results/paper_2b/clusters/saha/")
    with pytest.raises(InputError, match="mining_from: paper_2b has no results/paper_2b/clusters"):
        study.check_mined(paths)
    for path in paths:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).touch()
    assert study.check_mined(paths) == paths
    Path("results/paper_2b/config.yaml").write_text("input: {form: stock}")
    with pytest.raises(InputError, match="was mined with other inputs"):
        study.check_mined(paths)


def test_the_data_dictionary_names_every_folder():
    """The folders of all paths that a study names, each in docs/data_dictionary.md."""
    page = (ROOT / "docs" / "data_dictionary.md").read_text()
    study = Study(config_of())
    named = [
        *study.items(study.parts), *study.paths.pairs("x"), *study.paths.rows("x"),
        *study.equivalences, *study.paths.compositions(), *study.clusters(["saha"]),
        *study.paths.vectors("base", "plain").values(), *study.scores("base", "plain"),
        *study.paths.false_negatives(["all"]), study.paths.adapter_of("saha_seed0", "plain"),
        *study.leaderboards, *study.paths.tables("x"), *study.paths.figures("x"),
        study.paths.grid_clusters(1, 1), study.paths.partial("embed_items"), study.paths.counted,
        study.paths.config, study.paths.generator, study.paths.data,
    ]  # fmt: skip
    folders = {path.removeprefix(study.paths.root + "/").split("/")[0] for path in named}
    missing = [one for one in sorted(folders) if not re.search(rf"`{re.escape(one)}[/`]", page)]
    assert not missing
    assert Layout("x").root == "results/x"


def test_more_memory_at_every_retry_up_to_the_most():
    most = {"mem_mb": 5000, "runtime": None}
    resources = {**config_of()["resources"], "train": {"mem_mb": 2000, "runtime": 30}, "most": most}
    asked = Study(config_of(resources=resources)).resources.asks("train")
    assert [asked["mem_mb"](None, attempt) for attempt in (1, 2, 3)] == [2000, 4000, 5000]
    assert [asked["runtime"](None, attempt) for attempt in (1, 2, 3)] == [30, 60, 90]
    assert asked.keys() == {"mem_mb", "runtime"}


@pytest.mark.parametrize(
    ("processes", "nodes", "asked"),
    [
        (1, 1, {"gpu": 1, "nodes": 1}),
        (8, 1, {"gpu": 8, "nodes": 1}),
        (
            *(16, 2),
            {"gres": "gpu:8", "tasks_per_gpu": 0, "mpi": "srun", "nodes": 2, "tasks": 2},
        ),
    ],
)
def test_gpus_and_nodes(processes, nodes, asked):
    train = {"processes": processes, "nodes": nodes}
    resources = Study(config_of(hardware="gpu", train=train)).resources
    found = resources.asks("train")
    assert {key: found[key] for key in found if key not in ("mem_mb", "runtime")} == asked
    assert resources.asks("embed")["gpu"] == 1 and "gpu" not in resources.asks("small")


def test_where_a_model_comes_from():
    """Trained here, from the hub, out of a wheel, a GGUF file of the user's."""
    found = {}
    for name in ("generator", "Qwen2-VL-2B-Instruct", "smollm2-135m-instruct", "my/tiny.gguf"):
        study = Study(config_of(model={"name": name}))
        found[name] = (study.model, study.gguf, study.in_wheel)
        if study.gguf:
            (job,) = json.loads(Jobs(study).converting())
            assert job == {"model": name, "gguf": study.gguf, "out": study.model}
    assert found == {
        "generator": ("results/ci/generator", "", False),
        "Qwen2-VL-2B-Instruct": ("results/ci/model", "", False),
        "smollm2-135m-instruct": ("results/ci/model", "results/ci/model.gguf", True),
        "my/tiny.gguf": ("results/ci/model", "my/tiny.gguf", False),
    }


def test_a_hidden_share_has_clusters_and_files_of_its_own():
    runs = [{"strategy": "hns", "prompt": "hierarchical", "hidden": share} for share in (1, 0, 0.5)]
    study = Study(
        config_of(train={"runs": runs, "seeds": [4]}, benchmark={"train_sets": ["Change"]})
    )
    jobs = Jobs(study)
    assert study.doses == [0, 0.5, 1] and study.train_sets == ["Change"]
    assert [run.model for run in study.runs] == ["hns-h1_seed4", "hns-h0_seed4", "hns-h0.5_seed4"]
    assert study.revealed == ["results/ci/equivalences/train/Change.parquet"]
    mined = {job["out"].split("/")[-2]: job for job in json.loads(jobs.mining())}
    assert "equivalences" not in mined["hns"]
    assert (mined["hns-h0.5"]["hidden"], mined["hns-h0.5"]["equivalences"]) == (
        0.5,
        *study.revealed,
    )
    (job,) = json.loads(jobs.training(study.runs[2]))
    assert (job["hidden"], job["hidden_seed"], job["equivalences"]) == (0.5, 0, study.revealed)
    assert job["clusters"] == ["results/ci/clusters/hns-h0.5/Change.parquet"]
    (none, *_) = json.loads(jobs.measuring_doses())
    assert (none["out"], none["hidden"]) == ("results/ci/doses/h0.json", 0)


def test_without_a_hidden_share_no_job_is_told_of_equivalences():
    study = Study(config_of("mini_full"))
    assert study.doses == study.revealed == []
    texts = [Jobs(study).mining(), *(Jobs(study).training(run) for run in study.runs)]
    assert not any("equivalences" in text for text in texts)


def test_filters_are_told_to_the_strategy_that_has_them():
    """And to no other, so that a filter changes no other strategy's job."""
    mine = {"strategies": ["hns", "filtered"], "range_min": 2}
    config = config_of(mine=mine, train={"runs": []})
    config["mine"]["without_training"] = True
    of_strategy = {job["strategy"]: job for job in json.loads(Jobs(Study(config)).mining())}
    assert of_strategy["filtered"]["range_min"] == 2
    assert not set(FILTERS) & set(of_strategy["hns"])


def test_mining_again_embeds_the_training_part_with_the_adapter():
    folder = "results/ci/adapters/saha_seed0/hierarchical"
    jobs = Jobs(Study(config_of(mine={"round": 1, "adapter": folder})))
    adapters = {
        part: {job["adapter"] for job in json.loads(jobs.embedding("hierarchical", [part]))}
        for part in ("train", "eval")
    }
    assert adapters == {"train": {folder}, "eval": {None}}
    assert {job["round"] for job in json.loads(jobs.mining())} == {1}


@pytest.mark.parametrize(("of_clusters", "behind"), [({}, 1), ({"round": 1}, 2)])
def test_a_round_is_one_more_than_its_adapter_s_clusters(tmp_path, of_clusters, behind):
    """Two subsets, one of them without negatives and so of no round."""
    (tmp_path / "adapter_model.safetensors").touch()
    card = {"clusters": {"A": {"strategy": "saha", **of_clusters}, "B": {"strategy": "in_batch"}}}
    (tmp_path / "card.json").write_text(json.dumps(card))
    for told in (1, 2, 3):
        config = config_of(mine={"round": told, "adapter": str(tmp_path)})
        if told == behind:
            check_combinations(config)
            continue
        with pytest.raises(InputError, match=f"clusters of round {behind - 1}; set {behind}"):
            check_combinations(config)
