"""Published tables in one schema, by hand."""

import pyarrow as pa
import pytest

from gen2embed.data.normalise import normalised
from gen2embed.errors import InputError


def train(**columns):
    table = {
        "qry": ["q", None],
        "qry_image_path": ["images/A/1.png", None],
        "pos_text": ["p", "r"],
        "pos_image_path": pa.nulls(2),
    }
    return pa.table({**table, **columns})


def evaluation(**columns):
    table = {
        "qry_text": ["q", "r"],
        "qry_img_path": ["A/1.png", ""],
        "tgt_text": [["a", "b"], [None]],
        "tgt_img_path": [["", "images/A/images/2.png"], ["A/3.png"]],
    }
    return pa.table({**table, **columns})


def test_training_rows():
    """No nulls, four columns, and paths below images/ once."""
    table = normalised(train(neg_text=["n", "n"]), "train", "file")
    assert table.to_pydict() == {
        "qry": ["q", ""],
        "qry_image_path": ["images/A/1.png", ""],
        "pos_text": ["p", "r"],
        "pos_image_path": ["", ""],
    }


def test_evaluation_rows():
    assert normalised(evaluation(), "eval", "file").to_pydict() == {
        "qry_text": ["q", "r"],
        "qry_img_path": ["images/A/1.png", ""],
        "tgt_text": [["a", "b"], [""]],
        "tgt_img_path": [["", "images/A/images/2.png"], ["images/A/3.png"]],
    }


def test_shards_of_chunks_and_no_rows():
    both = pa.concat_tables([evaluation(), evaluation()])
    assert normalised(both, "eval", "file")["tgt_text"].to_pylist() == [["a", "b"], [""]] * 2
    assert normalised(evaluation().slice(1), "eval", "f")["tgt_text"].to_pylist() == [[""]]
    assert normalised(train().slice(0, 0), "train", "file").num_rows == 0


@pytest.mark.parametrize(
    ("table", "part", "said"),
    [
        (train().drop_columns("pos_text"), "train", "file: column 'pos_text' is missing (it has: "),
        (train(qry=[1, 2]), "train", "file: column 'qry' holds int64, not text"),
        (evaluation(tgt_text=["a", "b"]), "eval", "column 'tgt_text' holds string, not lists of"),
        (
            evaluation(tgt_text=[["a"], None]),
            "eval",
            "file: column 'tgt_text': row 1 has no list of candidates",
        ),
    ],
)
def test_other_schemas_are_one_line(table, part, said):
    with pytest.raises(InputError) as error:
        normalised(table, part, "file")
    assert said in str(error.value)
