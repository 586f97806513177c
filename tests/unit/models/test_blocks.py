"""Blocks of an interrupted embedding: half-written, damaged and foreign ones are no blocks."""

import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gen2embed.models.encoding.blocks import Blocks


def vectors_of(rows):
    return np.repeat(np.asarray(rows, dtype=np.float32)[:, None], 4, axis=1)


def write(folder, batches=6):
    """A block for each batch of two rows."""
    blocks = Blocks(folder, save_seconds=0)
    blocks.load()
    for number in range(batches):
        rows = np.array([2 * number, 2 * number + 1])
        blocks.add(number + 1, rows, vectors_of(rows))
    return sorted(folder.glob("*.npz"))


def check(folder):
    """What is loaded is what was written, up to the first block that is not whole."""
    done, rows, vectors = Blocks(folder, save_seconds=0).load()
    assert rows.tolist() == list(range(2 * done))
    assert not done or (vectors == vectors_of(rows)).all()
    return done


def test_what_waits_is_written_when_a_file_is_done(tmp_path):
    blocks = Blocks(tmp_path, save_seconds=1000)
    blocks.load()
    for number in range(3):
        rows = np.array([2 * number, 2 * number + 1])
        blocks.add(number + 1, rows, vectors_of(rows))
    assert not list(tmp_path.iterdir())
    blocks.flush()
    assert check(tmp_path) == 3
    blocks.flush()
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    "name", [".00000000-00000006.abc123.npz", "00000002-.npz", "x.npz", "notes"]
)
def test_other_names_are_no_blocks(tmp_path, name):
    write(tmp_path)
    (tmp_path / name).write_bytes(b"half of it")
    assert check(tmp_path) == 6


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_damaged_block_is_dropped_and_those_before_it_are_taken(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("blocks")
    paths = write(folder)
    which = data.draw(st.integers(0, 5))
    content = paths[which].read_bytes()
    kind = data.draw(st.sampled_from(["cut", "flip", "empty", "text", "other"]))
    if kind == "cut":
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    elif kind == "flip":
        at = data.draw(st.integers(0, len(content) - 1))
        content = (
            content[:at]
            + bytes([content[at] ^ 1 << data.draw(st.integers(0, 7))])
            + content[at + 1 :]
        )
    elif kind == "empty":
        content = b""
    elif kind == "text":
        content = b"no zip at all"
    if kind == "other":
        shape = data.draw(st.sampled_from(["rows", "dim", "type", "nan", "missing"]))
        rows, vectors = np.array([0, 1]), vectors_of([0, 1])
        arrays = {
            "rows": {"rows": rows[:1], "vectors": vectors},
            "dim": {"rows": rows, "vectors": vectors[:, :3]},
            "type": {"rows": rows, "vectors": vectors.astype(np.float64)},
            "nan": {"rows": rows, "vectors": vectors * np.nan},
            "missing": {"rows": rows},
        }[shape]
        np.savez(paths[which], **arrays)
        if shape == "dim" and which == 0:
            return  # nothing to compare it with
    else:
        paths[which].write_bytes(content)
    done = check(folder)
    if kind == "flip":  # a bit that no reader looks at does no harm
        assert done in (which, 6)
    else:
        assert done == which
        assert not paths[which].exists()
    later = Blocks(folder, save_seconds=0)
    later.load()
    for number in range(done, 6):  # the rest is computed anew
        rows = np.array([2 * number, 2 * number + 1])
        later.add(number + 1, rows, vectors_of(rows))
    assert check(folder) == 6


def test_a_pickle_is_not_opened(tmp_path):
    paths = write(tmp_path)
    with zipfile.ZipFile(paths[0], "w") as file:
        file.writestr(
            "rows.npy",
            b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
            + b" " * 60
            + b"\n"
            + b"cos\nsystem\n",
        )
    assert check(tmp_path) == 0
