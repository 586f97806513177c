"""Places are tried before the work, nothing of the user's is lost, no result is thrown away."""

import argparse
import errno
import os
import resource
import stat
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gen2embed.command_line import run_program
from gen2embed.errors import InputError
from gen2embed.files import write_json, write_npy
from gen2embed.outputs import (
    MARK,
    Output,
    add_output,
    check_place,
    check_room,
    fault_of,
    hidden_at_first,
    whole_file,
    whole_folder,
)

FILE = Output((".npy",))
WHOLE = Output(whole=True)


def snapshot(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def write_folder(path, text="new"):
    with whole_folder(path) as folder:
        (folder / "weights").write_text(text)


# --- Folders that are replaced as a whole ---


NAMES = st.text("abc._- é", min_size=1, max_size=6).filter(lambda name: name.strip(". ") != "")
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)


@settings(max_examples=60, deadline=None)
@given(
    files=st.dictionaries(PATHS, st.binary(max_size=9), max_size=4),
    empty=st.lists(NAMES, max_size=2),
)
def test_a_folder_is_replaced_only_if_it_holds_no_file(tmp_path_factory, files, empty):
    top = tmp_path_factory.mktemp("place")
    place = top / "out"
    place.mkdir()
    for name in empty:
        (place / name).mkdir(exist_ok=True)
    made = 0
    for name, content in files.items():
        path = place / name
        if any(parent.is_file() for parent in path.parents) or path.is_dir():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        made += 1
    before = snapshot(top)
    if made:
        with pytest.raises(InputError, match="did not write"):
            check_place(place, WHOLE)
        with pytest.raises(InputError, match="did not write"):
            write_folder(place)
        assert snapshot(top) == before
    else:
        check_place(place, WHOLE)
        write_folder(place)
        assert (place / "weights").read_text() == "new"
        assert set(snapshot(top)) == {"out", "out/weights", f"out/{MARK}"}


def test_a_folder_of_ours_is_replaced_and_nothing_is_left_beside_it(tmp_path):
    place = tmp_path / "out"
    write_folder(place, "old")
    (place / "extra").write_text("of the earlier run")
    write_folder(place, "new")
    assert set(snapshot(tmp_path)) == {"out", "out/weights", f"out/{MARK}"}


def test_a_failed_work_leaves_the_old_folder(tmp_path):
    place = tmp_path / "out"
    write_folder(place, "old")
    with pytest.raises(ZeroDivisionError), whole_folder(place) as folder:
        (folder / "weights").write_text("half")
        raise ZeroDivisionError
    assert (place / "weights").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_files_that_came_during_the_work_are_kept(tmp_path):
    place = tmp_path / "out"
    with pytest.raises(InputError, match="did not write"), whole_folder(place) as folder:
        (folder / "weights").write_text("new")
        place.mkdir()
        (place / "notes.txt").write_text("precious")
    assert (place / "notes.txt").read_text() == "precious"


def test_a_link_to_a_folder_stays(tmp_path):
    write_folder(tmp_path / "disk" / "run", "old")
    (tmp_path / "run").symlink_to(tmp_path / "disk" / "run")
    write_folder(tmp_path / "run", "new")
    assert (tmp_path / "run").is_symlink()
    assert (tmp_path / "disk" / "run" / "weights").read_text() == "new"


def test_the_mark_of_a_linked_folder_is_not_written_through(tmp_path):
    write_folder(tmp_path / "model")
    before = snapshot(tmp_path / "model")
    with whole_folder(tmp_path / "copy") as folder:
        for path in (tmp_path / "model").iterdir():
            (folder / path.name).symlink_to(path)
    assert snapshot(tmp_path / "model") == before


@pytest.mark.parametrize("place", [".", "..", "./", "sub/.."])
def test_the_current_folder_is_never_replaced(tmp_path, monkeypatch, place):
    (tmp_path / "here" / "sub").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(InputError):
        check_place(Path(place), WHOLE)
    with pytest.raises(InputError):
        write_folder(place)
    assert (tmp_path / "here" / "sub").is_dir()


# --- Places that cannot be written ---


def test_a_file_in_the_place_of_a_folder(tmp_path):
    (tmp_path / "file").write_text("mine")
    for output in (WHOLE, Output()):
        with pytest.raises(InputError, match="is a file; name a folder"):
            check_place(tmp_path / "file", output)
    for output in (FILE, WHOLE, Output()):
        with pytest.raises(InputError, match="name another place"):
            check_place(tmp_path / "file" / "a.npy", output)
    with pytest.raises(InputError, match="name another place"):
        write_npy(tmp_path / "file" / "a.npy", np.zeros(3))
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_or_device_in_the_place_of_a_file(tmp_path):
    (tmp_path / "a.npy").mkdir()
    os.mkfifo(tmp_path / "b.npy")
    with pytest.raises(InputError, match="is a folder; name a file"):
        check_place(tmp_path / "a.npy", FILE)
    with pytest.raises(InputError, match="no regular file"):
        check_place(tmp_path / "b.npy", FILE)
    assert stat.S_ISFIFO((tmp_path / "b.npy").stat().st_mode)


@pytest.mark.parametrize("name", ["vectors", "vectors.npz", "vectors.npy.gz", ".npy", ""])
def test_another_ending(tmp_path, name):
    with pytest.raises(InputError):
        check_place(tmp_path / name, FILE)


def test_places_that_the_system_refuses(tmp_path):
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    for place in ("/proc/here/a.npy", "/sys/a.npy", tmp_path / "circle" / "a.npy"):
        with pytest.raises(InputError):
            check_place(Path(place), FILE)
    with pytest.raises(InputError, match="too long"):
        check_place(tmp_path / ("x" * 300) / "a.npy", FILE)


def test_trying_leaves_nothing(tmp_path):
    for output, name in ((FILE, "new/folder/a.npy"), (WHOLE, "new/run"), (Output(), "tables")):
        check_place(tmp_path / name, output)
    assert list(tmp_path.iterdir()) == []


def test_room(tmp_path):
    check_room(tmp_path / "later", 1000, "this")
    with pytest.raises(InputError, match="are free"):
        check_room(tmp_path / "later", 10**18, "this")


# --- Disks that refuse during the work ---


@contextmanager
def files_of_at_most(size):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@settings(max_examples=20, deadline=None)
@given(limit=st.integers(0, 70_000))
def test_a_write_that_breaks_off_leaves_the_old_file(tmp_path_factory, limit):
    folder = tmp_path_factory.mktemp("small")
    write_npy(folder / "a.npy", np.zeros(3))
    before = snapshot(folder)
    with files_of_at_most(limit), pytest.raises(InputError):
        write_npy(folder / "a.npy", np.arange(10_000.0))
    assert snapshot(folder) == before


def test_a_safetensors_file_that_breaks_off_is_one_line(tmp_path):
    import torch
    from safetensors.torch import save_file

    with files_of_at_most(1000), pytest.raises(InputError), whole_folder(tmp_path / "run") as out:
        save_file({"a": torch.zeros(9999)}, out / "model.safetensors")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
def test_what_libraries_say_of_the_disk(number):
    said = os.strerror(number)
    for error in (
        OSError(number, said, "/data/x"),
        RuntimeError(f"Io error: {said} (os error {number})"),
        ValueError(f"[Errno {number}] {said}: 'x'"),
    ):
        assert fault_of(error)
    assert fault_of(ValueError("shape mismatch")) is None
    assert fault_of(OSError(errno.ECHILD, "no child")) is None


def test_a_library_that_stumbles_over_a_full_disk():
    """The disk's word counts, not the one that came up over it; other files' words do not."""
    for number, says in ((errno.ENOSPC, "no room"), (errno.EROFS, "read-only"), (errno.ENOENT, "")):
        try:
            try:
                raise OSError(number, os.strerror(number))
            finally:
                raise AttributeError("no attribute 'pos'")
        except AttributeError as error:
            assert says in (fault_of(error) or "") and bool(fault_of(error)) == bool(says)


def test_a_finished_result_is_kept_where_its_place_fails(tmp_path):
    path = tmp_path / "a.json"
    with pytest.raises(InputError, match="lies in") as raised, whole_file(path) as temporary:
        temporary.write_text("done")
        path.mkdir()
    kept = Path(str(raised.value).split("lies in ")[1].split(": move")[0])
    assert kept.read_text() == "done"


# --- What a program's flags say ---


def program(tmp_path, *jobs, out=("--out", ".json")):
    done = []
    parser = argparse.ArgumentParser(prog="toy")
    add_output(parser, *out, whole=not out[1:])
    parser.add_argument("--model")
    parser.add_argument("--image-root")
    parser.add_argument("--pairs", nargs="+")
    write_json(tmp_path / "jobs.json", list(jobs))
    return run_program(parser, done.extend, ["--job-list", str(tmp_path / "jobs.json")]), done


def test_an_output_over_an_input_is_refused_before_the_work(tmp_path, capsys):
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "a.npy").write_text("vectors")
    (tmp_path / "a.valid.npy").write_text("rows")
    (tmp_path / "link.json").symlink_to(tmp_path / "a.json")
    for job in (
        {"out": f"{tmp_path}/a.json", "pairs": [f"{tmp_path}/a.json"]},
        {"out": f"{tmp_path}/link.json", "model": f"{tmp_path}/a.json"},
        {"out": f"{tmp_path}/a.json", "pairs": [f"{tmp_path}/b.npy", f"{tmp_path}/a.npy"]},
    ):
        status, done = program(tmp_path, job)
        assert (status, done) == (2, [])
        assert len(capsys.readouterr().err.splitlines()) == 1
    beside = {"out": f"{tmp_path}/a.parquet", "pairs": [f"{tmp_path}/a.npy"]}
    assert program(tmp_path, beside, out=("--out", ".parquet"))[0] == 0
    parser = argparse.ArgumentParser(prog="toy")
    add_output(parser, "--out", ".parquet", beside=(".json",))
    parser.add_argument("--pairs")
    words = ["--out", f"{tmp_path}/a.parquet", "--pairs", f"{tmp_path}/a.npy"]
    assert run_program(parser, list, words) == 2  # a.json is the manifest of a.npy
    assert "belongs to what is read" in capsys.readouterr().err


@pytest.mark.parametrize("first, second", [("a.json", "a.json"), ("x/../a.json", "./a.json")])
def test_two_jobs_of_one_output(tmp_path, capsys, monkeypatch, first, second):
    monkeypatch.chdir(tmp_path)
    assert program(tmp_path, {"out": first}, {"out": second})[0] == 2
    assert "two jobs" in capsys.readouterr().err
    assert program(tmp_path, {"out": first}, {"out": "b.json"})[0] == 0


def test_a_whole_folder_around_or_inside_an_input(tmp_path, capsys):
    (tmp_path / "model" / "sub").mkdir(parents=True)
    model = f"{tmp_path}/model"
    for out in (model, str(tmp_path), f"{model}/adapter", f"{model}/sub/adapter", f"{model}/."):
        status, done = program(tmp_path, {"out": out, "model": model}, out=("--out",))
        assert (status, done) == (2, []), out
        assert len(capsys.readouterr().err.splitlines()) == 1
    inside = {"out": f"{tmp_path}/model/sub/run", "image_root": str(tmp_path)}
    assert program(tmp_path, inside, out=("--out",))[0] == 0


# --- Leftovers of killed writers ---


@pytest.fixture
def old(monkeypatch):
    """Temporary files count as old at once."""
    monkeypatch.setattr("gen2embed.outputs.FRESH", -1.0)


@pytest.mark.usefixtures("old")
def test_what_a_kill_left_goes_with_the_next_writing(tmp_path):
    """The same output's temporary names alone; a file of the user's own stays."""
    left = [".a.x1y2z3_4.json", ".a.abcdefgh.json"]
    kept = [
        ".b.x1y2z3_4.json",
        ".a.json",
        ".a.x1y2z3_4.npy",
        "a.x1y2z3_4.json",
        ".a.long_name_.json",
    ]
    for name in left + kept:
        (tmp_path / name).write_text("half")
    with whole_file(tmp_path / "a.json") as temporary:
        temporary.write_text("whole")
    assert {path.name for path in tmp_path.iterdir()} == {*kept, "a.json"}


@pytest.mark.usefixtures("old")
def test_folders_that_a_kill_left(tmp_path):
    (tmp_path / ".model.x1y2z3_4").mkdir()
    (tmp_path / ".model.x1y2z3_4/weights").write_text("half")
    (tmp_path / ".other.x1y2z3_4").mkdir()
    with whole_folder(tmp_path / "model", "test") as folder:
        (folder / "weights").write_text("whole")
    assert {path.name for path in tmp_path.iterdir()} == {"model", ".other.x1y2z3_4"}


@pytest.mark.usefixtures("old")
def test_what_another_process_writes_stays(tmp_path):
    """A child holds its temporary file; it is swept when the child is killed."""
    code = (
        "import sys, time; from gen2embed.outputs import whole_file\n"
        f"with whole_file({str(tmp_path / 'a.json')!r}) as path:\n"
        "    path.write_text('half'); print(path, flush=True); time.sleep(60)"
    )
    scripts = Path(__file__).resolve().parents[2] / "scripts"
    child = subprocess.Popen(
        [sys.executable, "-c", code], cwd=scripts, stdout=subprocess.PIPE, text=True
    )
    try:
        half = Path(child.stdout.readline().strip())
        hidden_at_first.cache_clear()
        with whole_file(tmp_path / "a.json") as temporary:
            temporary.write_text("whole")
        assert half.exists()
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    hidden_at_first.cache_clear()
    with whole_file(tmp_path / "a.json") as temporary:
        temporary.write_text("again")
    assert not half.exists() and (tmp_path / "a.json").read_text() == "again"
