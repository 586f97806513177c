"""Fine-tuned runs: which are compared, how seeds are pooled, what a caption may claim."""

import numpy as np
import pandas as pd
import pytest

from gen2embed.errors import InputError
from gen2embed.reporting import runs as fine_tuned
from gen2embed.reporting.captions import verdicts
from gen2embed.reporting.results import Run, aggregate, over_seeds
from gen2embed.reporting.runs import RunName, comparisons

REGISTER = pd.DataFrame(
    {
        "part": "eval",
        "name": ["A", "B"],
        "meta_task": ["vqa", "retrieval"],
        "split": ["ind", "ood"],
        "rows": [200, 200],
    }
)


def run(name, rate, seed=0):
    rng = np.random.default_rng(seed)
    hits = {one: rng.random(200) < rate for one in "AB"}
    scores = {
        one: {"value": float(hits[one].mean()), "chance": 0.1, "above_chance": rate > 0.2}
        for one in "AB"
    }
    return Run(name, scores, hits, {one: np.arange(200) for one in "AB"})


def test_names_are_parsed_and_faults_named():
    assert RunName.parse("saha/hierarchical").label == "saha, hierarchical"
    with pytest.raises(InputError, match="write STRATEGY/PROMPT"):
        RunName.parse("saha")


def test_comparisons_are_decided_by_names_alone():
    names = [
        RunName.parse(one)
        for one in ("in_batch/user_only", "in_batch/hierarchical", "hns/hierarchical")
    ] + [RunName("saha", "hierarchical")]
    pairs = [(first.label, second.label) for first, second in comparisons(names)]
    assert pairs == [
        ("in_batch, user_only", "zero-shot, user_only"),
        ("in_batch, hierarchical", "zero-shot, hierarchical"),
        ("hns, hierarchical", "zero-shot, hierarchical"),
        ("saha, hierarchical", "zero-shot, hierarchical"),
        ("hns, hierarchical", "in_batch, hierarchical"),
        ("saha, hierarchical", "in_batch, hierarchical"),
        ("saha, hierarchical", "hns, hierarchical"),
        ("in_batch, hierarchical", "in_batch, user_only"),
    ]


def test_seeds_are_averaged_by_query():
    one, two = run("a", 0.4, 1), run("a", 0.6, 2)
    pooled = over_seeds("a", [one, two])
    assert pooled.seeds == 2
    assert pooled.scores["A"]["value"] == pytest.approx(
        (one.scores["A"]["value"] + two.scores["A"]["value"]) / 2
    )
    assert set(np.unique(pooled.hits["A"])) <= {0.0, 0.5, 1.0}
    means = aggregate([pooled], REGISTER).set_index("aggregate")
    assert means.loc["all", "seeds"] == 2
    each = [np.mean([one.scores[name]["value"] for name in "AB"]) for one in (one, two)]
    assert means.loc["all", "spread"] == pytest.approx(np.std(each, ddof=1))
    assert np.isnan(aggregate([one], REGISTER)["spread"]).all()
    assert means.loc["ind", "value"] == pytest.approx(pooled.scores["A"]["value"])


def test_seeds_scored_on_other_rows_are_refused():
    one, two = run("a", 0.4, 1), run("a", 0.4, 2)
    two.row_ids["B"] = np.arange(1, 201)
    with pytest.raises(InputError, match="other rows of B"):
        over_seeds("a", [one, two])


def test_a_real_difference_is_found_and_an_absent_one_is_not():
    names = [RunName("zero-shot", "p"), RunName("in_batch", "p"), RunName("hns", "p")]
    same = run("in_batch, p", 0.7, 5)
    runs = {
        names[0]: run("zero-shot, p", 0.3, 4),
        names[1]: same,
        names[2]: Run("hns, p", same.scores, same.hits, same.row_ids),
    }
    tests = fine_tuned.tested(runs, REGISTER)
    of_all = tests[tests["aggregate"] == "all"].set_index(["first", "second"])
    better = of_all.loc[("in_batch, p", "zero-shot, p")]
    assert better["ci_low"] > 0.2 and better["p_holm"] < 0.01
    equal = of_all.loc[("hns, p", "in_batch, p")]
    assert equal["difference"] == 0 and equal["p_holm"] == 1


def test_seeds_that_disagree_make_no_claim():
    """Two trainings up, one down: found by the test over queries, not claimed."""
    base = run("zero-shot, p", 0.3, 4)
    ups = [run("hns, p", rate, seed) for seed, rate in ((5, 0.8), (6, 0.8), (7, 0.1))]
    runs = {RunName("zero-shot", "p"): base, RunName("hns", "p"): over_seeds("hns, p", ups)}
    tests = fine_tuned.tested(runs, REGISTER)
    row = tests[tests["aggregate"] == "all"].iloc[0]
    assert row["p_holm"] < 0.01 and (row["seeds"], row["seeds_agreeing"]) == (3, 2)
    assert "all: none. The other 3 of 3 comparisons show no difference" in verdicts(tests)


def test_a_caption_claims_no_more_than_the_tests():
    rows = [
        ("ind", "a", "b", 0.05, 0.03, 0.07, 0.001, 3, 3),
        ("ind", "a", "c", 0.01, -0.01, 0.03, 0.4, 3, 3),
        ("ood", "a", "b", 0.05, 0.03, 0.07, 0.001, 3, 2),
    ]
    columns = ["aggregate", "first", "second", "difference", "ci_low", "ci_high", "p_holm"]
    tests = pd.DataFrame(rows, columns=[*columns, "seeds", "seeds_agreeing"])
    said = verdicts(tests)
    assert "IND: a - b +5.0 [+3.0, +7.0] points (p = 0.001, 3 of 3 seeds). OOD: none." in said
    assert said.endswith("The other 2 of 3 comparisons show no difference.")
