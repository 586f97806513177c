"""The register against the published list of data sets, and against itself."""

import csv
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from gen2embed.data.composition_sets import SUBSETS
from gen2embed.data.datasets import load_register, names
from gen2embed.data.registry import (
    TRAIN_SPLITS,
    entries,
    find_model,
    load_registry,
    registered_rows,
)
from gen2embed.errors import InputError

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
PUBLISHED = Path(__file__).with_name("mmeb_as_published.csv")  # gathered apart from the register
PEERS_CAP = 50_000


@pytest.fixture(scope="module")
def listed():
    with PUBLISHED.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def form_facts(note, pattern):
    found = re.search(pattern, note)
    return found and found.group(1)


def test_evaluation_is_the_published_list(listed):
    ours = [(one.name, one.meta_task, one.split) for one in entries("eval")]
    assert ours == [(one["dataset"], one["meta_task"], one["split"]) for one in listed]
    assert Counter(one.meta_task for one in entries("eval")) == {
        **{"classification": 10, "vqa": 10, "retrieval": 12, "grounding": 4}
    }
    assert {one.rows for one in entries("eval")} == {"1000"}


def test_training_is_what_the_list_says_of_it(listed):
    trained = [one for one in listed if one["train_available"] == "true"]
    assert {one["split"] for one in trained} == {"ind"} and len(trained) == 20
    for ours, line in zip(entries("train"), trained, strict=True):
        note = line["notes"]
        assert ours.name == form_facts(note, r"train config '([^']+)'")
        assert (ours.counterpart, ours.meta_task) == (line["dataset"], line["meta_task"])
        exact = form_facts(note, r"exact rows (\d+)")
        assert exact is None or ours.rows == exact
        thousands = int(form_facts(note, r"size (\d+)K"))
        assert abs(int(ours.rows) - 1000 * thousands) < 1000


def test_published_totals_of_training_rows():
    """1.07 M rows in all; 662 K with the peers' cap of 50,000 rows a subset."""
    rows = [int(one.rows) for one in entries("train")]
    assert sum(rows) == 1_068_472
    assert sum(min(one, PEERS_CAP) for one in rows) == 662_178


def test_counterparts_name_each_other():
    train = {one.name: one for one in entries("train")}
    evaluated = {one.name: one for one in entries("eval")}
    assert train["ImageNet_1K"].counterpart == "ImageNet-1K"
    for name, one in train.items():
        other = evaluated[one.counterpart]
        assert (other.counterpart, other.split) == (name, "ind")
        assert (other.meta_task, other.labelled) == (one.meta_task, one.labelled)
    without = {one.split for one in evaluated.values() if not one.counterpart}
    assert without == {"ood"}


def test_labels_and_roles():
    sets = entries("train") + entries("eval")
    assert all((one.labelled == "true") == (one.meta_task == "classification") for one in sets)
    assert [one.name for one in sets if one.target_role != "target"] == ["RefCOCO-Matching"]


def test_compositions_are_the_published_subsets():
    for benchmark, subsets in SUBSETS.items():
        assert {one.name for one in entries(benchmark)} == set(subsets)
    assert sum(int(one.rows) for one in entries("sugarcrepe_pp")) == 4757


def test_every_line_is_whole_and_unique():
    every = load_registry()
    assert len({(one.part, one.name) for one in every}) == len(every)
    for one in every:
        assert one.repo and one.revision and one.licence and (one.files or one.archives)
        assert one.source == "hub" or "{path}" in one.source
        assert "CIFAR-100" not in one.name


def test_files_by_split():
    [one] = entries("train", ["VisDial"])
    assert one.row_patterns(TRAIN_SPLITS) == [
        "VisDial/original-*.parquet",
        "VisDial/diverse_instruction-*.parquet",
    ]
    [one] = entries("eval", ["GQA"])
    assert one.row_patterns(TRAIN_SPLITS) == ["GQA/test-*.parquet"]


def test_the_register_mmeb():
    assert len(names("mmeb", "train")) == 20 and len(names("mmeb", "eval")) == 36
    line = load_register("mmeb")[0]
    assert line.columns() == {
        **{"part": "train", "name": "ImageNet_1K", "meta_task": "classification", "split": "ind"},
        **{"labelled": "true", "target_role": "target"},
    }


def test_models_by_name_or_id():
    assert find_model("Qwen2-VL-2B-Instruct") == find_model("Qwen/Qwen2-VL-2B-Instruct")
    assert find_model("SaHa-Qwen2-VL-7B-Instruct").repo == "Y-J-Ju/SaHa-Qwen2-VL-7B-Instruct"
    with pytest.raises(InputError, match="unknown model 'GPT'; known: Qwen2-VL-2B-Instruct"):
        find_model("GPT")


def test_unknown_names_are_one_line():
    with pytest.raises(InputError, match="'ImageNet-1K'; did you mean 'ImageNet_1K'"):
        entries("train", ["ImageNet-1K"])
    with pytest.raises(InputError, match="unknown eval data set 'CIFAR-100'"):
        entries("eval", ["CIFAR-100"])
    assert registered_rows("train", "CIRR") == 26116 and registered_rows("train", "Flag") is None


def test_the_workflow_reads_it_with_the_standard_library():
    code = (
        f"import sys; sys.path.insert(0, {str(SCRIPTS)!r})\n"
        "import gen2embed.data.registry, gen2embed.data.datasets as d; d.names('mmeb', 'train')\n"
        "print([one for one in ('pandas', 'numpy', 'huggingface_hub') if one in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
