"""The tables of SugarCrepe and SugarCrepe++: means by hand, marks, seeds, what is not measured."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gen2embed.data.composition_sets import SUBSETS, score_name, scored_sets
from gen2embed.evaluation.published import published_scores
from gen2embed.evaluation.score_files import summarise
from gen2embed.files import write_json, write_parquet
from gen2embed.reporting.tables.compositions import groups, not_run, published

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "tabulate_compositions.py"
spec = importlib.util.spec_from_file_location("tabulate_compositions", SCRIPT)
tabulate_compositions = importlib.util.module_from_spec(spec)
sys.modules["tabulate_compositions"] = tabulate_compositions
spec.loader.exec_module(tabulate_compositions)
N = 40
MANIFEST = {"resolution": {"name": "native"}, "max_tokens": 9, "dtype": "fp32"}


def write_scores(folder, right):
    """right: subset -> how many of 40 rows are right; in SugarCrepe++ and text-only, too."""
    for benchmark, subset, task in scored_sets():
        hits = np.arange(N) < right.get(subset, 36)
        chance = 0.5 if benchmark == "sugarcrepe" else 1 / 3
        facts = {"task": task, "skipped_rows": 0}
        no_ties, chances = np.zeros(N, dtype=bool), np.full(N, chance)
        score = summarise(subset, "pairwise_accuracy", hits, hits, no_ties, chances, facts)
        path = folder / f"{score_name(benchmark, subset, task)}.json"
        write_json(path, score | {"manifest": {"query": MANIFEST, "target": None}})
        frame = pd.DataFrame({"row_id": range(N), "right": hits, "margin": hits * 1.0})
        write_parquet(path.with_suffix(".predictions.parquet"), frame)


@pytest.fixture
def scores(tmp_path):
    write_scores(tmp_path / "scores" / "base" / "plain", {"swap_obj": 20})
    for seed, swapped in ((0, 40), (1, 20)):
        folder = tmp_path / "scores" / f"saha_seed{seed}" / "hierarchical"
        write_scores(folder, {"swap_att": swapped})
    return tmp_path


def tabulate(root, sets="generated", seeds=("0", "1")):
    words = ["--scores", str(root / "scores"), "--sets", sets, "--prompts", "plain"]
    words += ["--runs", "saha/hierarchical", "--seeds", *seeds, "--out", str(root / "tables")]
    return tabulate_compositions.main(words)


def numbers(root, name="sugarcrepe", task="image_to_text"):
    frame = pd.read_csv(root / "tables" / f"{name}.csv")
    return frame[frame["task"] == task].set_index(["run", "name"])


def test_which_subsets_a_mean_is_of():
    assert groups("sugarcrepe") == {
        "replace": ["replace_obj", "replace_att", "replace_rel"],
        "swap": ["swap_obj", "swap_att"],
        "add": ["add_obj", "add_att"],
        "mean": list(SUBSETS["sugarcrepe"]),
    }
    assert groups("sugarcrepe_pp") == {"mean": list(SUBSETS["sugarcrepe_pp"])}


def test_values_by_hand(scores):
    """36 of 40 everywhere but swap_obj's 20: swap is (20 + 36) / 80, the mean (6 * 36 + 20) / 280.

    Over the seeds swap_att is right in 40 and 20 of 40 rows: 30 of 40.
    """
    assert tabulate(scores) == 0
    found = numbers(scores)
    zero_shot, tuned = "zero-shot, plain", "saha, hierarchical"
    assert found.loc[(zero_shot, "swap_obj"), "value"] == 0.5
    assert found.loc[(zero_shot, "swap"), "value"] == pytest.approx(56 / 80)
    assert found.loc[(zero_shot, "mean"), "value"] == pytest.approx(236 / 280)
    assert found.loc[(tuned, "swap_att"), ["value", "seeds", "n"]].tolist() == [0.75, 2, N]
    assert found.loc[(tuned, "mean"), "value"] == pytest.approx((6 * 36 + 30) / 280)
    text_only = numbers(scores, "sugarcrepe_pp", "text_only")
    assert text_only.loc[(zero_shot, "mean"), "value"] == pytest.approx((4 * 36 + 20) / 200)
    assert text_only.loc[(zero_shot, "mean"), "chance"] == pytest.approx(1 / 3)


def test_a_subset_of_one_seed_has_its_scores_interval(scores):
    assert tabulate(scores, seeds=("0",)) == 0
    folder = scores / "scores" / "base" / "plain" / "sugarcrepe"
    score = pd.read_json(folder / "add_obj.json", typ="series")
    row = numbers(scores).loc[("zero-shot, plain", "add_obj")]
    assert (row["ci_low"], row["ci_high"]) == (score["ci_low"], score["ci_high"])


def test_what_is_not_above_chance_is_marked(scores):
    """20 of 40 is chance in SugarCrepe; over seeds one such seed is enough."""
    assert tabulate(scores) == 0
    shown = (scores / "tables" / "sugarcrepe.md").read_text().splitlines()
    heads = [one.strip() for one in shown[2].split("|")]
    cells = {
        line.split("|")[1].strip(): dict(zip(heads, map(str.strip, line.split("|")), strict=True))
        for line in shown[4:]
    }
    zero_shot, tuned = cells["zero-shot, plain"], cells["saha, hierarchical"]
    assert zero_shot["swap obj"].startswith("50.0 [") and zero_shot["swap obj"].endswith(
        "(chance!)"
    )
    assert tuned["swap att"].startswith("75.0 [") and tuned["swap att"].endswith("(chance!)")
    assert "chance" not in zero_shot["mean"] + zero_shot["add obj"] + tuned["swap obj"]
    assert (
        "of 22 measured numbers 2 are not told from it, marked (chance!), and 0 are far" in shown[0]
    )
    assert "Chance is 50.0;" in shown[0] and "2 seeds" in shown[0]


def test_published_numbers_never_lack_their_mark(scores):
    assert tabulate(scores) == 0
    frame = pd.read_csv(scores / "tables" / "sugarcrepe.csv")
    lines = (scores / "tables" / "sugarcrepe.md").read_text().splitlines()[4:]
    assert len(lines) == 2 + 3 + frame.loc[frame["source"] == "published", "run"].nunique()
    for line in lines:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        marked = [cell.endswith("†") for cell in cells[2:] if cell]
        assert all(marked) if cells[1] == "published" else not any(marked), line
        assert cells[1] != "not run" or set(cells[2:]) == {"not run"}
    ours = frame[frame["source"] == "measured"]
    assert set(ours["run"]) == {"zero-shot, plain", "saha, hierarchical"}


def test_published_rows_are_those_of_the_data():
    rows = published(published_scores())
    assert len(rows) == 3 * rows["run"].nunique() == 33
    one = rows[rows["run"] == "UniME stage 2, LLaVA-1.6-7B, 7B, fine-tuned"].set_index("name")
    assert one["value"].to_dict() == {"replace": 0.89, "swap": 0.715, "add": 0.944}
    assert not_run("sugarcrepe")["value"].isna().all()


def test_of_the_published_sets_nothing_is_said_not_to_be_run(scores):
    assert tabulate(scores, "published") == 0
    text = (scores / "tables" / "sugarcrepe.md").read_text()
    assert "not run" not in text and "Measured on SugarCrepe's sets" in text


def test_a_score_that_disagrees_with_its_predictions_is_one_line(scores, capsys):
    path = scores / "scores/base/plain/sugarcrepe/add_att.predictions.parquet"
    write_parquet(path, pd.DataFrame({"row_id": range(N), "right": [True] * N}))
    assert tabulate(scores) == 2
    error = capsys.readouterr().err
    assert "add_att.json: disagrees with its predictions" in error and error.count("\n") == 1


def test_dropped_rows_are_counted_over_the_subsets(scores):
    """One row of every subset: 7 and 5, once each whatever is asked."""
    assert tabulate(scores) == 0
    tables = scores / "tables"
    before = [(tables / f"{name}.md").read_text() for name in ("sugarcrepe", "sugarcrepe_pp")]
    for path in (scores / "scores").rglob("*.json"):
        score = json.loads(path.read_text())
        trained = {"trained_on": {"dropped": 1}} if "saha" in str(path) else {}
        manifest = {"query": {**MANIFEST, **trained}, "target": None}
        write_json(path, score | {"data": {"dropped": 1}, "manifest": manifest})
    assert tabulate(scores) == 0
    after = [(tables / f"{name}.md").read_text() for name in ("sugarcrepe", "sugarcrepe_pp")]
    for count, one, two in zip((7, 5), before, after, strict=True):
        said = f"fp32. {count} rows dropped. 1 row dropped of the training subsets."
        assert two == one.replace("fp32.", said)
