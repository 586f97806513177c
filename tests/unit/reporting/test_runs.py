"""Fine-tuned runs: which are compared, how seeds are pooled, what a caption may claim."""

import numpy as np
import pandas as pd
import pytest

from gen2embed.errors import InputError
from gen2embed.evaluation.intervals import share_interval
from gen2embed.reporting import runs as fine_tuned
from gen2embed.reporting.captions import conditional, informed
from gen2embed.reporting.results import Run, aggregate, over_seeds, per_dataset
from gen2embed.reporting.runs import RunName, comparisons
from gen2embed.reporting.tables.by_dataset import (
    EVERY,
    OTHERS,
    differences,
    sentence_of_parts,
)
from gen2embed.reporting.tables.rendering import pivot, shown_datasets
from gen2embed.reporting.verdicts import shown_tests, verdicts

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
    scores = {}
    for one in "AB":
        value, (low, high) = float(hits[one].mean()), share_interval(hits[one])
        numbers = {"value": value, "value_index0": value, "ci_low": low, "ci_high": high}
        counts = {"n": 200, "ties": 3, "chance": 0.1, "above_chance": rate > 0.2}
        scores[one] = numbers | counts
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


def test_a_data_sets_interval_over_seeds_is_not_the_first_seeds():
    """Two trainings at 20 and 80 %: their mean, 50 %, lies in its interval and not in the first's.
    Each query is hit by half of the seeds or so: less spread than coins, so a narrower interval."""
    one, two = run("a", 0.2, 1), run("a", 0.8, 2)
    row = per_dataset([over_seeds("a", [one, two])], REGISTER).set_index("dataset").loc["A"]
    assert row["ci_low"] < row["value"] < row["ci_high"]
    assert not one.scores["A"]["ci_low"] <= row["value"] <= one.scores["A"]["ci_high"]
    shares = (one.hits["A"] + two.hits["A"].astype(float)) / 2
    error = shares.std() / 200**0.5
    assert (row["ci_high"] - row["ci_low"]) / 2 == pytest.approx(1.96 * error, rel=0.1)
    assert row["ties"] == 6 and row["value_index0"] == pytest.approx(row["value"])


def test_one_seed_keeps_its_scores_own_interval():
    one = run("a", 0.4, 1)
    alone = over_seeds("b", [one])
    assert alone.name == "b" and alone.scores == one.scores and alone.seeds == 1


def with_scores(one, **change):
    scores = {name: score | change for name, score in one.scores.items()}
    return Run(one.name, scores, one.hits, one.row_ids)


def test_at_chance_and_below_it_are_two_things():
    """20 of 200 at chance 1/10 is what guessing gives; 0 of 200 is not."""
    hits = {name: np.zeros(200, dtype=bool) for name in "AB"}
    hits["A"][:20] = True
    of = {"value_index0": 0.0, "ci_low": 0.0, "ci_high": 0.1, "n": 200, "ties": 0, "chance": 0.1}
    scores = {
        name: {**of, "value": one.mean(), "above_chance": False} for name, one in hits.items()
    }
    found = Run("r", scores, hits, {name: np.arange(200) for name in "AB"})
    means = aggregate([found], REGISTER)
    assert means.set_index("aggregate").loc["all", ["at_chance", "below_chance"]].tolist() == [1, 1]
    shown = pivot(means, "run", "aggregate", ["all"], {})
    assert shown["all"].iloc[0].endswith("(1 at chance!, 1 below chance)")
    cells = shown_datasets(per_dataset([found], REGISTER), ["r"])["r"].tolist()
    assert cells[0].endswith("(chance!)") and cells[1].endswith("(below chance)")


def test_informed_chance_stands_beside_chance():
    """A is half right, as who guesses between two halves; far above 1/10 all the same."""
    alike = with_scores(run("r", 0.5, 3), informed_chance=0.5)
    alike.scores["B"].pop("informed_chance")
    sets = per_dataset([alike], REGISTER)
    shown = shown_datasets(sets, ["r"])
    assert shown["chance"].tolist() == ["10.0", "10.0"]
    assert shown["informed chance"].tolist() == ["50.0", "-"]
    assert "A 50.0: 1 not told from it." in informed(sets)
    assert informed(per_dataset([run("r", 0.5, 3)], REGISTER)) == ""


def test_what_intervals_are_over_is_said():
    one = run("a", 0.4, 1)
    known = {name: np.repeat(["x", "y"], 100) for name in "AB"}
    assert "over queries, given" in conditional([one])
    with_concepts = Run("a", one.scores, one.hits, one.row_ids, concepts=known)
    assert "over concepts (" in conditional([with_concepts])
    plain, grouped = (
        aggregate([each], REGISTER).set_index("aggregate").loc["all"]
        for each in (one, with_concepts)
    )
    assert plain["value"] == grouped["value"] and plain["ci_low"] != grouped["ci_low"]


def test_a_difference_is_split_into_the_sets_it_comes_from():
    """hns is 30 points better on A, equal on B: all of the 15 points are A's."""
    names = [RunName("in_batch", "p"), RunName("hns", "p")]
    one = run("in_batch, p", 0.5, 3)
    hits = {"A": one.hits["A"].copy(), "B": one.hits["B"]}
    hits["A"][np.flatnonzero(~hits["A"])[:60]] = True
    two = Run("hns, p", one.scores, hits, one.row_ids)
    frame = differences({names[0]: one, names[1]: two}, REGISTER)
    rows = frame.set_index("dataset")
    assert rows.loc["A", "difference"] == pytest.approx(0.3) and rows.loc["A", "told"]
    assert rows.loc[EVERY, "difference"] == pytest.approx(0.15)
    assert rows.loc["A", "part"] == pytest.approx(0.15)
    assert (rows.loc[OTHERS, ["difference", "ci_low", "ci_high"]] == 0).all()
    said = sentence_of_parts(frame)
    assert ", of which A +15.0; the other 1 sets +0.0 [+0.0, +0.0]." in said


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
    shown = shown_tests(tests, {name: name for name in ("ind", "ood", "all")})
    shown = shown[shown["mean of"] == "all"].set_index(["first", "second"])
    assert shown.loc[("in_batch, p", "zero-shot, p"), "verdict"] == "differs"
    assert shown.loc[("hns, p", "in_batch, p"), "verdict"] == "same within 2 points"
    assert set(shown["seeds of this sign"]) == {"one seed"}


def test_seeds_that_disagree_make_no_claim():
    """Two trainings up, one down: found by the test over queries, not claimed."""
    base = run("zero-shot, p", 0.3, 4)
    ups = [run("hns, p", rate, seed) for seed, rate in ((5, 0.8), (6, 0.8), (7, 0.1))]
    runs = {RunName("zero-shot", "p"): base, RunName("hns", "p"): over_seeds("hns, p", ups)}
    tests = fine_tuned.tested(runs, REGISTER)
    row = tests[tests["aggregate"] == "all"].iloc[0]
    assert row["p_holm"] < 0.01 and (row["seeds"], row["seeds_agreeing"]) == (3, 2)
    said = verdicts(tests)
    assert "the same sign in every seed" in said and "all: none. Of the other 3 of 3, 0 are" in said
    assert "3 are undecided: IND hns, p - zero-shot, p (95 %: +" in said


def test_a_caption_claims_no_more_than_the_tests():
    rows = [
        ("ind", "a", "b", 0.05, 0.03, 0.07, 0.001, 0.02, 1.0, 3, 3),
        ("ind", "a", "c", 0.01, -0.01, 0.03, 0.4, 0.03, 0.3, 3, 3),
        ("ood", "a", "b", 0.05, 0.03, 0.07, 0.001, 0.02, 1.0, 3, 2),
        ("ood", "a", "c", 0.001, -0.002, 0.003, 0.9, 0.004, 0.001, 3, 2),
    ]
    columns = ["aggregate", "first", "second", "difference", "ci_low", "ci_high", "p_holm"]
    columns += ["least_difference", "p_equivalent", "seeds", "seeds_agreeing"]
    said = verdicts(pd.DataFrame(rows, columns=columns))
    assert "IND: a - b +5.0 [+3.0, +7.0] points (p = 0.001, 3 of 3 seeds). OOD: none." in said
    assert "Of the other 3 of 4, 1 are the same within 2 points (" in said
    assert (
        "2 are undecided: IND a - c (95 %: -1.0 to +3.0); OOD a - b (95 %: +3.0 to +7.0)." in said
    )
    assert said.endswith("(80 % power, the median): IND 2.5, OOD 1.2 points.")
    assert "no difference" not in said
