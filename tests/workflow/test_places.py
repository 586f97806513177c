"""Where a project may lie: an odd path, results on another disk; and who may not write there."""

import os
import subprocess
import sys

import pandas as pd
import pytest

from gen2embed.files import load_embeddings, write_parquet
from unit.tiny import metadata, photos, tiny  # noqa: F401  (fixtures)
from workflow.conftest import ROOT, copy_project

TARGETS = ("results/ci/config.yaml", "results/ci/tables/published_audit.md")
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


def test_an_odd_path_and_results_on_another_disk(tmp_path):
    """A space, an apostrophe and a letter beyond ASCII; results/ is a link, and stays one."""
    place, scratch = tmp_path / "user's würk folder", tmp_path / "scratch disk"
    place.mkdir()
    scratch.mkdir()
    project = copy_project(place)
    for path in (place / "results").rglob("*"):
        path.unlink()
    (place / "results").rmdir()
    (place / "results").symlink_to(scratch)
    words = ("--configfile", "configs/ci.yaml", "--", *TARGETS)
    project.snakemake(*words)
    assert (place / "results").is_symlink() and (scratch / "ci" / "config.yaml").is_file()
    assert "Nothing to be done" in project.snakemake(*words)


def as_nobody(*words):
    """A Python program as a user without a home, who may write nowhere but in temporary folders."""
    if os.geteuid() or subprocess.run([*NOBODY, "true"], capture_output=True).returncode:
        pytest.skip("becoming another user needs root")
    kept = {key: value for key, value in os.environ.items() if key not in ("MPLCONFIGDIR",)}
    return subprocess.run(
        [*NOBODY, sys.executable, *words],
        text=True, capture_output=True, cwd="/", env=kept | {"HOME": "/nonexistent"},
    )  # fmt: skip


@pytest.mark.slow
def test_a_map_is_made_where_no_cache_can_be_written():
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'scripts')!r}); import numpy as np; "
        "from gen2embed.reporting.figures.embedding_space import flatten; "
        "rows = np.random.default_rng(0).normal(size=(20, 8)).astype('float32'); "
        "print(flatten(rows, 0).shape)"
    )
    done = as_nobody("-c", code)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == "(20, 2)"


@pytest.mark.slow
def test_model_items_and_images_that_may_only_be_read(tiny, tmp_path):  # noqa: F811
    """Embedding writes nowhere but to its outputs: nothing beside the model, none at home."""
    items = pd.DataFrame({"item_id": range(3), "text": ["a", "b", ""]})
    write_parquet(tmp_path / "items.parquet", items.assign(image_path=["", "0.png", "1.png"]))
    (tmp_path / "items.parquet").chmod(0o644)
    out = tmp_path / "out"
    out.mkdir(mode=0o777)
    out.chmod(0o777)
    for folder in (tmp_path, tmp_path.parent, tmp_path.parents[1], tiny.folder.parent):
        folder.chmod(0o755)  # pytest's own, which only this user may enter
    for path in tiny.folder.iterdir():
        path.chmod(0o644)
    before = {path: path.stat().st_mtime_ns for path in tiny.folder.rglob("*")}
    done = as_nobody(
        str(ROOT / "scripts" / "embed_items.py"), f"--model={tiny.folder}", "--prompt=plain",
        f"--items={tmp_path / 'items.parquet'}", f"--image-root={tiny.images}", "--role=target",
        "--device=cpu", "--threads=1", "--resolution=native", "--dtype=fp32", f"--out={out}/v.npy",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(load_embeddings(out / "v.npy")) == 3
    assert {path: path.stat().st_mtime_ns for path in tiny.folder.rglob("*")} == before
