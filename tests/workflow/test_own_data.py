"""docs/own_data.md followed: its import through the program, its study as Snakemake plans it."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import time

import pandas as pd
import pytest
import yaml

from gen2embed.mining.clusters import read_clusters
from unit.text_models import save_text_model
from workflow.conftest import ROOT, copy_project

PAGE = (ROOT / "docs" / "own_data.md").read_text(encoding="utf-8")
OWN = ("--configfile", "configs/own_data.yaml")


def call_of(start):
    """The words of the page's call that begins so."""
    block = next(one for one in PAGE.split("```")[1::2] if one.strip().startswith(start))
    return shlex.split(block.replace("\\\n", " "))


def test_the_import_as_the_page_has_it(project):
    words = call_of("python scripts/import_pairs.py")
    done = subprocess.run([sys.executable, *words[1:]], cwd=project.folder, check=True)
    assert done.returncode == 0
    told = json.loads((project.folder / "results" / "tried" / "imported.json").read_text())
    table = pd.read_csv(ROOT / "docs" / "own_data.csv")
    assert told["rows"] == told["pairs"] == len(table) == 30
    assert told["train_rows"] + told["eval_rows"] == 30 and told["eval_rows"] == 7
    assert "query,positive\n" + "\n".join(
        ",".join(row) for row in table.head(2).to_numpy()
    ) in PAGE  # fmt: skip


def test_the_study_as_the_page_has_it(project):
    words = call_of("snakemake")
    assert words[-1] == "mine" and tuple(words[3:5]) == OWN
    planned = project.planned(*OWN, "--", "mine")
    assert planned["import_pairs"] == planned["mine_negatives"] == 1
    assert "train_adapter" not in planned
    output = project.snakemake("-n", "-p", *OWN, "--", "mine", "evaluate")
    for path in re.findall(r"results/own_data/clusters/\S+parquet", PAGE):
        assert path in output
    assert "scores/base/hierarchical/Own.json" in output
    assert project.planned(*OWN)["write_report"] == 1  # all of it, to the report


def test_a_run_of_ones_own_is_trained(project):
    runs = [{"strategy": "saha", "prompt": "hierarchical"}]
    (project.folder / "mine.yaml").write_text(yaml.safe_dump({"train": {"runs": runs}}))
    planned = project.planned(*OWN, "mine.yaml", "--", "all")
    assert planned["train_adapter"] == 1 and planned["embed_adapted"] == 1


def test_a_file_of_ones_own_as_the_page_has_it(project):
    """The page's overlay, on a table with its columns, to the exported model."""
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
    (project.folder / "mine.yaml").write_text(text)
    (project.folder / "pairs.csv").write_text("question,answer\n" + "".join(
        f"what is {number}?,the number {number}\n" for number in range(20)
    ))  # fmt: skip
    names = re.findall(r"^\| `(?:snakemake .* <mine.yaml>|\.\.\.) -- (\w+)` \|", PAGE, re.M)
    assert names == ["mine", "evaluate", "export"]
    output = project.snakemake("-n", "-p", *OWN, "mine.yaml", "--", *names)
    places = re.findall(r"`(results/my_pairs/\S+?)`", PAGE)
    assert len(places) == 3
    for place in places:
        assert place.replace("<strategy>", "saha").rstrip("/") in output
    assert "--columns query=question positive=answer" in output or '"query=question"' in output


@pytest.mark.slow
def test_two_thousand_pairs_to_clusters_in_ten_minutes(tmp_path):
    """The page's command on a table of 2,000 pairs, some of them twice; random weights."""
    project = copy_project(tmp_path / "project")
    (tmp_path / "model").mkdir()
    save_text_model("llama", tmp_path / "model")
    rows = [(f"what is {number} times {number}?", f"it is {number**2}") for number in range(1960)]
    table = pd.DataFrame([*rows, *rows[::49]], columns=["question", "answer"])
    table.to_csv(project.folder / "pairs.csv", index=False)
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
    told = yaml.safe_load(text) | {"model": {"name": str(tmp_path / "model")}}
    (project.folder / "mine.yaml").write_text(yaml.safe_dump(told))
    began = time.monotonic()
    project.snakemake(*OWN, "mine.yaml", "--", "mine")
    assert time.monotonic() - began < 600
    results = project.folder / "results" / "my_pairs"
    counted = json.loads((results / "data" / "imported.json").read_text())
    assert counted["rows"] == 2000 and counted["pairs"] == 1960 and counted["repeated_pairs"] == 40
    for strategy in ("hns", "saha"):
        path = results / "clusters" / strategy / "Own.parquet"
        table, _ = read_clusters(path, counted["train_rows"])
        assert len(table.negative_pairs) > 0


def test_a_table_that_is_not_there_is_one_line(project):
    (project.folder / "no.yaml").write_text("own: {table: no.csv}\n")
    output = project.snakemake(*OWN, "no.yaml", "-n", ok=False)
    assert "own.table: 'no.csv' is not there; name your file" in output
    assert "Traceback" not in output


def test_a_corpus_is_mined_from_where_it_is_asked_for(project):
    (project.folder / "more.csv").write_text("text\na stone\n")
    told = {"own": {"corpus": "more.csv"}, "mine": {"ownerless": "borrow"}}
    runs = [{"strategy": "saha", "prompt": "hierarchical"}]
    for ownerless in ("borrow", "none"):
        told["mine"]["ownerless"] = ownerless
        (project.folder / "mine.yaml").write_text(yaml.safe_dump(told | {"train": {"runs": runs}}))
        output = project.snakemake("-n", "-p", *OWN, "mine.yaml", "--", "train")
        mined = ownerless == "borrow"
        assert ("results/own_data/further/Own.parquet" in output) == mined
        assert ('"mine_corpus": true' in output) == ('"corpora": ["results' in output) == mined
    output = project.snakemake("-n", "--config", 'mine={"ownerless": "score"}', ok=False)
    assert "mine.ownerless: takes candidates from own.corpus" in output


def test_rounds_as_the_page_of_mining_has_them(project, request):
    """docs/mining.md: each round mines with the adapter of the one before, as its name says."""
    page = (ROOT / "docs" / "mining.md").read_text(encoding="utf-8").split("### Mining again")[1]
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
    (project.folder / "mine.yaml").write_text(text)
    (project.folder / "pairs.csv").write_text("question,answer\n" + "".join(
        f"what is {number}?,the number {number}\n" for number in range(20)
    ))  # fmt: skip
    for number, made in enumerate(re.findall(r"```yaml\n(.*?)```", page, re.S), start=1):
        (project.folder / f"round_{number}.yaml").write_text(made)
    block = re.findall(r"```\n(snakemake.*?)```", page, re.S)[0]
    calls = [shlex.split(re.sub("[<>]", "", line)) for line in block.splitlines()]
    assert len(calls) == 3
    before = None
    for number, words in enumerate(calls):
        output = project.snakemake("-n", "-p", *words[3:])
        experiment = f"my_pairs_{number}" if number else "my_pairs"
        assert f"results/{experiment}/clusters/saha/Own.parquet" in output
        assert (f'"round": {number}' in output) == bool(number)
        assert before is None or f'"adapter": "{before}"' in output
        before = f"results/{experiment}/adapters/saha_seed0/hierarchical"
        assert f"{before}/adapter_model.safetensors" in output
        trained_on = {"Own": {"strategy": "saha", **({"round": number} if number else {})}}
        folder = project.folder / before
        folder.mkdir(parents=True)
        request.addfinalizer(lambda made=folder.parents[2]: shutil.rmtree(made))
        for name in ("adapter_model.safetensors", "adapter_config.json"):
            (folder / name).touch()
        (folder / "card.json").write_text(json.dumps({"clusters": trained_on}))
