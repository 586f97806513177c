"""Damaged and foreign files: one line that names the file, no other exception, no silence."""

import csv
import json
import os

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gen2embed.errors import InputError
from gen2embed.evaluation.score_files import read_score
from gen2embed.files import (
    as_numbers,
    load_embeddings,
    read_csv,
    read_json,
    read_json_lines,
    read_npy,
    read_parquet,
    read_text,
    read_yaml,
    write_csv,
    write_json,
    write_npy,
    write_parquet,
    write_text,
)
from gen2embed.prompts.items import read_items

COLUMNS = ["query_id", "text", "candidate_ids"]
FRAME = pd.DataFrame(
    {
        "query_id": range(300),
        "text": [f"text {row} é" for row in range(300)],
        "candidate_ids": [list(range(row % 5)) for row in range(300)],
    }
)
VECTORS = np.eye(40, dtype=np.float32)
FACTS = {"name": "é", "values": [1, 2.5, None, {"deep": [True]}]}

WRITERS = {
    "parquet": lambda path: write_parquet(path, FRAME, {"subset": "S"}),
    "npy": lambda path: write_npy(path, VECTORS),
    "json": lambda path: write_json(path, FACTS),
    "jsonl": lambda path: write_text(path, "".join(json.dumps(FACTS) + "\n" for _ in range(5))),
    "csv": lambda path: write_csv(path, pd.DataFrame({"a": ["1", "é"], "b": ["x,y", '"']})),
    "yaml": lambda path: write_text(path, "a: [1, {b: é}]\nc: 'x'\n"),
}
READERS = {
    "parquet": lambda path: read_parquet(path, COLUMNS),
    "npy": load_embeddings,
    "json": read_json,
    "jsonl": read_json_lines,
    "csv": lambda path: read_csv(path, ["a", "b"]),
    "yaml": read_yaml,
}


def attempt(kind, path):
    """What reading gives: a value, or the one line; any other exception fails the test."""
    try:
        return READERS[kind](path), None
    except InputError as error:
        assert str(path) in str(error) and "\n" not in str(error)
        return None, str(error)


DAMAGE = st.one_of(
    st.tuples(st.just("flip"), st.floats(0, 1, exclude_max=True), st.integers(0, 7)),
    st.tuples(st.just("cut"), st.floats(0, 1, exclude_max=True), st.just(0)),
    st.tuples(st.just("junk"), st.floats(0, 1), st.binary(min_size=1, max_size=40)),
    st.tuples(st.just("zero"), st.floats(0, 1, exclude_max=True), st.integers(1, 64)),
)


def damaged(whole: bytes, how: str, where: float, what) -> bytes:
    at = int(where * len(whole))
    if how == "flip":
        return whole[:at] + bytes([whole[at] ^ (1 << what)]) + whole[at + 1 :]
    if how == "cut":
        return whole[:at]
    if how == "zero":
        return (whole[:at] + bytes(what) + whole[at + what :])[: len(whole)]
    return whole[:at] + what + whole[at:]


@pytest.mark.parametrize("kind", READERS)
@settings(max_examples=150, deadline=None)
@given(damage=DAMAGE)
def test_damage_is_one_line_or_harmless(tmp_path_factory, kind, damage):
    path = tmp_path_factory.mktemp("fuzz") / f"file.{kind}"
    WRITERS[kind](path)
    path.write_bytes(damaged(path.read_bytes(), *damage))
    attempt(kind, path)


@settings(max_examples=150, deadline=None)
@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_within_the_columns_is_never_silent(tmp_path_factory, where, bit):
    path = tmp_path_factory.mktemp("flip") / "file.parquet"
    WRITERS["parquet"](path)
    whole = path.read_bytes()
    footer = int.from_bytes(whole[-8:-4], "little") + 8
    at = 4 + int(where * (len(whole) - footer - 4))
    path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << bit)]) + whole[at + 1 :])
    value, said = attempt("parquet", path)
    assert said or value[0].equals(read_parquet_of(whole, path))


def read_parquet_of(whole, path):
    path.write_bytes(whole)
    return read_parquet(path, COLUMNS)[0]


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("other", WRITERS)
def test_a_file_of_another_format(tmp_path, kind, other):
    path = tmp_path / f"file.{kind}"
    WRITERS[other](path)
    attempt(kind, path)


@pytest.mark.parametrize("kind", READERS)
def test_what_is_no_file(tmp_path, kind):
    os.mkfifo(tmp_path / "pipe")
    for path in ("pipe", "absent", ".", "x" * 300, "nul\0byte"):
        _, said = attempt(kind, tmp_path / path)
        assert said
    with pytest.raises(InputError, match="no regular file"):
        READERS[kind]("/dev/zero")


@pytest.mark.parametrize("kind", READERS)
def test_an_empty_file(tmp_path, kind):
    (tmp_path / "a").write_bytes(b"")
    value, said = attempt(kind, tmp_path / "a")
    assert said or (kind in ("yaml", "jsonl") and not value)


@pytest.mark.parametrize("kind", ["json", "jsonl", "csv", "yaml"])
def test_byte_order_marks_and_other_encodings(tmp_path, kind):
    path = tmp_path / "a"
    WRITERS[kind](path)
    expected, whole = READERS[kind](path), path.read_bytes()
    path.write_bytes(b"\xef\xbb\xbf" + whole.replace(b"\n", b"\r\n"))
    value, said = attempt(kind, path)
    assert said is None
    assert value.equals(expected) if kind == "csv" else value == expected
    path.write_bytes(whole.decode().encode("utf-16"))
    assert attempt(kind, path)[1]
    path.write_bytes("naïve".encode("latin-1") + whole)
    assert attempt(kind, path)[1]


NUMBERS = ["1e999", "-1e999", "9" * 400]  # beyond every float
HALF = '"\\ud800"'  # of a character: no file in UTF-8 could hold it again


@pytest.mark.parametrize(
    "text", ["[NaN]", '{"a": Infinity}', "-Infinity", "[" * 100_000, '{"a"', *NUMBERS, HALF]
)
def test_what_is_not_json(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(InputError):
        read_json(tmp_path / "a.json")


def test_escapes_of_whole_characters_are_read(tmp_path):
    (tmp_path / "a.json").write_text(
        r'["\ud83d\ude00", "\u00e9", 1e-999, -0.0, 123456789012345678]'
    )
    assert read_json(tmp_path / "a.json") == ["\U0001f600", "é", 0.0, -0.0, 123456789012345678]


BOMB = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n"
                                 for n in range(1, 12))  # fmt: skip


@pytest.mark.parametrize("text", [BOMB, "&a [*a]", "a: &b {c: *b}", "[" * 5000, HALF])
def test_yaml_that_holds_itself_or_too_much(tmp_path, text):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(InputError, match=r"a\.yaml"):
        read_yaml(tmp_path / "a.yaml")


def test_texts_with_every_line_end_stay_whole(tmp_path):
    rows = [["a", "b"], ["x\u2028y", "two\nlines"]]
    with (tmp_path / "a.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    frame = read_csv(tmp_path / "a.csv", ["a", "b"])
    assert frame.to_numpy().tolist() == rows[1:]
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfa\r\nb")
    assert read_text(tmp_path / "a.txt") == "a\nb"


# --- Tables as others write them ---

IDS = [3, 0, 2**40]
INTEGERS = [pa.int64(), pa.uint64(), pa.float64(), pa.dictionary(pa.int32(), pa.int64())]
LISTS = [
    pa.list_(pa.int64()),
    pa.list_(pa.float64()),
    pa.large_list(pa.uint64()),
    pa.list_view(pa.int64()),
    pa.large_list_view(pa.int64()),
    pa.list_(pa.int64(), 2),
]
TEXTS = [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]


@pytest.mark.parametrize("kind", INTEGERS, ids=str)
def test_ids_of_other_types(tmp_path, kind):
    column = (
        pa.array(IDS).dictionary_encode()
        if pa.types.is_dictionary(kind)
        else pa.array(IDS).cast(kind)
    )
    pq.write_table(pa.table({"query_id": column}), tmp_path / "a.parquet")
    frame, _ = read_parquet(tmp_path / "a.parquet", ["query_id"])
    assert frame["query_id"].dtype == np.int64 and frame["query_id"].tolist() == IDS


@pytest.mark.parametrize("kind", LISTS, ids=str)
def test_lists_of_other_types(tmp_path, kind):
    lists = [[1, 2], [5, 2**40]]
    pq.write_table(pa.table({"candidate_ids": pa.array(lists, kind)}), tmp_path / "a.parquet")
    frame, _ = read_parquet(tmp_path / "a.parquet", ["candidate_ids"])
    assert [list(row) for row in frame["candidate_ids"]] == lists
    assert all(row.dtype == np.int64 for row in frame["candidate_ids"])


@pytest.mark.parametrize("kind", TEXTS, ids=str)
def test_texts_of_other_types_and_missing_ones(tmp_path, kind):
    column = pa.array(["a", None, "é"])
    column = column.dictionary_encode() if pa.types.is_dictionary(kind) else column.cast(kind)
    pq.write_table(pa.table({"text": column}), tmp_path / "a.parquet")
    frame, _ = read_parquet(tmp_path / "a.parquet", ["text"])
    assert frame["text"].tolist() == ["a", "", "é"]


@pytest.mark.parametrize(
    "kind", [pa.list_, pa.large_list, pa.list_view], ids=["list", "large", "view"]
)
def test_a_text_that_is_missing_in_a_list_is_empty(tmp_path, kind):
    lists = [["a", None], [], [None], ["é"]]
    pq.write_table(
        pa.table({"tgt_text": pa.array(lists, kind(pa.string()))}), tmp_path / "a.parquet"
    )
    frame, _ = read_parquet(tmp_path / "a.parquet", ["tgt_text"])
    assert [list(row) for row in frame["tgt_text"]] == [["a", ""], [], [""], ["é"]]


@given(lists=st.lists(st.lists(st.none() | st.text(max_size=5), max_size=4), max_size=8))
def test_no_missing_text_becomes_a_word(tmp_path_factory, lists):
    """Whatever is null, of texts and of texts in lists, no "None" and no "nan" comes out."""
    path = tmp_path_factory.mktemp("null") / "a.parquet"
    texts = pa.array([row[0] if row else None for row in lists], pa.string())
    columns = {name: texts for name in ("qry", "text", "image_path", "role")}
    columns["tgt_text"] = pa.array(lists, pa.list_(pa.string()))
    pq.write_table(pa.table(columns), path)
    frame, _ = read_parquet(path, list(columns))
    for row, told in zip(frame.itertuples(), lists, strict=True):
        assert [row.qry, row.text, row.image_path, row.role] == [(told or [None])[0] or ""] * 4
        assert list(row.tgt_text) == [text or "" for text in told]


def test_items_without_a_role_of_their_own(tmp_path):
    roles = pa.array([None, "", "target"], pa.string())
    table = pa.table({"item_id": [0, 1, 2], "text": ["a", None, "c"], "image_path": [None] * 3})
    pq.write_table(table.append_column("role", roles), tmp_path / "a.parquet")
    items = list(read_items(str(tmp_path / "a.parquet"), "query"))
    assert [item.role for item in items] == ["query", "query", "target"]
    assert [(item.text, item.image_path) for item in items] == [("a", ""), ("", ""), ("c", "")]


SCORE = {"subset": "S", "above_chance": True, "n": 1, "ties": 0, "skipped_rows": 0, "value": 1.0,
         "value_index0": 1.0, "chance": 0.5, "ci_low": 1.0, "ci_high": 1.0,
         "manifest": {"query": None, "target": {}}}  # fmt: skip
OTHER = st.sampled_from([None, "x", True, [], {}, 3, -1.5])


@given(changed=st.dictionaries(st.sampled_from(sorted(SCORE)), OTHER), left=st.sets(
    st.sampled_from(sorted(SCORE)), max_size=2))  # fmt: skip
def test_a_score_holds_what_a_table_needs_or_is_one_line(tmp_path_factory, changed, left):
    path = tmp_path_factory.mktemp("score") / "S.json"
    write_json(path, {key: value for key, value in (SCORE | changed).items() if key not in left})
    try:
        score = read_score(path)
    except InputError as error:
        assert str(path) in str(error) and "\n" not in str(error)
        return
    assert score["value"] + score["n"] + score["ci_low"] is not None
    assert (score["manifest"]["query"] or {}).get("model") is None


NO_NUMBERS = ("x", "1,5", "0x1", "None", "inf", "-inf", "1e999")
CELLS = st.one_of(
    st.integers(-9, 9).map(str),
    st.floats(width=32, allow_infinity=False).map(repr),
    st.sampled_from(["", *NO_NUMBERS]),
)


@given(cells=st.lists(CELLS, min_size=1))
def test_cells_that_are_numbers_or_one_line(tmp_path_factory, cells):
    path = tmp_path_factory.mktemp("cells") / "a.csv"
    write_csv(path, pd.DataFrame({"a": cells, "b": cells}))
    wrong = [row for row, cell in enumerate(cells) if cell in NO_NUMBERS]
    frame = read_csv(path, ["a", "b"])
    if wrong:
        with pytest.raises(InputError, match=f"row {wrong[0]}: a is"):
            as_numbers(path, frame, ["a"])
        return
    found = as_numbers(path, frame, ["a"])
    assert found["b"].tolist() == cells
    expected = [float(cell) if cell else np.nan for cell in cells]
    assert np.array_equal(found["a"].astype(float), expected, equal_nan=True)


def test_numbers_of_a_log_line_by_line(tmp_path):
    write_text(tmp_path / "a.jsonl", '{"step": 1}\n{"step": "2"}\n')
    with pytest.raises(InputError, match="line 2: 'step' is '2', no number"):
        read_json_lines(tmp_path / "a.jsonl", "step")
    write_text(tmp_path / "a.jsonl", '{"step": 1}\n3\n')
    with pytest.raises(InputError, match="line 2 is no JSON object"):
        read_json_lines(tmp_path / "a.jsonl", "step")


def test_an_index_that_pandas_stored_is_no_surprise(tmp_path):
    frame = FRAME.assign(query_id=np.arange(300) * 7 % 300, other=range(300))
    for index in ("query_id", "other", "text"):
        frame.set_index(index).to_parquet(tmp_path / "a.parquet")
        found = read_parquet(tmp_path / "a.parquet", COLUMNS)[0]
        assert found[["query_id", "text"]].equals(
            frame[["query_id", "text"]].astype({"text": "str"})
        )


@pytest.mark.parametrize(
    "name, column, fault",
    [
        ("query_id", pa.array([1, None]), "row 1 is missing"),
        ("query_id", pa.array([1.0, 2.5]), "ids are int64"),
        ("query_id", pa.array([2**63], pa.uint64()), "ids are int64"),
        ("query_id", pa.array(["1"]), "ids are numbers"),
        ("query_id", pa.array([True]), "ids are numbers"),
        ("query_id", pa.array([[1]]), "ids are numbers"),
        ("candidate_ids", pa.array([[1], [2, None]]), "row 1 is missing"),
        ("candidate_ids", pa.array([[1], None]), "row 1 is missing"),
        ("candidate_ids", pa.array([1]), "each row is a list"),
        ("candidate_ids", pa.array([["a"]]), "ids are numbers"),
        ("text", pa.array([1]), "it holds texts"),
        ("role", pa.array([1]), "it holds texts"),
        ("qry", pa.array([[b"a"]]), "it holds texts"),
        ("tgt_text", pa.array(["a"]), "each row is a list of texts"),
        ("tgt_text", pa.array([["a"], None]), "row 1 is missing"),
        ("tgt_img_path", pa.array([[1]]), "each row is a list of texts"),
        ("right", pa.array([1]), "true or false"),
        ("text", pa.array([b"\xff"]), "it holds texts"),
        ("text", pa.array([b"\xff"]).view(pa.string()), "not a readable parquet"),
    ],
)
def test_values_that_do_not_fit_their_column(tmp_path, name, column, fault):
    pq.write_table(pa.table({name: column}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match=fault):
        read_parquet(tmp_path / "a.parquet", [name])


def test_arrays_that_are_not_plain(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "several.npz", a=VECTORS)
    for name in ("objects.npy", "several.npz"):
        with pytest.raises(InputError):
            read_npy(tmp_path / name)
