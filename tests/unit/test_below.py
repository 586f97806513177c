"""Names that data bring: regular files below their folder alone, whatever the name says."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gen2embed.artifacts.register_file import is_yes, read_register
from gen2embed.below import below, check_name
from gen2embed.errors import InputError
from gen2embed.files import write_text

PARTS = st.sampled_from(
    ["..", ".", "a", "b.png", "images", "link", "pipe", "/", "~", "", "\0", "é"]
)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """root/ with files, a pipe and links that lead out; outside/ with one file."""
    above = tmp_path_factory.mktemp("below")
    (above / "outside").mkdir()
    (above / "outside/b.png").write_text("outside")
    (above / "store").mkdir()
    (above / "store/b.png").write_text("of the store")
    folder = above / "root"
    (folder / "a").mkdir(parents=True)
    for place in ("b.png", "a/b.png"):
        (folder / place).write_text("inside")
    os.mkfifo(folder / "pipe")
    (folder / "link").symlink_to("../outside")
    (folder / "out.png").symlink_to(above / "outside/b.png")
    (folder / "in.png").symlink_to("a/b.png")
    (folder / "nowhere.png").symlink_to("a/none.png")
    (folder / "images").symlink_to("../store")
    return folder


@settings(max_examples=400, deadline=None)
@given(parts=st.lists(PARTS, min_size=1, max_size=4), join=st.sampled_from(["/", "//", "/./"]))
def test_no_name_leads_out(root, parts, join):
    name = join.join(parts)
    try:
        path = below(root, name)
    except InputError as error:
        assert "\n" not in str(error)
        return
    real = Path(os.path.realpath(path))
    assert any(real.is_relative_to(place) for place in (root, root.parent / "store"))
    assert not path.exists() or path.is_file()


@pytest.mark.parametrize("name", ["b.png", "a/b.png", "./a//b.png", "in.png", "images/b.png"])
def test_what_lies_below_is_taken(root, name):
    assert below(root, name).is_file()


@pytest.mark.parametrize("name", ["none.png", "a/none.png", "nowhere.png"])
def test_what_is_missing_is_said_by_whoever_opens_it(root, name):
    assert not below(root, name).exists()


@pytest.mark.parametrize(
    "name", ["out.png", "link/b.png", "images/../../outside/b.png", "pipe", "a"]
)
def test_what_leads_out_or_is_no_file(root, name):
    with pytest.raises(InputError):
        below(root, name)


def test_a_root_that_is_a_link_itself(root):
    (root.parent / "other").symlink_to(root)
    assert below(root.parent / "other", "a/b.png").is_file()
    with pytest.raises(InputError, match="link out of"):
        below(root.parent / "other", "out.png")


REGISTER = ("part", "name", "labelled")


def register_of(folder, *lines):
    write_text(folder / "datasets.csv", "part,name,labelled\n" + "".join(lines))
    return folder / "datasets.csv"


@settings(max_examples=200, deadline=None)
@given(name=st.text(min_size=1, max_size=300))
def test_a_name_is_a_files_name_or_one_line(tmp_path_factory, name):
    try:
        check_name(name, "datasets.csv")
    except InputError:
        return
    folder = tmp_path_factory.mktemp("name")
    try:
        (folder / f"{name}.parquet").write_text("")
    except UnicodeEncodeError:
        return
    assert [path.name for path in folder.iterdir()] == [f"{name}.parquet"]


@pytest.mark.parametrize("name", ["../out", "/out", "a/b", "..", ".hidden", "x" * 300])
def test_the_register_names_no_paths(tmp_path, name):
    path = register_of(tmp_path, "train,A,true\n", f"train,{name},true\n")
    with pytest.raises(InputError, match=r"row 1.*is no name of a data set"):
        read_register(path, REGISTER)


@pytest.mark.parametrize(
    "word, meant",
    [
        *(("true", True), ("True", True), ("TRUE", True), ("yes", True), ("1", True)),
        *(("false", False), ("False", False), ("no", False), ("0", False), ("", False)),
    ],
)
def test_labels_in_other_writers_words(tmp_path, word, meant):
    path = register_of(tmp_path, f"train,A,{word}\n")
    assert read_register(path, REGISTER)["labelled"].tolist() == ["true" if meant else "false"]
    assert is_yes(word, "x") is meant


@pytest.mark.parametrize(
    "lines, said",
    [
        (["train,A,maybe\n"], "row 0: labelled is 'maybe'"),
        (["train,A,true\n", "train,A,true\n"], "row 1: 'A' stands there twice"),
        (["test,A,true\n"], "row 0: part is 'test'"),
    ],
)
def test_a_register_that_is_none(tmp_path, lines, said):
    with pytest.raises(InputError, match=said):
        read_register(register_of(tmp_path, *lines), REGISTER)
