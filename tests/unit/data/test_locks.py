"""A revision is resolved once; another one later is an error that says what to do."""

import pytest

from gen2embed.download.revisions import RevisionLock
from gen2embed.errors import InputError
from gen2embed.files import read_json


@pytest.fixture
def path(tmp_path):
    lock = RevisionLock(tmp_path / "revisions.lock.json")
    assert lock.pinned("a/b", "main") is None
    lock.hold("a/b", "main", "c0ffee")
    lock.hold_files("a/b", {"x": "11", "y": "22"})
    return lock.path


def test_what_was_asked_stands_for_what_it_was_then(path):
    lock = RevisionLock(path)
    assert lock.pinned("a/b", "main") == lock.pinned("a/b", "c0ffee") == "c0ffee"
    lock.hold("a/b", "main", "c0ffee")
    lock.hold_files("a/b", {"x": "11", "z": "33"})
    assert read_json(path) == {
        "a/b": {
            "asked": "main",
            "revision": "c0ffee",
            "files": {"x": "11", "y": "22", "z": "33"},
        }
    }


def test_another_revision_is_an_error_that_says_how_to_accept_it(path):
    with pytest.raises(
        InputError, match=r"a/b: .*lock.json locks c0ffee, but this is v2; to go ov"
    ):
        RevisionLock(path).pinned("a/b", "v2")
    with pytest.raises(InputError, match="call with --accept-revisions"):
        RevisionLock(path).hold("a/b", "main", "decade")
    with pytest.raises(InputError, match=r"a/b: x: .* locks 11, but this is 12"):
        RevisionLock(path).hold_files("a/b", {"x": "12"})
    lock = RevisionLock(path, accept=True)
    assert lock.pinned("a/b", "v2") is None
    lock.hold("a/b", "v2", "decade")
    assert read_json(path) == {"a/b": {"asked": "v2", "revision": "decade", "files": {}}}


def test_an_unchanged_lock_is_not_written(path):
    before = path.stat().st_mtime_ns
    RevisionLock(path).hold_files("a/b", {"x": "11"})
    assert path.stat().st_mtime_ns == before


def test_a_broken_lock_is_one_line(path):
    path.write_text('{"a/b": {}}')
    with pytest.raises(InputError, match="a/b lacks its revision; remove the file"):
        RevisionLock(path)
