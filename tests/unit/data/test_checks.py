"""Each check of the rows on a few rows by hand."""

import pandas as pd
import pytest

from gen2embed.data.checks import (
    ERROR,
    WARNING,
    Finding,
    check_evaluation,
    check_row_count,
    check_training,
    image_paths,
)
from gen2embed.data.image_checks import sample

MARK = "<|image_1|>"


def training(*rows):
    return pd.DataFrame(
        rows, columns=["qry", "qry_image_path", "pos_text", "pos_image_path"], dtype="str"
    )


def evaluation(*rows):
    return pd.DataFrame(rows, columns=["qry_text", "qry_img_path", "tgt_text", "tgt_img_path"])


def short(findings):
    return [(one.check, one.severity, one.count, one.row) for one in findings]


GOOD = (f"{MARK} what?", "a.png", "it", "")


def test_good_rows_have_no_findings():
    assert check_training(training(GOOD, ("text", "", f"{MARK} x", "b.png"))) == []
    rows = evaluation(("q", "", ["a", "b"], ["", ""]), ("r", "", ["b", "a"], ["", ""]))
    assert check_evaluation(rows) == []


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ((" ", "", "it", ""), [("empty_item", ERROR, 1, 1)]),
        (("q", "", "", ""), [("empty_item", ERROR, 1, 1)]),
        (("", "a.png", "it", ""), [("empty_text", WARNING, 1, 1)]),
        ((MARK, "", "it", ""), [("mark", ERROR, 1, 1)]),
        (("q", "a.png", "it", ""), [("mark", WARNING, 1, 1)]),
        ((MARK, "../a.png", "it", ""), [("path", ERROR, 1, 1)]),
        ((MARK, "/a.png", "it", ""), [("path", ERROR, 1, 1)]),
        (GOOD, [("duplicate_pair", WARNING, 1, 1)]),
    ],
)
def test_each_fault_of_a_training_row(row, said):
    assert short(check_training(training(GOOD, row))) == said


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("r", "", [], []), [("candidates", ERROR, 1, 1)]),
        (("r", "", ["a", "b"], [""]), [("candidates", ERROR, 1, 1)]),
        (("r", "", ["b", "a", "b", "b"], [""] * 4), [("positive_repeated", WARNING, 1, 1)]),
        (("r", "", ["a", "b"], ["", ""]), [("same_positive", WARNING, 2, 0)]),
        (("r", "", ["b", ""], ["", ""]), [("empty_item", ERROR, 1, 1)]),
        (("r", "", ["b", MARK], ["", ""]), [("mark", ERROR, 1, 1)]),
    ],
)
def test_each_fault_of_an_evaluation_row(row, said):
    assert short(check_evaluation(evaluation(("q", "", ["a", "b"], ["", ""]), row))) == said


def test_the_image_tells_candidates_apart():
    rows = evaluation(("q", "", [MARK, MARK], ["1.png", "2.png"]), ("r", "", ["a"], [""]))
    assert check_evaluation(rows) == []


def test_a_question_asked_twice():
    """Row 0 and 2 ask the same and want the same; row 1 wants another answer."""
    ask = [("q", "", [answer, "c"], ["", ""]) for answer in "aba"]
    assert short(check_evaluation(evaluation(*ask))) == [("duplicate_pair", WARNING, 1, 2)]


def test_row_counts():
    assert check_row_count(3, 3) == check_row_count(3, None) == []
    assert check_row_count(2, 3) == [Finding("row_count", ERROR, 2, -1, "2 rows instead of 3")]
    assert check_row_count(0, None)[0].said == "there are no rows"


def test_every_image_once_with_its_first_row():
    rows = evaluation(("q", "1.png", ["a", "b"], ["2.png", ""]), ("r", "2.png", ["c"], ["3.png"]))
    paths, first = image_paths(rows, "eval")
    assert (paths.tolist(), first.tolist()) == (["1.png", "2.png", "3.png"], [0, 1, 1])
    rows = training((MARK, "1.png", MARK, "2.png"), (MARK, "1.png", "x", ""))
    paths, first = image_paths(rows, "train")
    assert (paths.tolist(), first.tolist()) == (["1.png", "2.png"], [0, 0])


def test_samples_are_ascending_and_repeatable():
    assert sample(3, None, 0).tolist() == sample(3, 5, 0).tolist() == [0, 1, 2]
    drawn = sample(100, 10, 1)
    assert (
        len(drawn) == 10 and (drawn == sample(100, 10, 1)).all() and (drawn[:-1] < drawn[1:]).all()
    )
    assert drawn.tolist() != sample(100, 10, 2).tolist()
