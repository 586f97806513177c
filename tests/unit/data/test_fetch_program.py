"""fetch_data.py as a user runs it: from the served hub and from a local copy of it."""

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from huggingface_hub import constants

from gen2embed.files import digest_file, read_json
from hub_server import commit_of
from mmeb_layout import COCO, EVAL_REPO, MISSING_IMAGES, SPLITS, TRAIN_REPO, write_zip

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "fetch_data.py"
spec = importlib.util.spec_from_file_location("fetch_data", SCRIPT)
fetch_data = importlib.util.module_from_spec(spec)
sys.modules["fetch_data"] = fetch_data
spec.loader.exec_module(fetch_data)
FEW = ["--train-subsets", "ImageNet_1K", "--eval-sets", "ImageNet-1K", "--compositions"]


def words(folder, *flags):
    return ["--out", str(folder / "data"), "--store", str(folder / "store"), *flags]


def served(hub, published):
    """Flags that lead all addresses to the small hub."""
    digest = digest_file(published / COCO / "val2017.zip")
    return [
        *("--mirror", f"https://raw.githubusercontent.com={hub.url}/plain"),
        f"http://images.cocodataset.org/zips={hub.url}/plain/coco",
        *("--revisions", f"{COCO}=sha256:{digest}", "--tries", "2", "--pause", "0.01"),
    ]


def tree(folder):
    """Digest of every file, links followed; the lock and the credits name the source."""
    return {
        str(Path(where, name).relative_to(folder)): digest_file(Path(where, name))
        for where, _, names in os.walk(folder, followlinks=True)
        for name in names
        if name not in ("revisions.lock.json", "README.md")
    }


@pytest.fixture(scope="module")
def local(published, tmp_path_factory):
    """Everything, from the local copy, both splits."""
    folder = tmp_path_factory.mktemp("local")
    flags = words(folder, "--source", str(published), "--train-splits", *SPLITS)
    assert fetch_data.main(flags) == 0
    return folder / "data"


def test_the_contract_of_the_data(local):
    register = pd.read_csv(local / "datasets.csv", keep_default_na=False)
    assert register["part"].value_counts().to_dict() == {"train": 20, "eval": 36}
    assert set(register["rows"]) == {8, 4}
    train = pd.read_parquet(local / "train/VisDial/diverse_instruction-00001-of-00002.parquet")
    assert list(train) == ["qry", "qry_image_path", "pos_text", "pos_image_path"]
    assert train["qry"].str.startswith("Say what this shows").all() and len(train) == 4
    assert not list(local.glob("train/*/train-*")) and not list(local.glob("*/CIFAR-100"))
    for part, sets in register.groupby("part"):
        assert sorted(path.name for path in (local / part).iterdir()) == sorted(
            [*sets["name"], "images"]
        )


def test_every_path_of_the_rows_resolves_that_a_zip_holds(local):
    paths = set()
    for path in local.glob("train/*/*.parquet"):
        rows = pd.read_parquet(path)
        assert not rows.isna().any(axis=None)
        paths |= {f"train/{one}" for column in ("qry_image_path", "pos_image_path")
                  for one in rows[column] if one}  # fmt: skip
    for path in local.glob("eval/*/*.parquet"):
        rows = pd.read_parquet(path)
        listed = [*rows["qry_img_path"], *(one for many in rows["tgt_img_path"] for one in many)]
        paths |= {f"eval/{one}" for one in listed if one}
    for path in local.glob("composition/sugarcrepe/*.json"):
        paths |= {f"composition/images/{row['filename']}" for row in read_json(path).values()}
    assert len(paths) > 300
    assert {one for one in paths if not (local / one).is_file()} == set(MISSING_IMAGES)


def test_no_forks_and_no_cifar_are_extracted(local):
    names = [one for one in tree(local) if "/images/" in one]
    assert names and not [one for one in names if "/._" in one or "CIFAR" in one or "MACOSX" in one]


def test_the_hub_gives_the_same_as_a_local_copy(hub, published, local, tmp_path):
    """Once as a user does it, with the environment: HF_ENDPOINT, HF_HOME, HF_TOKEN."""
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("HF_")},
        **{"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), "HF_TOKEN": "hf_secret"},
    }
    flags = words(tmp_path, *served(hub, published), "--train-splits", *SPLITS)
    hub.faults["SUN397.zip"] = [None, ("corrupt",)]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *flags], env=environment, text=True, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    assert tree(tmp_path / "data") == tree(local)
    assert "to download: 3" in done.stderr and "fetch: 100%" in done.stderr
    assert "SUN397.zip: its SHA-256 is not the one announced; try 2 of 2" in done.stderr
    assert "secret" not in done.stderr + done.stdout
    lock = read_json(tmp_path / "data" / "revisions.lock.json")
    assert lock[EVAL_REPO]["revision"] == commit_of(EVAL_REPO) and len(lock) == 5
    assert lock[COCO]["files"] == {"val2017.zip": digest_file(published / COCO / "val2017.zip")}
    assert not list((tmp_path / "home").rglob("*.part"))
    offline = environment | {"HF_HUB_OFFLINE": "1", "HF_ENDPOINT": "http://127.0.0.1:9"}
    shutil.rmtree(tmp_path / "store")
    shutil.rmtree(tmp_path / "data" / "train")
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *flags], env=offline, text=True, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    assert tree(tmp_path / "data") == tree(local)


@pytest.fixture
def at_home(hub, published, tmp_path, monkeypatch):
    """run(*flags): in this process, with a cache and an address of its own."""
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "home" / "hub"))
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    template = f"{hub.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)

    def run(*flags):
        return fetch_data.main(words(tmp_path, *served(hub, published), *flags))

    return SimpleNamespace(run=run, folder=tmp_path, hub=hub)


def test_only_what_is_asked_for_is_fetched(at_home):
    assert at_home.run(*FEW) == 0
    fetched = {one.path.split("/lfs/")[1] for one in at_home.hub.requests if "/lfs/" in one.path}
    assert fetched == {
        f"{TRAIN_REPO}/ImageNet_1K/diverse_instruction-00000-of-00001.parquet",
        f"{TRAIN_REPO}/images_zip/ImageNet_1K.zip",
        f"{EVAL_REPO}/ImageNet-1K/test-00000-of-00001.parquet",
        f"{EVAL_REPO}/images.zip",
    }


def test_a_zip_that_was_extracted_is_not_needed_again(at_home):
    assert at_home.run(*FEW) == 0
    shutil.rmtree(at_home.folder / "home")
    at_home.hub.requests.clear()
    assert at_home.run(*FEW) == 0
    assert not at_home.hub.asked(".zip") and at_home.hub.asked(".parquet")


def test_a_branch_that_moves_on_changes_nothing(at_home, capsys):
    assert at_home.run(*FEW) == 0
    first = commit_of(TRAIN_REPO)
    at_home.hub.commits[TRAIN_REPO] = commit_of("later")
    lock = at_home.folder / "data" / "revisions.lock.json"
    at_home.run(*FEW)  # the old commit is gone from this hub: only the lock asks for it
    assert f"{TRAIN_REPO} at {first}: the hub has no such revision" in capsys.readouterr().err
    assert at_home.run(*FEW, "--revisions", f"{TRAIN_REPO}={commit_of('later')}") == 2
    said = capsys.readouterr().err
    assert f"locks {first}, but this is {commit_of('later')}; to go over to it" in said
    assert said.count("\n") == 1
    later = ["--revisions", f"{TRAIN_REPO}={commit_of('later')}", "--accept-revisions"]
    assert at_home.run(*FEW, *later) == 0
    assert read_json(lock)[TRAIN_REPO]["revision"] == commit_of("later")


def test_the_plan_writes_nothing(at_home, capsys, published):
    assert at_home.run(*FEW, "--plan") == 0
    planned = json.loads(capsys.readouterr().out)
    size = (published / EVAL_REPO / "images.zip").stat().st_size
    rows = (published / EVAL_REPO / "ImageNet-1K/test-00000-of-00001.parquet").stat().st_size
    assert planned[EVAL_REPO] == {
        **{"revision": commit_of(EVAL_REPO), "files": 2, "bytes": size + rows},
        **{"to_fetch": size + rows, "to_download": size + rows},
        **{"to_extract": size, "to_write": rows},
    }
    assert not (at_home.folder / "data" / "datasets.csv").exists()
    assert not at_home.hub.asked(".zip")


def test_the_disk_is_asked_first(at_home, capsys, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    assert at_home.run(*FEW) == 2
    said = capsys.readouterr().err
    assert "are needed on this disk, 1.0 kB are free; make room, move the cache (HF_HOME)" in said
    assert not at_home.hub.asked(".zip")


def test_one_fault_ends_all_and_keeps_what_came(at_home, capsys):
    at_home.hub.faults["ImageNet_1K.zip"] = [("status", 404)] * 9
    assert at_home.run(*FEW, "--workers", "1") == 2
    err = capsys.readouterr().err.strip().splitlines()[-1]
    assert err.startswith(f"fetch_data: {TRAIN_REPO}: images_zip/ImageNet_1K.zip: the server answ")
    assert not (at_home.folder / "data" / "datasets.csv").exists()


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda root: shutil.rmtree(root / TRAIN_REPO), "TIGER-Lab/MMEB-train: no such folder"),
        (lambda root: shutil.rmtree(root / TRAIN_REPO / "CIRR"), "has no file CIRR/diverse_instr"),
        (lambda root: (root / EVAL_REPO / "images.zip").unlink(), "has no file images.zip"),
        (
            lambda root: (root / EVAL_REPO / "images.zip").write_bytes(b"no zip"),
            "images.zip: is not a readable zip",
        ),
        (
            lambda root: (root / EVAL_REPO / "images.zip").write_text(
                "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
            ),
            "images.zip: is a git-lfs pointer, not the file; run git lfs pull",
        ),
        (
            lambda root: write_zip(root / EVAL_REPO / "images.zip", {"../out.png": b""}),
            "TIGER-Lab/MMEB-eval: images.zip: member '../out.png' leads out of its folder",
        ),
        (
            lambda root: next((root / EVAL_REPO / "GQA").iterdir()).write_bytes(b"PAR1"),
            "is not a readable parquet file",
        ),
    ],
)
def test_a_broken_copy_is_one_line(mmeb, tmp_path, capsys, break_it, said):
    break_it(mmeb)
    assert fetch_data.main(words(tmp_path / "out", "--source", str(mmeb))) == 2
    [line] = [one for one in capsys.readouterr().err.splitlines() if one.startswith("fetch_data:")]
    assert said in line
    assert not (tmp_path / "out" / "data" / "datasets.csv").exists()


def test_a_copy_says_its_revision_where_the_client_wrote_it_down(mmeb, tmp_path, capsys):
    for name, commit in (("README.md", "c0ffee"), ("images.zip", "c0ffee")):
        note = mmeb / EVAL_REPO / ".cache/huggingface/download" / f"{name}.metadata"
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(f"{commit}\netag\n0\n")
    flags = words(tmp_path, "--source", str(mmeb), "--train-subsets")
    assert fetch_data.main([*flags, "--compositions"]) == 0
    lock = tmp_path / "data" / "revisions.lock.json"
    assert read_json(lock)[EVAL_REPO]["revision"] == "c0ffee"
    note.write_text("decade\netag\n0\n")
    assert fetch_data.main([*flags, "--compositions"]) == 2
    assert "holds files of 2 revisions (c0ffee, decade)" in capsys.readouterr().err


def test_a_copy_without_a_revision_is_held_by_its_digests(mmeb, tmp_path, capsys):
    flags = words(tmp_path, "--source", str(mmeb), *FEW)
    assert fetch_data.main(flags) == 0
    assert fetch_data.main(flags) == 0
    archive = mmeb / TRAIN_REPO / "images_zip" / "ImageNet_1K.zip"
    archive.write_bytes(archive.read_bytes() + b" ")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert fetch_data.main(flags) == 2
    said = capsys.readouterr().err
    assert "images_zip/ImageNet_1K.zip" in said and f"but this is {digest}" in said


def test_wrong_flags_are_one_line(tmp_path, capsys):
    for flags, said in [
        (["--train-subsets", "--eval-sets", "--compositions"], "no data set is asked for"),
        (["--train-subsets", "Flag"], "unknown train data set 'Flag'"),
        (["--revisions", "x"], "--revisions x: write it as NAME=VALUE"),
        (["--workers", "0"], "--workers is 0; give at least 1"),
    ]:
        assert fetch_data.main(words(tmp_path, "--source", str(tmp_path), *flags)) == 2
        assert said in capsys.readouterr().err
