"""Every option that the paper does not have: from its key in the configuration, through the job
that the study writes, to what it changes in a training."""

import json

import numpy as np
import pandas as pd
import pytest
from safetensors.torch import load_file

from configurations import configured, merge
from gen2embed.files import write_parquet
from gen2embed.study.jobs import Jobs
from gen2embed.study.study import Study
from gen2embed.training.options import KEYS
from gen2embed.training.trainer import ContrastiveTrainer
from unit.training.test_averaging_and_validation import apart  # noqa: F401
from unit.training.test_train_program import job, run_here  # noqa: F401

RUN = {"strategy": "hns", "prompt": "hierarchical"}
OF_FILES = ("model", "pairs", "clusters", "query_items", "target_items", "image_root", "partial")
WEIGHTS = "adapter_model.safetensors"
# what it is set to, and what becomes of the first step's loss: more, less, other, or nothing yet
OF_THE_LOSS = {
    "hardness": (3.0, "more"),  # negatives that are near weigh more
    "mask_margin": (-2.0, "less"),  # no negative but those of the own cluster
    "query_query": (True, "more"),  # further negatives
    "target_target": (True, "more"),
    "matryoshka": ([4], "other"),  # of the prefixes as well
    "soft_labels": (2.0, "more"),  # a divergence is added
    "learn_temperature": (True, "later"),  # it starts as given
}
OF_THE_STEPS = {"average": [1], "validation_share": 0.5, "patience": 1}


def told_by_the_study(files, **options):
    """The study's own job of one run, on the test's files; sizes are the test's, as settings."""
    config = configured("ci")
    sizes = {key: value for key, value in files.items() if key in config["train"]}
    train = {**sizes, "runs": [RUN], "checkpoints": [], "steps": 3, "pairs_per_batch": 8}
    scores = {"mine": {"scores": files["scores"]}} if "soft_labels" in options else {}
    study = Study(merge(config, {"train": {**train, **options}, **scores}))
    (told,) = json.loads(Jobs(study).training(study.runs[0]))
    return told | {key: files[key] for key in OF_FILES} | {"counted": None}


def trained(files, tmp_path, **options):
    """The losses by step; the folder is tmp_path / "adapter"."""
    told = told_by_the_study(files, **options)
    for key in KEYS:  # nothing is told of what is off
        assert (key in told) == (key in options), key
    assert run_here(told, tmp_path, out=str(tmp_path / "adapter")) == 0
    lines = (tmp_path / "adapter" / "training_log.jsonl").read_text().splitlines()
    return [json.loads(line)["loss"] for line in lines]


@pytest.fixture
def files(job, tmp_path):  # noqa: F811
    """The job's, and a judge's scores of all its pairs of items."""
    query, target = np.divmod(np.arange(16), 4)
    scores = np.random.default_rng(0).normal(size=16)
    frame = pd.DataFrame({"query_id": query, "target_id": target, "score": scores})
    write_parquet(tmp_path / "scores.parquet", frame)
    return job | {"scores": str(tmp_path / "scores.parquet")}


def test_these_are_all():
    assert {*OF_THE_LOSS, *OF_THE_STEPS} == set(KEYS)


def test_options_of_the_loss(files, tmp_path):
    plain = trained(files, tmp_path)
    for key, (value, effect) in OF_THE_LOSS.items():
        found = trained(files, tmp_path, **{key: value})
        first = found[0] - plain[0]
        assert {"more": first > 1e-3, "less": first < -1e-3, "other": abs(first) > 1e-4,
                "later": abs(first) < 1e-6}[effect], (key, first)  # fmt: skip
        assert found != plain, key


def test_averaging(files, tmp_path):
    """The same steps, another adapter at their end."""
    plain = trained(files, tmp_path)
    before = load_file(tmp_path / "adapter" / WEIGHTS)
    assert trained(files, tmp_path, average=[1]) == plain
    after = load_file(tmp_path / "adapter" / WEIGHTS)
    assert any((after[name] != value).any() for name, value in before.items())


def test_early_stopping(apart, tmp_path, monkeypatch):  # noqa: F811
    """Losses that rise: kept is step 1; with a patience of 1 the training ends after step 2."""
    monkeypatch.setattr(ContrastiveTrainer, "loss_of", lambda self, _: self.state.global_step)
    told = {"validation_share": 0.5, "pairs_per_batch": 4}
    files = {key: value for key, value in apart.items() if key != "validation_share"}
    for options, steps in ((told, 3), (told | {"patience": 1}, 2)):
        assert len(trained(files, tmp_path, **options)) == steps
        card = json.loads((tmp_path / "adapter" / "card.json").read_text())
        assert card["validation"]["kept_step"] == 1
