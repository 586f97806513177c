"""embed_items.py as a user runs it, on the tiny model."""

import importlib.util
import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageOps

from gen2embed.files import write_parquet
from gen2embed.models import embedding

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "embed_items.py"
spec = importlib.util.spec_from_file_location("embed_items", SCRIPT)
embed_items = importlib.util.module_from_spec(spec)
sys.modules["embed_items"] = embed_items
spec.loader.exec_module(embed_items)
KEYS = {
    *(
        "model",
        "model_digest",
        "revision",
        "adapter",
        "adapter_digest",
        "trained_on",
        "backbone",
        "prompt",
    ),
    *(
        "vectors_sha256",
        "role",
        "rendered_example",
        "rendered_example_text_only",
        "resolution",
        "max_tokens",
    ),
    *("rendered_query", "rendered_target", "input", "pixel_limits", "round_vectors"),
    *("truncated_items", "skipped_items", "dtype", "items", "items_digest", "dim", "versions"),
}


@pytest.fixture
def items(tmp_path):
    frame = pd.DataFrame(
        {
            "item_id": range(3),
            "text": ["<|image_1|>\nred?", "tram", "<|image_1|>"],
            "image_path": ["0.png", "", "wide.png"],
        }
    )
    write_parquet(tmp_path / "items.parquet", frame)
    return tmp_path / "items.parquet"


def run(tiny, path, out="out.npy", **changed):
    flags = {
        "model": tiny.folder, "prompt": "hierarchical", "role": "query", "items": path,
        "image-root": tiny.images, "threads": 2, "out": path.parent / out,
    } | {key.replace("_", "-"): value for key, value in changed.items()}  # fmt: skip
    return embed_items.main([f"--{key}={value}" for key, value in flags.items()])


def test_vectors_and_manifest(tiny, items):
    assert run(tiny, items) == 0
    vectors = np.load(items.parent / "out.npy", mmap_mode="r", allow_pickle=False)
    assert vectors.shape == (3, 32) and vectors.dtype == np.float32
    manifest = json.loads((items.parent / "out.json").read_text())
    assert set(manifest) == KEYS
    assert manifest["rendered_example"].startswith("<|im_start|>system\nGiven an image,")
    assert manifest["rendered_example_text_only"].endswith(
        "tram\nRepresent the given text in one word.<|im_end|>\n<|im_start|>assistant\n"
    )
    assert (manifest["items"], manifest["dim"], manifest["truncated_items"]) == (3, 32, 0)


def test_two_runs_and_a_job_list_agree_to_the_byte(tiny, items):
    run(tiny, items)
    run(tiny, items, "again.npy")
    jobs = items.parent / "jobs.json"
    common = {"model": str(tiny.folder), "role": "query", "image_root": str(tiny.images)}
    common |= {"items": str(items), "threads": 2}
    listed = [
        {**common, "prompt": "plain", "out": str(items.parent / "plain.npy")},
        {**common, "prompt": "hierarchical", "out": str(items.parent / "listed.npy")},
    ]
    jobs.write_text(json.dumps(listed))
    assert embed_items.main(["--job-list", str(jobs)]) == 0
    first = (items.parent / "out.npy").read_bytes()
    assert (items.parent / "again.npy").read_bytes() == first
    assert (items.parent / "listed.npy").read_bytes() == first
    assert (items.parent / "plain.npy").read_bytes() != first


def test_the_role_column_wins_over_the_flag(tiny, items):
    run(tiny, items)
    frame = pd.read_parquet(items).assign(role=["target", "query", "target"])
    write_parquet(items, frame)
    run(tiny, items, "mixed.npy")
    run(tiny, items, "still.npy", role="target")
    one, mixed, still = (
        np.load(items.parent / f"{name}.npy") for name in ("out", "mixed", "still")
    )
    assert (mixed == still).all()
    assert (np.abs(one - mixed).max(axis=1) > 1e-4).tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"prompt": "nonesuch"}, "unknown prompt 'nonesuch'"),
        ({"resolution": "nonesuch"}, "unknown resolution 'nonesuch'"),
        ({"items": "gone.parquet"}, "gone.parquet: no such file"),
        ({"model": "/no/model"}, "no model folder"),
        ({"adapter": "/no/adapter"}, "/no/adapter: no adapter of this model"),
        ({"device": "cuda:7"}, "device 'cuda:7' is not available"),
        ({"image_root": "/nowhere"}, "row 0: /nowhere/0.png: no such image"),
    ],
)
def test_bad_input_is_one_line_and_no_output(tiny, items, capsys, change, said):
    assert run(tiny, items, **change) == 2
    error = capsys.readouterr().err.splitlines()
    error = [line for line in error if line and "weights" not in line]  # the loader's bar
    assert len(error) == 1 and said in error[0]
    assert not (items.parent / "out.npy").exists() and not (items.parent / "out.json").exists()


def test_ids_out_of_order_are_refused(tiny, items, capsys):
    write_parquet(items, pd.read_parquet(items).iloc[::-1].reset_index(drop=True))
    assert run(tiny, items) == 2
    assert "item_id must be 0, 1, 2" in capsys.readouterr().err


class Killed(BaseException):
    """As SIGKILL: nobody catches it."""


def job_list(folder, tiny, items, names=("a", "b", "c"), **changed):
    common = {
        "model": str(tiny.folder), "role": "query", "image_root": str(tiny.images),
        "items": str(items), "threads": 1, "partial": str(folder / "partial"),
        "prompt": "hierarchical", "token_budget": 1,
    } | changed  # fmt: skip
    jobs = [{**common, "max_tokens": 200 + at, "out": str(folder / f"{name}.npy")}
            for at, name in enumerate(names)]  # fmt: skip
    (folder / "jobs.json").write_text(json.dumps(jobs))
    return ["--job-list", str(folder / "jobs.json")]


def test_a_killed_list_loses_no_finished_file(tiny, items, tmp_path, monkeypatch):
    """Snakemake deletes the outputs of a killed job: the blocks give them back."""
    words = job_list(tmp_path, tiny, items)
    assert embed_items.main(words) == 0
    assert not list((tmp_path / "partial").glob("*"))
    wanted = [(tmp_path / f"{name}.npy").read_bytes() for name in "abc"]
    write = embedding.write_embeddings

    def killed_at_the_third(path, *rest):
        if Path(path).name == "c.npy":
            raise Killed
        write(path, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(embedding, "write_embeddings", killed_at_the_third)
        with pytest.raises(Killed):
            embed_items.main(words)
    for name in "abc":
        (tmp_path / f"{name}.npy").unlink(missing_ok=True)
    assert embed_items.main(words) == 0
    assert [(tmp_path / f"{name}.npy").read_bytes() for name in "abc"] == wanted
    records = [json.loads((tmp_path / f"{name}.run.json").read_text()) for name in "abc"]
    assert [record["resumed_batches"] for record in records] == [3, 3, 3]
    assert not list((tmp_path / "partial").glob("*"))


@pytest.mark.parametrize(
    "what", ["image", "same size and time", "processor", "tokenizer", "items", "code", "nothing"]
)
def test_what_changed_since_the_kill_is_embedded_anew(tiny, items, tmp_path, monkeypatch, what):
    model, images = tmp_path / "model", tmp_path / "images"
    shutil.copytree(tiny.folder, model)
    shutil.copytree(tiny.images, images)
    own = {"model": str(model), "image_root": str(images)}
    words = job_list(tmp_path, tiny, items, ("a",), **own)

    def killed(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(embedding, "write_embeddings", killed)
        with pytest.raises(Killed):
            embed_items.main(words)
    if what in ("image", "same size and time"):
        path = images / "0.png"
        before = path.stat()
        ImageOps.invert(Image.open(path).convert("RGB")).save(path)
        if what == "same size and time":
            path.write_bytes(path.read_bytes()[: before.st_size].ljust(before.st_size, b"\0"))
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif what in ("processor", "tokenizer"):
        name = {"processor": "processor_config.json", "tokenizer": "tokenizer_config.json"}[what]
        path = model / name
        path.write_text(path.read_text() + " ")
    elif what == "items":
        frame = pd.read_parquet(items)
        write_parquet(items, frame.assign(text=frame["text"] + " tram"))
    elif what == "code":
        monkeypatch.setattr(embedding, "digest_of_program", lambda _: "another")
    assert embed_items.main(words) == 0
    record = json.loads((tmp_path / "a.run.json").read_text())
    assert record["resumed_batches"] == (3 if what == "nothing" else 0)
    fresh = job_list(tmp_path, tiny, items, ("fresh",), **own, partial=str(tmp_path / "elsewhere"))
    assert embed_items.main(fresh) == 0
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "fresh.npy").read_bytes()


@pytest.mark.parametrize("where", ["../outside.png", "{outside}", "link.png", "pipe"])
@pytest.mark.parametrize("resolution", ["native", "mmeb_eval"])
def test_an_image_out_of_its_root(tiny, items, tmp_path, capsys, where, resolution):
    root = tmp_path / "images"
    shutil.copytree(tiny.images, root)
    outside = shutil.copy(root / "0.png", tmp_path / "outside.png")
    (root / "link.png").symlink_to(outside)
    os.mkfifo(root / "pipe")
    frame = pd.read_parquet(items)
    frame.loc[1, "image_path"] = where.format(outside=outside)
    write_parquet(items, frame)
    assert run(tiny, items, image_root=root, resolution=resolution) == 2
    said = capsys.readouterr().err.splitlines()
    assert "items.parquet: row 1: " in said[-1] and not (tmp_path / "out.npy").exists()
