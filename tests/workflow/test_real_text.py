"""The real generator's configurations with a tiny random Llama, as a GGUF file and as a folder."""

import json

import pandas as pd
import pytest
import yaml

from unit.text_models import save_gguf, save_text_model
from workflow.conftest import copy_project

PROMPTS = ["plain", "hierarchical"]
TINY = {
    "experiment": "tiny_text",
    "benchmark": {"train_rows": 24, "eval_queries": 8, "candidates": 8},
    "embed": {"prompts": PROMPTS},
    "mine": {"k": 3, "grid": {"strategies": ["hns", "saha"], "k": [3], "m": [1]}},
    "figures": {
        "umap_prompts": PROMPTS,
        "umap_queries": 4,
        "analysis_prompts": PROMPTS,
        "analysis_items": 4,
        "analysis_rows": 1,
    },
}
TRAINED = {"steps": 2, "warm_up": 1, "pairs_per_batch": 8, "seeds": [0]}
MODELS = {
    "real_text": (lambda folder: save_gguf("llama", folder / "tiny.gguf"), {}),
    "real_text_full": (
        lambda folder: save_text_model("llama", folder / "tiny"),
        {"train": TRAINED},
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_study_of_text_alone_from_nothing_to_its_digest(name, tmp_path):
    make, changed = MODELS[name]
    project = copy_project(tmp_path / "project")
    model = {"model": {"name": str(make(tmp_path))}}
    (project.folder / "tiny.yaml").write_text(yaml.safe_dump(TINY | model | changed))
    overlay = ("--configfile", f"configs/{name}.yaml", "tiny.yaml")
    project.snakemake(*overlay, "--", "all", "digest")
    assert project.planned(*overlay, "--", "all", "digest") == {"digest": 1}
    results = project.folder / "results" / "tiny_text"
    assert not list(results.rglob("sugarcrepe*")) and not (results / "data/composition").exists()
    answers = json.loads((results / "analysis" / "answers.json").read_text())
    assert pd.read_csv(results / "tables" / "knowledge.csv")["n"].iloc[-1] == len(answers)
    rates = pd.read_csv(results / "false_negatives" / "all.csv").set_index("strategy")
    assert {"hns", "saha"} <= set(rates.index) and rates["negatives"].gt(0).all()
    drawn = pd.read_csv(results / "figures" / "both_generators.csv")
    assert drawn["generator"].nunique() == 2 and set(drawn["run"]) == set(PROMPTS)
    assert (results / "tables" / "runs.csv").exists() == (name == "real_text_full")
