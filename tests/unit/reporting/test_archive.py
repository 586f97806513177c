"""The archive of a run: what is in it, what is not, and sha256sum as the judge."""

import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "archive_results.py"
spec = importlib.util.spec_from_file_location("archive_results", SCRIPT)
archive_results = importlib.util.module_from_spec(spec)
sys.modules["archive_results"] = archive_results
spec.loader.exec_module(archive_results)

FILES = {
    "config.yaml": b"experiment: small\n",
    "tables/runs.csv": b"run,value\n",
    "figures/umap.png": b"drawn",
    "data/train/images/a.png": b"of the data",
    "adapters/saha/adapter_model.safetensors": b"weights",
    "embeddings/base/plain/eval_query.npy": b"vectors",
    "names with blanks/\u00e9.json": b"{}",
    "partial/state.json": b"{}",
    "logs/a.log": b"",
    ".hidden": b"",
}


@pytest.fixture
def run(tmp_path):
    root = tmp_path / "small"
    for name, content in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def pack(root, *more):
    out = root / "archive.zip"
    assert archive_results.main(["--results", str(root), "--out", str(out), *more]) == 0
    return out


def unpacked(archive, folder):
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    return folder / "small"


def checks(folder):
    words = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True)


def test_what_is_in_it(run, tmp_path):
    folder = unpacked(pack(run), tmp_path / "elsewhere")
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    kept = {"config.yaml", "tables/runs.csv", "figures/umap.png", "names with blanks/\u00e9.json"}
    assert found == kept | {"SHA256SUMS", "LEFT_OUT.tsv", "README.md"}
    left = [line.split("\t")[1] for line in (folder / "LEFT_OUT.tsv").read_text().splitlines()]
    assert left == [
        "adapters/saha/adapter_model.safetensors",
        "data/train/images/a.png",
        "embeddings/base/plain/eval_query.npy",
    ]


def test_sha256sum_verifies_it_and_finds_damage(run, tmp_path):
    folder = unpacked(pack(run), tmp_path / "elsewhere")
    assert checks(folder).returncode == 0
    (folder / "tables/runs.csv").write_bytes(b"run,valu_\n")
    found = checks(folder)
    assert found.returncode != 0 and "tables/runs.csv: FAILED" in found.stdout


def test_vectors_on_demand(run, tmp_path):
    folder = unpacked(pack(run, "--with-vectors"), tmp_path / "elsewhere")
    assert (folder / "embeddings/base/plain/eval_query.npy").read_bytes() == b"vectors"


def test_made_twice_it_is_the_same_and_not_in_itself(run):
    first = pack(run).read_bytes()
    assert pack(run).read_bytes() == first


def test_no_results(tmp_path, capsys):
    words = ["--results", str(tmp_path / "none"), "--out", str(tmp_path / "a.zip")]
    assert archive_results.main(words) == 2
    assert "holds no results" in capsys.readouterr().err
