"""Published numbers beside ours: always marked, "not run" below full size, differences by hand."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gen2embed.errors import InputError
from gen2embed.evaluation.published import mmeb_datasets, paper_settings
from gen2embed.files import write_csv, write_json, write_parquet
from gen2embed.reporting.captions import AGGREGATE_LABELS
from gen2embed.reporting.results import Run, aggregate
from gen2embed.reporting.tables.peers import datasets_beside, systems
from gen2embed.reporting.tables.published_scores import (
    beside,
    is_full_size,
    with_published,
)
from gen2embed.reporting.tables.settings import settings_beside

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
MMEB = mmeb_datasets()


def load(name):
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def full_size(name="hierarchical", rows=1000, hits=500):
    """All 36 data sets, each with so many hits of its rows."""
    of = {one: np.arange(rows) < hits for one in MMEB["name"]}
    score = {"value": hits / rows, "n": rows, "skipped_rows": 0, "chance": 0.001}
    score |= {"above_chance": True, "ci_low": 0.4, "ci_high": 0.6}
    scores = dict.fromkeys(of, score)
    return Run(name, scores, of, dict.fromkeys(of, np.arange(rows)))


def test_full_size_is_all_data_sets_with_all_queries():
    assert is_full_size([full_size()])
    assert not is_full_size([full_size(rows=999)])
    fewer = full_size()
    fewer.scores.pop("GQA")
    assert not is_full_size([full_size(), fewer])


def test_the_difference_is_ours_minus_the_published():
    """50.0 on every data set, published 43.3 over all and 33.3 on VQA: +6.7 and +16.7."""
    run = full_size()
    means = aggregate([run], MMEB)
    found = beside(means, {"hierarchical": "hierarchical"}, "zero_shot", "Qwen2-VL-2B", True)
    less = found[found["origin"] == "measured - published"].set_index("aggregate")["value"]
    assert less["all"] == pytest.approx(0.067) and less["vqa"] == pytest.approx(0.167)
    smaller = beside(means, {"hierarchical": "hierarchical"}, "zero_shot", "Qwen2-VL-2B", False)
    ours = smaller[smaller["origin"] != "published"]
    assert ours["value"].isna().all()
    assert smaller[smaller["origin"] == "published"]["value"].notna().all()


def test_below_full_size_every_cell_says_so_and_every_published_number_is_marked():
    means = aggregate([full_size()], MMEB)
    compared = beside(means, {"hierarchical": "hierarchical"}, "zero_shot", "Qwen2-VL-2B", False)
    measured = pd.DataFrame({"prompt": ["hierarchical"], "Cla": ["1.0"], "all": ["2.0"]})
    shown = with_published(measured, compared, AGGREGATE_LABELS)
    cells = shown.set_index("scores")[["Cla", "all"]]
    assert cells.loc["measured here"].tolist() == ["1.0", "2.0"]
    assert cells.loc["MMEB, measured"].tolist() == ["not run"] * 2
    assert cells.loc["MMEB, published†"].tolist() == ["48.6†", "43.3†"]
    assert cells.loc["MMEB, measured - published"].tolist() == ["not run"] * 2


def test_a_backbone_without_published_scores_has_no_counterpart():
    means = aggregate([full_size()], MMEB)
    names = {"hierarchical": "hierarchical"}
    assert beside(means, names, "zero_shot", "some other model", True).empty


def test_doubted_aggregates_are_known():
    """UniME's overall is a mean of meta-tasks, SigLIP's retrieval contradicts its rows."""
    found = systems("zero_shot").set_index("model")["doubted"]
    assert found["SigLIP"] == "all retrieval"
    assert found["SaHa paper: hierarchical prompt"] == ""
    tuned = systems("fine_tuned").set_index(["model", "backbone"])["doubted"]
    assert tuned["UniME (stage 2)", "Phi-3.5-V"] == "all"


def test_all_36_data_sets_and_unknown_systems():
    frame = datasets_beside({"ours": full_size()}, ["CLIP"], full_size=True)
    ours = frame[frame["origin"] == "measured"]
    assert len(ours) == 36 and (ours["value"] == 0.5).all()
    theirs = frame[frame["origin"] == "published"].set_index("dataset")["value"]
    assert theirs["ImageNet-1K"] == 0.558
    with pytest.raises(InputError, match="'Clip' has no published data sets"):
        datasets_beside({}, ["Clip"], full_size=False)


def test_a_released_model_stands_beside_its_own_published_scores(tmp_path):
    """Full size, half of all queries hit: 50.0 - 67.1 = -17.1; no zero-shot prompt is claimed."""
    register = MMEB.assign(rows="1000")[["part", "name", "meta_task", "split", "rows"]]
    write_csv(tmp_path / "datasets.csv", register)
    manifest = {"query": {"model": "m", "resolution": None, "max_tokens": 9, "dtype": "bf16"}}
    score = {"value": 0.5, "n": 1000, "skipped_rows": 0, "chance": 0.001, "ties": 0}
    score |= {"value_index0": 0.5, "ci_low": 0.4, "ci_high": 0.6, "above_chance": True}
    ranks = pd.DataFrame({"row_id": np.arange(1000), "rank_of_positive": [1, 2] * 500})
    for name in MMEB["name"]:
        out = tmp_path / "scores" / "base" / "hierarchical" / f"{name}.json"
        write_json(out, score | {"manifest": manifest})
        write_parquet(out.with_suffix(".predictions.parquet"), ranks)
    words = ["--register", tmp_path / "datasets.csv", "--scores", tmp_path / "scores"]
    words += ["--prompts", "hierarchical", "--backbone", "Qwen2-VL-2B"]
    words += ["--released-as", "saha/hierarchical", "--out", tmp_path]
    assert load("tabulate_peers").main([*map(str, words)]) == 0
    tuned = pd.read_csv(tmp_path / "peers_fine_tuned.csv")
    less = tuned[(tuned["origin"] == "measured - published") & (tuned["aggregate"] == "all")]
    assert less["value"].tolist() == [pytest.approx(-0.171)]
    zero_shot = pd.read_csv(tmp_path / "peers_zero_shot.csv")
    assert set(zero_shot["origin"]) == {"published"}
    assert "50.0 [" in (tmp_path / "backbones.md").read_text()


def test_every_setting_of_the_paper_is_a_key_of_the_configuration():
    import yaml

    config = yaml.safe_load((SCRIPTS.parent / "config.yaml").read_text(encoding="utf-8"))
    frame = settings_beside(config, "config.yaml").set_index("key")
    assert len(frame) == len(paper_settings())
    assert frame.loc["train.temperature", ["paper", "here"]].tolist() == ["0.02", "0.02"]
    with pytest.raises(InputError, match="has no key mine"):
        settings_beside({"mine": {}}, "x.yaml")


@pytest.fixture
def scored(tmp_path):
    """Two of three data sets scored, under two prompts."""
    columns = ["part", "name", "meta_task", "split", "rows"]
    register = [("eval", name, "vqa", "ind", 4) for name in "ABC"]
    write_csv(tmp_path / "datasets.csv", pd.DataFrame(register, columns=columns))
    for prompt in ("plain", "hierarchical"):
        for name in "AB":
            out = tmp_path / "scores" / "base" / prompt / f"{name}.json"
            ranks = {"row_id": np.arange(4), "rank_of_positive": np.array([1, 2, 1, 6])}
            write_parquet(out.with_suffix(".predictions.parquet"), pd.DataFrame(ranks))
            score = {"value": 0.5, "value_index0": 0.5, "n": 4, "ties": 0, "skipped_rows": 1}
            score |= {"chance": 0.25, "ci_low": 0.2, "ci_high": 0.8, "above_chance": name == "A"}
            manifest = {"model": "m", "prompt": prompt, "revision": "abc", "dim": 8}
            manifest |= {"resolution": {"name": "native"}, "max_tokens": 9, "dtype": "fp32"}
            taken = {"split": "test", "row_cap": None}
            both = {"query": manifest, "target": manifest}
            write_json(out, {**score, "data": taken, "manifest": both})
    return tmp_path


def test_an_incomplete_set_gives_no_headline(scored):
    """2 of 3 data sets: no mean, no interval, no test; the cell says how many there are."""
    tabulate = load("tabulate_zero_shot").main
    words = ["--register", scored / "datasets.csv", "--scores", scored / "scores/base"]
    words += ["--prompts", "plain", "hierarchical", "--backbone", "Qwen2-VL-2B"]
    assert tabulate([*map(str, words), "--out", str(scored / "tables")]) == 0
    text = (scored / "tables/zero_shot.md").read_text()
    assert "- (2 of 3 sets)" in text and "Nothing is compared" in text
    numbers = pd.read_csv(scored / "tables/zero_shot.csv")
    assert numbers["value"].isna().all()
    assert numbers[["datasets", "of"]].drop_duplicates().to_numpy().tolist() == [[2, 3]]
    sets = (scored / "tables/zero_shot_datasets.md").read_text()
    assert "(chance!)" in sets


def test_the_leaderboard_file_holds_all_scores_of_a_model(scored):
    write = load("write_leaderboard").main
    words = ["--register", scored / "datasets.csv", "--scores", scored / "scores/base/plain"]
    out = scored / "l.json"
    card = scored / "README.md"
    card.write_text("# Mine\n")
    words += ["--card", card]
    assert write([*map(str, words), "--name", "mine", "--out", str(out)]) == 0
    text = out.with_suffix(".md").read_text()
    assert text.startswith("# Mine\n\n## Scores") and "- (2 of 3 sets)" in text
    assert "| A" in text and "50.0 [20.0, 80.0]" in text and "(chance!)" in text
    found = json.loads(out.read_text())
    assert set(found["metrics"]["image"]) == {"A", "B"}
    one = found["metrics"]["image"]["A"]
    assert (one["hit@1"], one["hit@5"], one["num_pred"], one["num_data"]) == (0.5, 0.75, 4, 5)
    about = found["metadata"]
    assert (about["model_name"], about["revision"], about["prompt"]) == ("mine", "abc", "plain")
    assert about["data"] == {"split": "test", "row_cap": None}
    assert found["aggregates"]["all"] == {
        **{"value": None, "ci_low": None, "ci_high": None},
        **{"datasets": 2, "of": 3},
    }


def test_dropped_rows_are_told_wherever_a_score_is_shown(scored):
    """1 row of A and 2 of B; the second prompt's model was trained without 4 rows."""
    tabulate, write = load("tabulate_zero_shot").main, load("write_leaderboard").main
    words = ["--register", scored / "datasets.csv", "--scores", scored / "scores/base"]
    words += ["--prompts", "plain", "hierarchical", "--backbone", "Qwen2-VL-2B"]
    words = [*map(str, words), "--out", str(scored / "tables")]
    assert tabulate(words) == 0
    before = {path.name: path.read_text() for path in (scored / "tables").glob("*.md")}
    assert not [text for text in before.values() if "dropped" in text]
    for prompt in ("plain", "hierarchical"):
        for name, count in (("A", 1), ("B", 2)):
            path = scored / f"scores/base/{prompt}/{name}.json"
            score = json.loads(path.read_text())
            score["data"]["dropped"] = count
            if prompt == "hierarchical":
                score["manifest"]["query"]["trained_on"] = {"dropped": 4}
            write_json(path, score)
    assert tabulate(words) == 0
    after = {path.name: path.read_text() for path in (scored / "tables").glob("*.md")}
    for name in ("zero_shot.md", "zero_shot_datasets.md"):
        assert after[name] == before[name].replace("all rows;", "all rows, 3 rows dropped;")
    assert "nothing. 3 rows dropped of the evaluation sets." in after["zero_shot_tests.md"]
    words = ["--register", scored / "datasets.csv", "--out", scored / "l.json", "--name", "mine"]
    (scored / "README.md").write_text("# Mine\n")
    words += ["--scores", scored / "scores/base/hierarchical", "--card", scored / "README.md"]
    assert write([*map(str, words)]) == 0
    found = json.loads((scored / "l.json").read_text())["metrics"]["image"]
    assert (found["A"]["num_data"], found["B"]["num_data"]) == (6, 7)
    text = (scored / "l.md").read_text()
    assert ", 3 rows dropped;" in text and "4 rows dropped of the training subsets." in text


def test_a_set_with_dropped_rows_is_still_of_full_size():
    """996 rows scored and 4 dropped; without a word of the 4 it is another set."""
    run = full_size(rows=996)
    scores = {name: {**one, "data": {"dropped": 4}} for name, one in run.scores.items()}
    assert is_full_size([Run("x", scores, run.hits, run.row_ids)])
    scores["GQA"] = run.scores["GQA"]
    assert not is_full_size([Run("x", scores, run.hits, run.row_ids)])


def test_a_missing_card_is_one_line(scored, capsys):
    words = ["--register", scored / "datasets.csv", "--scores", scored / "scores/base/plain"]
    words += ["--card", scored / "nothing.md", "--name", "mine", "--out", scored / "l.json"]
    assert load("write_leaderboard").main([*map(str, words)]) == 2
    assert "leave --card out" in capsys.readouterr().err
    assert not (scored / "l.json").exists()


def test_two_models_are_compared_on_the_same_queries(scored, capsys):
    """hierarchical gets one query more on A (of 4): +25 points there, no mean over all three."""
    ranks = {"row_id": np.arange(4), "rank_of_positive": np.array([1, 1, 1, 6])}
    better = scored / "scores/base/hierarchical/A.json"
    write_parquet(better.with_suffix(".predictions.parquet"), pd.DataFrame(ranks))
    better.write_text(json.dumps(json.loads(better.read_text()) | {"value": 0.75}))
    words = ["--register", scored / "datasets.csv", "--first", better.parent]
    words += ["--second", scored / "scores/base/plain", "--out", scored / "c.csv"]
    main = load("compare_scores").main
    assert main([*map(str, words)]) == 0
    found = pd.read_csv(scored / "c.csv").set_index("aggregate")
    assert found["difference"].to_dict() == {"A": 0.25, "B": 0.0}
    assert (found["p_holm"] == 1).all()  # one discordant query proves nothing
    assert "+25.0" in capsys.readouterr().out
    ranks["row_id"] += 1
    write_parquet(better.with_suffix(".predictions.parquet"), pd.DataFrame(ranks))
    assert main([*map(str, words)]) == 2
    assert "scored on different rows of A" in capsys.readouterr().err


def test_nothing_scored_is_one_line(scored, capsys):
    write = load("write_leaderboard").main
    words = ["--register", scored / "datasets.csv", "--scores", scored / "nowhere"]
    assert write([*map(str, words), "--name", "mine", "--out", str(scored / "l.json")]) == 2
    assert "holds no score" in capsys.readouterr().err
