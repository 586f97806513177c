"""Where numba may keep what it compiles."""

import os
from pathlib import Path

import pytest

from gen2embed.reporting.figures import compiled
from gen2embed.reporting.figures.compiled import (
    VARIABLE,
    cache_for_numba,
    can_be_written,
    has_cache,
)


@pytest.fixture
def read_only(monkeypatch, tmp_path):
    """Nothing but temporary folders can be written, whoever runs this."""
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(compiled.os, "access", lambda *_: False)


def test_the_nearest_folder_above_decides(tmp_path):
    assert can_be_written(tmp_path / "not" / "there")
    (tmp_path / "file").write_text("")
    assert not can_be_written(tmp_path / "file" / "below")


@pytest.mark.usefixtures("read_only")
def test_where_nothing_can_be_written_a_folder_of_its_own_comes_and_goes():
    assert not has_cache()
    with cache_for_numba():
        folder = Path(os.environ[VARIABLE])
        assert folder.is_dir() and folder.stat().st_mode & 0o077 == 0
    assert VARIABLE not in os.environ and not folder.exists()


@pytest.mark.usefixtures("read_only")
def test_what_is_set_or_can_be_written_is_left_alone(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with cache_for_numba():
        assert os.environ[VARIABLE] == str(tmp_path)
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setattr(compiled.os, "access", lambda *_: True)
    with cache_for_numba():
        assert VARIABLE not in os.environ
