"""The paper's configurations: planned as they are, and run on a small MMEB with a small model."""

import json
import re

import pandas as pd
import pytest
import yaml

import mmeb_layout
from gen2embed.data.datasets import names
from mmeb_layout import EMPTY, MARKED, MISSING
from workflow.conftest import copy_project

PAPER = ("--configfile", "configs/paper_2b.yaml")
OF_THE_MINI = {"build_benchmark", "train_generator", "measure_false_negatives", "mine_grid"}
RULES_OF_MMEB = {"fetch_data", "check_data", "fetch_model", "prepare_items"}


@pytest.fixture(scope="module")
def tiny_paper(finished, tmp_path_factory):
    """paper_2b with a local copy of a small MMEB and the ci experiment's generator as its model."""
    folder = tmp_path_factory.mktemp("paper")
    published = mmeb_layout.build(folder / "copy")
    project = copy_project(folder / "project")
    local = {
        "data": {"copy": str(published), "store": str(folder / "store")},
        "model": {"name": str(finished.folder / "results" / "ci" / "generator")},
    }
    (project.folder / "local.yaml").write_text(yaml.safe_dump(local))
    overlay = (*PAPER, "tests/workflow/tiny_paper.yaml", "local.yaml")
    output = project.snakemake(*overlay, "--", "all", "digest")
    return project, overlay, output


def results(project, name="tiny_paper"):
    return project.folder / "results" / name


def test_every_rule_of_the_paper_runs_in_few_jobs(tiny_paper, project):
    _, _, output = tiny_paper
    done = set(re.findall(r"^(?:local)?rule (\w+):", output, re.M))
    planned = set(project.planned(*PAPER, "--", "all", "digest"))
    assert planned <= done
    assert int(re.search(r"(\d+) of \1 steps", output).group(1)) <= 60


def test_nothing_is_left_to_do(tiny_paper):
    project, overlay, _ = tiny_paper
    assert project.planned(*overlay, "--", "all", "digest") == {"digest": 1}


def test_all_sets_are_scored_with_what_was_taken(tiny_paper):
    project, _, _ = tiny_paper
    folder = results(project) / "scores" / "saha_seed0" / "hierarchical"
    for name in names("mmeb", "eval"):
        score = json.loads((folder / f"{name}.json").read_text())
        dropped = {"dropped": 1} if name == MISSING["eval"][0] else {}
        assert score["data"] == {"split": "test", "row_cap": None, **dropped}
        assert score["n"] == 4 - len(dropped) and score["skipped_rows"] == 0
        assert score["manifest"]["query"]["model"] == "generator"
    for name in names("mmeb", "train"):
        assert (results(project) / "clusters" / "saha" / f"{name}.parquet").is_file()
    roles = pd.read_parquet(results(project) / "items" / "eval_target.parquet")
    assert (roles["role"] == "query").sum() == 4  # RefCOCO-Matching's


def test_bad_rows_are_dropped_and_every_caption_counts_them(tiny_paper):
    """One row of an evaluation set, and one of two training subsets each."""
    project, _, _ = tiny_paper
    folder = results(project)
    listed = pd.read_csv(folder / "tables" / "dropped_rows.csv")
    assert listed[["part", "name", "row"]].to_numpy().tolist() == [
        ["train", *MISSING["train"]],
        ["train", *EMPTY],
        ["eval", *MISSING["eval"]],
    ]
    scored, trained, mined = "1 row dropped", "2 rows dropped", "2 rows dropped before mining"
    tables = {
        scored: ("zero_shot", "zero_shot_datasets", "zero_shot_tests", "prompts", "leakage"),
        trained: ("runs", "runs_datasets", "runs_tests", "efficiency", "sugarcrepe"),
        mined: ("mining", "mining_subsets", "mining_statistics", "sampling"),
    }
    tables[scored] += (*tables[trained][:4], "sampling")
    figures = {
        scored: ("prompt_scores", "umap", "attention_mass", "layers"),
        trained: ("training_dynamics", "task_scores"),
        mined: ("hardness_overlap",),
    }
    figures[scored] += figures[trained]
    for kind, by_text in (("tables", tables), ("figures", figures)):
        for said, names_of in by_text.items():
            for name in names_of:
                caption = (folder / kind / f"{name}.md").read_text().split("\n\n")[0]
                assert said in caption, (name, caption)
    card = (folder / "adapters" / "saha_seed0" / "hierarchical" / "README.md").read_text()
    assert "2 rows dropped as bad: DocVQA 1, ChartQA 1." in card


def test_marks_without_an_image_are_scored_and_trained_on(tiny_paper):
    """WebQA and EDIS: notes of the doctor, and queries like others."""
    project, _, _ = tiny_paper
    found = pd.read_csv(results(project) / "tables" / "data_findings.csv")
    notes = found[found["severity"] == "note"]
    assert set(notes["name"]) == set(MARKED) and set(notes["check"]) == {"mark_without_image"}
    items = pd.read_parquet(results(project) / "items" / "train_query.parquet")
    marked = items[items["text"].str.contains("<|image_1|>", regex=False)]
    marked = marked[marked["image_path"] == ""]["text"]
    assert len(marked) == 8 and 0 < marked.str.startswith("<|image_1|>").sum() < 8


def test_what_needs_known_equivalences_is_left_out(tiny_paper):
    project, _, _ = tiny_paper
    assert not (results(project) / "equivalences").exists()
    assert not (results(project) / "figures" / "false_negative_rate.png").exists()
    mining = (results(project) / "tables" / "mining.md").read_text()
    assert "True false negatives are not known" in mining
    report = (results(project) / "report.html").read_text()
    assert 'id="data_findings"' in report and 'id="gallery"' not in report


def test_an_error_in_the_data_stops_before_anything_is_embedded(tiny_paper):
    """Two bad rows, where data.drop_bad_rows allows one."""
    project, overlay, _ = tiny_paper
    images = results(project) / "data" / "eval" / "images" / "GQA"
    gone = {path: path.read_bytes() for path in (images / "GQA_q_2.png", images / "GQA_q_3.png")}
    for path in gone:
        path.unlink()
    try:
        again = ("--forcerun", "check_data", "--", "doctor")
        project.snakemake(*overlay, *again, ok=False)
        log = (results(project) / "logs" / "check_data.log").read_text()
        said = log.strip().splitlines()[-1]
        assert said.startswith("check_data: eval/GQA: row 2: image images/GQA/GQA_q_2.png is not")
        assert "it has 2 bad rows, data.drop_bad_rows (--drop-bad-rows) lets 1 be dropped" in said
        assert "prepare_items" in project.planned(*overlay)
    finally:
        for path, content in gone.items():
            path.write_bytes(content)


@pytest.mark.parametrize("size", ["2b", "7b"])
def test_released_checkpoints_are_evaluated_without_training(project, size):
    planned = project.planned("--configfile", f"configs/released_{size}.yaml", "--", "all")
    assert planned.keys() >= {*RULES_OF_MMEB, "embed_items", "score_subset", "plot_umap"}
    assert not planned.keys() & {"train_adapter", "embed_training", "mine_negatives", *OF_THE_MINI}
    assert sum(planned.values()) < 40


def test_the_paper_is_planned(project):
    planned = project.planned(*PAPER, "--", "all", "digest")
    assert planned.keys() >= {*RULES_OF_MMEB, "mine_negatives", "train_adapter", "plot_mining"}
    assert not planned.keys() & OF_THE_MINI
    assert planned["train_adapter"] == 4


def test_7b_trains_on_what_2b_mined(project):
    """Without those clusters it says which are missing; with them it mines nothing."""
    paper_7b = ("--configfile", "configs/paper_7b.yaml", "--", "all")
    output = project.snakemake("-n", *paper_7b, ok=False)
    assert "mining_from: paper_2b has no results/paper_2b/clusters/" in output
    assert "--configfile configs/paper_2b.yaml -- mine" in output
    for strategy in ("in_batch", "saha"):
        for name in names("mmeb", "train"):
            for what in ("parquet", "json"):
                path = project.folder / f"results/paper_2b/clusters/{strategy}/{name}.{what}"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
    planned = project.planned(*paper_7b)
    assert planned["train_adapter"] == 2
    assert not planned.keys() & {"mine_negatives", "embed_training", *OF_THE_MINI}
    other = project.folder / "results" / "paper_2b" / "config.yaml"
    other.write_text(yaml.safe_dump({"input": {"form": "stock"}}))
    assert "paper_2b was mined with other inputs" in project.snakemake("-n", *paper_7b, ok=False)
