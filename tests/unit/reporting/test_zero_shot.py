"""Tables and figure of two prompts on three data sets, from scores made by score_subset.py."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gen2embed.files import digest_file, write_csv, write_json, write_npy, write_parquet
from gen2embed.reporting.tables.rendering import shown_datasets

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
SETS = {"A": ("vqa", "ind"), "B": ("retrieval", "ind"), "C": ("vqa", "ood")}
PROMPTS = ("plain", "hierarchical")


def load(name):
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


score = load("score_subset").main
tabulate = load("tabulate_zero_shot").main
plot = load("plot_scores").main
digest = load("digest_results").main


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    root = tmp_path_factory.mktemp("results")
    rng = np.random.default_rng(0)
    register = [("eval", name, *of, "false", "target", 40) for name, of in SETS.items()]
    columns = ["part", "name", "meta_task", "split", "labelled", "target_role", "rows"]
    write_csv(root / "data" / "datasets.csv", pd.DataFrame(register, columns=columns))
    targets = np.eye(10, dtype=np.float32)
    write_npy(root / "t.npy", targets)
    manifest = {"model": "m", "prompt": "p", "resolution": {"name": "native"}, "max_tokens": 9}
    for prompt in PROMPTS:
        right = 0.8 if prompt == "hierarchical" else 0.3
        for name in SETS:
            answers = np.where(rng.random(40) < right, np.arange(40) % 10, rng.integers(0, 10, 40))
            write_npy(root / f"{prompt}_{name}.npy", targets[answers])
            write_json(root / f"{prompt}_{name}.json", manifest | {"dtype": "fp32"})
            lists = [[i % 10, *(j for j in range(10) if j != i % 10)] for i in range(40)]
            frame = {"row_id": range(40), "query_id": range(40), "candidate_ids": lists}
            write_parquet(root / f"rows_{name}.parquet", pd.DataFrame(frame))
            flags = {
                "rows": f"rows_{name}.parquet",
                "query-embeddings": f"{prompt}_{name}.npy",
                "target-embeddings": "t.npy",
                "out": f"scores/base/{prompt}/{name}.json",
            }
            words = [f"--{key}={root / value}" for key, value in flags.items()]
            assert score([*words, "--subset", name]) == 0
    return root


def run_tabulate(results, out):
    register = str(results / "data" / "datasets.csv")
    scores = str(results / "scores" / "base")
    words = ["--register", register, "--scores", scores, "--out", str(out)]
    return tabulate([*words, "--prompts", *PROMPTS, "--backbone", "Qwen2-VL-2B"])


def test_means_are_those_of_the_score_files(results, tmp_path):
    assert run_tabulate(results, tmp_path) == 0
    table = pd.read_csv(tmp_path / "zero_shot.csv").set_index(["run", "aggregate"])
    for prompt in PROMPTS:
        value = {
            name: json.loads((results / f"scores/base/{prompt}/{name}.json").read_text())["value"]
            for name in SETS
        }
        assert table.loc[(prompt, "vqa"), "value"] == pytest.approx((value["A"] + value["C"]) / 2)
        assert table.loc[(prompt, "ood"), "value"] == pytest.approx(value["C"])
        assert table.loc[(prompt, "all"), "value"] == pytest.approx(sum(value.values()) / 3)
    assert (table["ci_low"] <= table["value"]).all() and (table["value"] <= table["ci_high"]).all()


def test_three_renderings_say_the_same(results, tmp_path):
    run_tabulate(results, tmp_path)
    row = pd.read_csv(tmp_path / "zero_shot.csv").query("run == 'plain' and aggregate == 'all'")
    cell = "{:.1f} [{:.1f}, {:.1f}]".format(*(100 * row[["value", "ci_low", "ci_high"]].iloc[0]))
    for suffix in ("md", "tex"):
        text = (tmp_path / f"zero_shot.{suffix}").read_text()
        assert cell in text, suffix
        assert "measured here" in text and "not run" in text and "43.3†" in text
    assert "zero\\_shot" not in (tmp_path / "zero_shot.tex").read_text().split("label")[1][:20]


def test_a_score_that_is_not_above_chance_is_marked():
    columns = ["value", "ci_low", "ci_high", "chance"]
    rows = [("A", "vqa", "ind", "plain", False), ("A", "vqa", "ind", "eol", True)]
    sets = pd.DataFrame(rows, columns=["dataset", "meta_task", "split", "run", "above_chance"])
    sets[columns] = [0.1, 0.05, 0.15, 0.1]
    shown = shown_datasets(sets, ["plain", "eol"]).iloc[0]
    assert shown["plain"] == "10.0 [5.0, 15.0] (chance!)" and shown["eol"] == "10.0 [5.0, 15.0]"


def test_the_paired_test_finds_the_better_prompt(results, tmp_path):
    run_tabulate(results, tmp_path)
    tests = pd.read_csv(tmp_path / "zero_shot_tests.csv").set_index("aggregate")
    assert set(tests.index) == {"ind", "ood", "all"}
    of_all = tests.loc["all"]
    assert (of_all["first"], of_all["second"]) == ("hierarchical", "plain")
    assert of_all["difference"] > 0.3 and of_all["ci_low"] > 0 and of_all["p_holm"] < 0.01
    assert (tests["p_holm"] >= tests["p_value"]).all()


def test_a_score_that_disagrees_with_its_predictions_is_refused(results, tmp_path, capsys):
    path = results / "scores" / "base" / "plain" / "A.json"
    whole = path.read_text()
    path.write_text(json.dumps(json.loads(whole) | {"value": 0.999}))
    try:
        assert run_tabulate(results, tmp_path) == 2
    finally:
        path.write_text(whole)
    assert "A.json: disagrees with its predictions" in capsys.readouterr().err


def test_the_figure_is_the_same_to_the_byte_and_draws_the_table(results, tmp_path):
    run_tabulate(results, tmp_path)
    table = str(tmp_path / "zero_shot.csv")
    sets = str(tmp_path / "zero_shot_datasets.csv")
    for name in ("one", "two"):
        out = str(tmp_path / name)
        assert plot(["--prompts", table, "--datasets", sets, "--out", out]) == 0
    for figure in ("prompt_scores", "task_scores"):
        for suffix in ("pdf", "png", "csv", "md"):
            one, two = (tmp_path / name / f"{figure}.{suffix}" for name in ("one", "two"))
            assert one.read_bytes() == two.read_bytes(), suffix
    drawn = pd.read_csv(tmp_path / "one" / "prompt_scores.csv")
    pd.testing.assert_frame_equal(drawn, pd.read_csv(table))


def test_the_digest_leaves_out_what_may_differ(tmp_path):
    kept = ["a.json", "scores/b.parquet", "x.csv"]
    for name in [*kept, "a.run.json", "logs/c.json", "benchmarks/d.csv", "figures/e.pdf"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f'"{name}"')
    for name in (".a.json", ".tmp/f.json", "scores/.b.x1y2z3_4.parquet"):  # left by a kill
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{")
    out = tmp_path / "digest.tsv"
    assert digest(["--results", str(tmp_path), "--out", str(out)]) == 0
    first = out.read_text()
    assert [line.split("\t")[1] for line in first.splitlines()] == sorted(kept)
    (tmp_path / "x.csv").write_text("changed")
    digest(["--results", str(tmp_path), "--out", str(out)])
    assert len(set(first.splitlines()) ^ set(out.read_text().splitlines())) == 2


def test_the_digest_vouches_for_no_file_that_is_damaged_or_gone(tmp_path, capsys):
    words = ["--results", str(tmp_path), "--out", str(tmp_path / "digest.tsv")]
    vectors, weights = tmp_path / "v/eval.npy", tmp_path / "adapters/adapter_model.safetensors"
    for path in (vectors, weights):
        path.parent.mkdir()
        path.write_bytes(b"whole")
    write_json(vectors.with_suffix(".json"), {"vectors_sha256": digest_file(vectors)})
    sums = {"adapter_model.safetensors": digest_file(weights)}
    write_json(weights.with_name("card.json"), {"sha256": sums})
    assert digest(words) == 0
    for path in (vectors, weights):
        path.write_bytes(b"whOle")
        assert digest(words) == 2
        assert "is not the file that" in capsys.readouterr().err
        path.unlink()
        assert digest(words) == 2
        assert f"{path}: is gone" in capsys.readouterr().err
        path.write_bytes(b"whole")
    assert digest(words) == 0


def test_a_released_model_stands_beside_its_own_published_scores(results, tmp_path):
    """Not beside zero-shot ones; below full size there is nothing of ours to compare."""
    register, scores = str(results / "data" / "datasets.csv"), str(results / "scores" / "base")
    words = ["--register", register, "--scores", scores, "--out", str(tmp_path)]
    words += ["--prompts", "hierarchical", "--backbone", "Qwen2-VL-2B"]
    assert tabulate([*words, "--released-as", "saha/hierarchical"]) == 0
    text = (tmp_path / "zero_shot.md").read_text(encoding="utf-8")
    assert text.startswith("Released model's Precision@1")
    assert "67.1†" in text and "not run" in text and "43.3" not in text
