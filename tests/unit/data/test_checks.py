"""Each check of the rows on a few rows by hand."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen2embed.data.checks import (
    ERROR,
    NOTE,
    WARNING,
    Finding,
    check_evaluation,
    check_row_count,
    check_training,
    used_images,
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
        ((MARK, "", "it", ""), [("mark_without_image", NOTE, 1, 1)]),
        ((f"a {MARK}, b", "", "it", ""), [("mark_without_image", NOTE, 1, 1)]),
        (
            *((MARK + MARK, "", "it", ""),),
            [("mark_without_image", NOTE, 1, 1), ("several_marks", NOTE, 1, 1)],
        ),
        ((f"{MARK} a {MARK}", "a.png", "it", ""), [("several_marks", ERROR, 1, 1)]),
        (("q", "a.png", "it", ""), [("image_without_mark", WARNING, 1, 1)]),
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
        (("r", "", ["b", MARK], ["", ""]), [("mark_without_image", NOTE, 1, 1)]),
        (("r", "", ["b", MARK * 2], ["", "1.png"]), [("several_marks", ERROR, 1, 1)]),
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
    assert check_row_count(0, None)[0].wording == "there are no rows"


def test_every_use_of_an_image_with_its_row():
    rows = evaluation(("q", "1.png", ["a", "b"], ["2.png", ""]), ("r", "2.png", ["c"], ["3.png"]))
    paths, of_rows = used_images(rows, "eval")
    assert (paths.tolist(), of_rows.tolist()) == (
        ["1.png", "2.png", "2.png", "3.png"],
        [0, 1, 0, 1],
    )
    rows = training((MARK, "1.png", MARK, "2.png"), (MARK, "1.png", "x", ""))
    paths, of_rows = used_images(rows, "train")
    assert (paths.tolist(), of_rows.tolist()) == (["1.png", "1.png", "2.png"], [0, 1, 0])


def side(text, image):
    """What the encoder makes of a side: its fault, or None."""
    if not text.strip() and not image:
        return "empty_item"
    return "several_marks" if image and text.count(MARK) > 1 else None


pieces = st.lists(st.sampled_from([MARK, " ", "a", "\n"]), max_size=4).map("".join)
items = st.tuples(pieces, st.sampled_from(["", "1.png", "2.png"]))


@given(st.lists(st.tuples(items, items), min_size=1, max_size=6))
def test_a_training_row_is_an_error_only_if_the_encoder_refuses_it(rows):
    """Whatever stands in it, and the fault is told of each row; a mark without image never is."""
    found = check_training(training(*[(*query, *target) for query, target in rows]))
    for check in ("empty_item", "several_marks"):
        wanted = {row for row, sides in enumerate(rows) if check in [side(*one) for one in sides]}
        told = [one.faults for one in found if one.severity == ERROR and one.check == check]
        assert {row for faults in told for row in faults} == wanted
    noted = {row for row, sides in enumerate(rows)
             if any(MARK in text and not image for text, image in sides)}  # fmt: skip
    notes = [one for one in found if one.check == "mark_without_image"]
    assert bool(notes) == bool(noted) and {one.severity for one in notes} <= {NOTE}


@given(st.lists(st.tuples(items, st.lists(items, min_size=1, max_size=3)), min_size=1, max_size=4))
def test_an_evaluation_row_is_an_error_if_any_of_its_items_is(rows):
    found = check_evaluation(
        evaluation(
            *[
                (*query, [text for text, _ in some], [image for _, image in some])
                for query, some in rows
            ]
        )
    )
    told = {row for one in found if one.severity == ERROR for row in one.faults}
    wanted = {row for row, (query, some) in enumerate(rows)
              if any(side(*one) for one in (query, *some))}  # fmt: skip
    assert told == wanted


def test_samples_are_ascending_and_repeatable():
    assert sample(3, None, 0).tolist() == sample(3, 5, 0).tolist() == [0, 1, 2]
    drawn = sample(100, 10, 1)
    assert (
        len(drawn) == 10 and (drawn == sample(100, 10, 1)).all() and (drawn[:-1] < drawn[1:]).all()
    )
    assert drawn.tolist() != sample(100, 10, 2).tolist()
