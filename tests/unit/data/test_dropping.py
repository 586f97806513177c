"""Which rows are left out, the file that lists them, and what is made without them."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen2embed.artifacts.rows_taken import as_metadata, from_metadata, rows_dropped
from gen2embed.data.bad_rows import (
    DROPPABLE,
    Listed,
    bad_rows,
    count_out,
    dropped,
    read_dropped,
    staying,
    write_dropped,
)
from gen2embed.data.checks import ERROR, NOTE, WARNING, Finding
from gen2embed.data.mmeb import of_kept
from gen2embed.errors import InputError

ROWS = 9


def finding(check, severity, rows):
    rows = sorted(set(rows))
    faults = dict.fromkeys(rows, check) if severity == ERROR else {}
    return Finding(check, severity, len(rows), rows[0], check, faults)


findings = st.lists(
    st.builds(
        finding,
        st.sampled_from([*DROPPABLE, "path", "candidates"]),
        st.sampled_from([ERROR, WARNING, NOTE]),
        st.lists(st.integers(0, ROWS - 1), min_size=1, max_size=4),
    ),
    max_size=5,
)


@given(findings, st.integers(0, ROWS))
def test_no_more_rows_than_allowed_are_left_out_and_never_all(found, most):
    told, out = dropped(found, ROWS, most)
    bad = {row for one in found if one.severity == ERROR and one.check in DROPPABLE
           for row in one.faults}  # fmt: skip
    assert list(out) == (sorted(bad) if 0 < len(bad) <= min(most, ROWS - 1) else [])
    assert len(told) == len(found)
    for before, after in zip(found, told, strict=True):
        became = before.severity == ERROR and before.check in DROPPABLE and out
        assert after.severity == (WARNING if became else before.severity)
        assert (after.check, after.count, after.row) == (before.check, before.count, before.row)
    assert all(one.faults[row] for row, one in out.items())


def test_a_row_with_several_faults_counts_once_under_the_first():
    both = [finding("empty_item", ERROR, [2]), finding("image_missing", ERROR, [1, 2])]
    assert {row: one.check for row, one in bad_rows(both).items()} == {
        1: "image_missing",
        2: "empty_item",
    }
    assert len(dropped(both, 5, 2)[1]) == 2 and not dropped(both, 5, 1)[1]


names = st.sampled_from(["GQA", "sugarcrepe/swap_obj", "NA", 'a,"b'])


@given(st.dictionaries(st.tuples(st.sampled_from(["train", "eval"]), names),
                       st.sets(st.integers(0, 99), min_size=1)))  # fmt: skip
def test_the_file_gives_back_what_was_written(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("dropped") / "dropped_rows.csv"
    lines = [(*of, "test", row, "empty_item", "x, y") for of, some in rows.items() for row in some]
    write_dropped(path, lines)
    assert read_dropped(path) == {of: Listed("test", frozenset(some)) for of, some in rows.items()}
    assert path.read_text().startswith("part,name,split,row,check,said\n")


def test_without_a_file_nothing_is_left_out(tmp_path):
    assert read_dropped(None) == {}
    assert staying([3, 5], None, "test", "x").tolist() == [True, True]
    with pytest.raises(InputError, match="no such file"):
        read_dropped(tmp_path / "none.csv")
    (tmp_path / "bad.csv").write_text("part,name,split,row,check,said\neval,A,test,-1,x,y\n")
    with pytest.raises(InputError, match=r"row '-1' is no number; run check_data.py again"):
        read_dropped(tmp_path / "bad.csv")


def test_a_list_that_does_not_fit_is_one_line():
    listed = Listed("test", frozenset({4}))
    assert staying([3, 4, 9], listed, "test", "x").tolist() == [True, False, True]
    with pytest.raises(InputError, match="x: bad rows are listed of split 'test', but 'original'"):
        staying([4], listed, "original", "x")
    with pytest.raises(InputError, match="x: has no row 4, which is listed as bad"):
        staying([3, 5], listed, "test", "x")
    with pytest.raises(InputError, match="x: all 1 rows that are taken are bad"):
        count_out(staying([4], listed, "test", "x"), "x")


def test_equivalences_follow_their_rows():
    """Rows 0 and 3 stay, as places 0 and 1; what is known of row 1 goes."""
    known = pd.DataFrame({"row": [3, 1, 0], "text": ["a", "b", "c"], "image_path": ["", "", ""]})
    found = of_kept(known, pd.Index([0, 3]).to_numpy())
    assert found[["row", "text"]].to_numpy().tolist() == [[1, "a"], [0, "c"]]


@given(st.sampled_from(["test", "original"]), st.none() | st.integers(1, 9), st.integers(0, 3))
def test_metadata_tell_what_was_taken(split, cap, count):
    """And where no row was dropped, nothing tells of dropping: files stay as they were."""
    told = as_metadata(split, cap, count)
    assert all(isinstance(value, str) for value in told.values())
    wanted = {"split": split, "row_cap": cap} | ({"dropped": count} if count else {})
    assert from_metadata(told) == wanted and ("dropped" in told) == (count > 0)
    assert rows_dropped(count, ", {}") == (
        f", {count} row{'s' if count > 1 else ''} dropped" if count else ""
    )
