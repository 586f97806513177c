"""Job lists, one-line errors, and files that are whole or not there."""

import argparse
import io
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen2embed.command_line import _Lines, run_program
from gen2embed.errors import InputError
from gen2embed.files import (
    load_embeddings,
    read_parquet,
    run_record,
    whole_file,
    write_json,
    write_npy,
    write_parquet,
)
from gen2embed.flag_types import rate, seed, share, whole


def parser():
    made = argparse.ArgumentParser(prog="toy")
    made.add_argument("--name", required=True)
    made.add_argument("--size", type=int, default=1)
    made.add_argument("--loud", action="store_true")
    made.add_argument("--many", nargs="*")
    made.add_argument("--soft", action=argparse.BooleanOptionalAction, default=True)
    return made


def test_a_job_list_is_the_same_as_flags(tmp_path):
    seen = []
    jobs = tmp_path / "jobs.json"
    jobs.write_text(
        json.dumps(
            [
                {"name": "--a", "loud": True, "many": ["x", "y"], "soft": True},
                {"name": "b", "size": None, "loud": False, "soft": False},
            ]
        )
    )
    assert run_program(parser(), seen.extend, ["--job-list", str(jobs), "--size", "3"]) == 0
    assert [vars(job) | {"job_list": None} for job in seen] == [
        {
            "name": "--a",
            "size": 3,
            "loud": True,
            "many": ["x", "y"],
            "soft": True,
            "job_list": None,
        },
        {"name": "b", "size": 3, "loud": False, "many": None, "soft": False, "job_list": None},
    ]


@pytest.mark.parametrize("text", ["", "{", "{}", "[]", "[1]"])
def test_a_bad_job_list_is_one_line(tmp_path, capsys, text):
    jobs = tmp_path / "jobs.json"
    jobs.write_text(text)
    assert run_program(parser(), print, ["--job-list", str(jobs)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert run_program(parser(), print, ["--job-list", str(tmp_path / "absent")]) == 2


HELD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6) | st.sampled_from(["--size", "-s", "--", "- a", "-3", "a b", "\0"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner,
                                                                max_size=2),
)  # fmt: skip


@given(held=HELD)
def test_what_a_job_list_holds_arrives_or_is_refused(tmp_path_factory, held):
    """No null becomes the word None, no object its Python form, no word of a list a flag."""
    jobs, seen = tmp_path_factory.mktemp("jobs") / "jobs.json", []
    jobs.write_text(json.dumps([{"name": "a", "many": held}]))
    status = run_program(parser(), seen.extend, ["--job-list", str(jobs)])
    if status == 2:
        assert not seen
        return
    [job] = seen
    assert (job.name, job.size) == ("a", 1)
    expected = held if isinstance(held, list) else [held]
    assert job.many in ([str(one) for one in expected], None if held in (None, False) else [])


@pytest.mark.parametrize(
    "words",
    [
        ["--job-list"],
        ["--job-lis", "x", "--name", "a"],
        ["--job-list", "x", "--job-lis", "y"],
        ["--size", "1.5", "--name", "a"],
        ["--size", "9" * 5000, "--name", "a"],
        ["--name"],
        ["--nothing"],
        ["stray", "--name", "a"],
    ],
)
def test_words_that_do_not_fit_are_one_line(tmp_path, capsys, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x").write_text(json.dumps([{"name": "a"}]))
    assert run_program(parser(), print, words) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_job_list_within_a_job_list(tmp_path, capsys):
    jobs = tmp_path / "jobs.json"
    jobs.write_text(json.dumps([{"name": "a", "job_list": str(jobs)}]))
    assert run_program(parser(), print, ["--job-list", str(jobs)]) == 2
    assert "in full, once" in capsys.readouterr().err


FLAG_TYPES = {whole(): (1, 2**31 - 1), whole(0, 9): (0, 9), seed: (0, 2**32 - 1)}


@given(word=st.one_of(st.integers().map(str), st.floats().map(str), st.text(max_size=4),
                      st.sampled_from(["", "-0", "1_0", "²", "٣", " 1", "0x1",
                                       "9" * 99])))  # fmt: skip
def test_whole_numbers_within_their_range(word):
    for parse, (least, most) in FLAG_TYPES.items():
        try:
            value = parse(word)
        except argparse.ArgumentTypeError:
            assert not (word.isascii() and word.isdigit() and least <= int(word) <= most)
            continue
        assert least <= value <= most and int(word) == value


@given(word=st.one_of(st.floats().map(str), st.text(max_size=4), st.sampled_from(["1e999", "-0"])))
def test_shares_and_rates(word):
    for parse, most in ((share, 1 - 2**-53), (rate, 1.0)):
        try:
            assert 0 < parse(word) <= most
        except argparse.ArgumentTypeError as error:
            assert "give a number above 0" in str(error)


def test_a_user_mistake_is_one_line_and_a_defect_keeps_its_traceback(capsys):
    def mistake(_jobs):
        raise InputError("first\nsecond")

    def defect(_jobs):
        raise KeyError("ours")

    assert run_program(parser(), mistake, ["--name", "a"]) == 2
    assert capsys.readouterr().err == "toy: first second\n"
    with pytest.raises(KeyError):
        run_program(parser(), defect, ["--name", "a"])


def test_what_a_library_says_of_the_disk_is_one_line(capsys):
    """safetensors' and torch's exceptions are no OSError."""

    def write(_jobs):
        raise RuntimeError("I/O error: No space left on device (os error 28)")

    assert run_program(parser(), write, ["--name", "a"]) == 2
    assert capsys.readouterr().err.startswith("toy: no room is left")


def test_progress_in_a_log_is_plain_lines():
    stream = io.StringIO()
    lines = _Lines(stream)
    for text in ("\r 10%", "\r 20%", ""):
        lines.write(text)
    assert stream.getvalue() == " 10%\n 20%\n"


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"b": 1, "a": [2]})
    assert path.read_text() == '{\n  "a": [\n    2\n  ],\n  "b": 1\n}\n'
    with pytest.raises(RuntimeError), whole_file(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    with pytest.raises(ValueError, match="JSON"):
        write_json(path, float("nan"))
    assert path.read_text().startswith("{") and list(tmp_path.iterdir()) == [path]


def test_parquet_round_trip_and_missing_column(tmp_path):
    path = tmp_path / "a.parquet"
    frame = pd.DataFrame({"x": [1, 2], "ids": [[1], [2, 3]]})
    write_parquet(path, frame, {"subset": "S"})
    first = path.read_bytes()
    write_parquet(path, frame, {"subset": "S"})
    assert path.read_bytes() == first
    back, metadata = read_parquet(path, ["ids"])
    assert [list(ids) for ids in back["ids"]] == [[1], [2, 3]] and metadata == {"subset": "S"}
    with pytest.raises(InputError, match="column 'y' is missing"):
        read_parquet(path, ["x", "y"])
    path.write_bytes(b"PAR1")
    with pytest.raises(InputError, match="not a readable parquet"):
        read_parquet(path, ["x"])


def unit(rows, dim, dtype=np.float32):
    vectors = np.random.default_rng(0).normal(size=(rows, dim))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_embeddings_are_mapped_and_checked(tmp_path, dtype):
    path = tmp_path / "v.npy"
    write_npy(path, unit(5, 8, dtype))
    vectors = load_embeddings(path)
    assert isinstance(vectors, np.memmap) and vectors.dtype == dtype


def test_bad_embeddings(tmp_path):
    path = tmp_path / "v.npy"
    good = unit(5, 8)
    for row, value, words in ((3, np.nan, "row 3 is not finite"), (2, 0, "row 2 has length 0")):
        bad = good.copy()
        bad[row] = value
        write_npy(path, bad)
        with pytest.raises(InputError, match=words):
            load_embeddings(path)
    write_npy(path, good.astype(np.float64))
    with pytest.raises(InputError, match="float64"):
        load_embeddings(path)
    write_npy(path, good)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match="not a readable npy"):
        load_embeddings(path)
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="not a readable npy"):
        load_embeddings(path)


def test_rows_marked_not_valid_must_be_zero(tmp_path):
    path = tmp_path / "v.npy"
    vectors = unit(3, 4)
    vectors[1] = 0
    write_npy(path, vectors)
    write_npy(tmp_path / "v.valid.npy", np.array([True, False, True]))
    assert load_embeddings(path).shape == (3, 4)
    write_npy(tmp_path / "v.valid.npy", np.array([True, True]))
    with pytest.raises(InputError, match="3 booleans"):
        load_embeddings(path)


def test_a_run_record_is_written_only_when_the_work_is_done(tmp_path):
    path = tmp_path / "a.run.json"
    with pytest.raises(RuntimeError), run_record(path):
        raise RuntimeError
    assert not path.exists()
    with run_record(path) as record:
        record["rate"] = 2
    assert json.loads(path.read_text())["rate"] == 2


def test_a_job_list_with_a_byte_order_mark(tmp_path, monkeypatch):
    jobs, seen = tmp_path / "jobs.json", []
    text = "\ufeff" + json.dumps([{"name": "a"}])
    jobs.write_text(text, encoding="utf-8")
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    for source in (str(jobs), "-"):
        assert run_program(parser(), seen.extend, ["--job-list", source]) == 0
    assert [job.name for job in seen] == ["a", "a"]
