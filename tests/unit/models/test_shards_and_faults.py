"""Shards join to the bytes of one run; broken images; GPU memory that runs out; adapters."""

import importlib.util
import json
import logging
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from gen2embed.errors import InputError
from gen2embed.files import load_embeddings, load_valid, write_parquet
from gen2embed.models.encoding.batching import batches_by_tokens
from gen2embed.models.encoding.blocks import Blocks
from gen2embed.models.encoding.encoder import encode, plan_items
from gen2embed.models.encoding.shards import shard_rows
from gen2embed.prompts.items import Item
from gen2embed.prompts.registry import get_prompt
from gen2embed.prompts.resolutions import get_resolution

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
NATIVE = get_resolution("native")


def program(name):
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


embed_items, merge_embeddings = program("embed_items"), program("merge_embeddings")


@pytest.fixture
def items(tmp_path):
    """23 items: texts, photos, and every third with both."""
    texts = ["red apple", "<|image_1|>\nwhich color", "tram and dog face and a tram"]
    rows = [
        (texts[i % 3] + " face" * (i % 5), f"{i // 3 % 6}.png" * (i % 3 == 1)) for i in range(23)
    ]
    frame = pd.DataFrame(rows, columns=["text", "image_path"])
    write_parquet(tmp_path / "items.parquet", frame.assign(item_id=range(23)))
    return tmp_path / "items.parquet"


def run(tiny, items, out, *more, images=None):
    flags = {
        "model": tiny.folder, "prompt": "user_only", "role": "query", "items": items,
        "image-root": images or tiny.images, "threads": 1, "window": 5, "token-budget": 300,
        "out": items.parent / out,
    }  # fmt: skip
    return embed_items.main([*(f"--{key}={value}" for key, value in flags.items()), *more])


def merge(items, out, *shards):
    paths = [str(items.parent / name) for name in shards]
    return merge_embeddings.main(["--shards", *paths, "--out", str(items.parent / out)])


@pytest.mark.parametrize("shards", [2, 3, 7])
def test_shards_join_to_the_bytes_of_one_run(tiny, items, shards):
    """Windows of 5 rows, 23 rows: 5 windows, so that of 7 shards two are empty."""
    assert run(tiny, items, "whole.npy") == 0
    names = [f"shard{one}.npy" for one in range(1, shards + 1)]
    for number, name in enumerate(names, start=1):
        assert run(tiny, items, name, f"--shard={number}/{shards}") == 0
    assert merge(items, "merged.npy", *names[::-1]) == 0
    for suffix in (".npy", ".json"):
        whole, merged = ((items.parent / f"{name}{suffix}") for name in ("whole", "merged"))
        assert whole.read_bytes() == merged.read_bytes()


def test_npy_files_are_numpys_own(tiny, items, tmp_path):
    run(tiny, items, "whole.npy")
    vectors = np.load(items.parent / "whole.npy")
    np.save(tmp_path / "again.npy", vectors)
    assert (tmp_path / "again.npy").read_bytes() == (items.parent / "whole.npy").read_bytes()


def test_shards_are_whole_windows_and_hold_every_row_once():
    for items, window, shards in ((23, 5, 3), (4, 8, 2), (100, 10, 10), (1, 1, 4)):
        rows = [shard_rows(items, window, one, shards) for one in range(1, shards + 1)]
        assert [row for part in rows for row in part] == list(range(items))
        assert all(part.start % window == 0 or part.start == items for part in rows)


def test_wrong_shards_are_one_line(tiny, items, capsys):
    for shard, said in (("0/2", "give 1/2 to 2/2"), ("3/2", "give 1/2"), ("x", "give I/N")):
        assert run(tiny, items, "out.npy", f"--shard={shard}") == 2
        assert said in capsys.readouterr().err
    run(tiny, items, "one.npy", "--shard=1/3")
    run(tiny, items, "three.npy", "--shard=3/3")
    capsys.readouterr()
    assert merge(items, "merged.npy", "one.npy", "three.npy") == 2
    assert "rows 5 to 15 are in no shard" in capsys.readouterr().err
    assert merge(items, "merged.npy", "one.npy") == 2
    assert "end at row 5 of 23" in capsys.readouterr().err
    assert not (items.parent / "merged.npy").exists()


@pytest.fixture
def broken(tmp_path):
    """A folder in which 2.png is cut off: its header is whole, its pixels are not."""
    folder = tmp_path / "broken"
    folder.mkdir()
    for number in range(6):
        Image.effect_noise((72, 72), 60).convert("RGB").save(folder / f"{number}.png")
    (folder / "2.png").write_bytes((folder / "2.png").read_bytes()[:2000])
    (folder / "5.png").unlink()
    return folder


@pytest.mark.parametrize("workers", [0, 1])
def test_unreadable_images_stop_or_are_recorded(tiny, items, broken, capsys, caplog, workers):
    """5.png is found missing before the model runs, 2.png broken when it is decoded."""
    frame = pd.read_parquet(items)
    bad = frame.index[frame["image_path"].isin(["2.png", "5.png"])].tolist()
    assert bad == [7, 16]
    assert run(tiny, items, "out.npy", f"--workers={workers}", images=broken) == 2
    assert "items.parquet: row" in capsys.readouterr().err
    assert not (items.parent / "out.npy").exists()
    flags = ("--skip-unreadable", f"--workers={workers}")
    assert run(tiny, items, "out.npy", *flags, images=broken) == 0
    vectors = load_embeddings(items.parent / "out.npy")  # checks lengths against the valid file
    valid = load_valid(items.parent / "out.npy", len(vectors))
    assert np.flatnonzero(~valid).tolist() == bad
    assert (vectors[bad] == 0).all()
    assert json.loads((items.parent / "out.json").read_text())["skipped_items"] == len(bad)
    assert all(f"row {row} skipped" in caplog.text for row in bad)
    Image.new("RGB", (72, 72)).save(broken / "2.png")
    Image.new("RGB", (72, 72)).save(broken / "5.png")
    assert run(tiny, items, "out.npy", *flags, images=broken) == 0
    assert not (items.parent / "out.valid.npy").exists()  # mended: nothing stale is left


def test_a_broken_pixel_names_row_and_file(tiny, items, broken, capsys):
    Image.new("RGB", (72, 72)).save(broken / "5.png")
    assert run(tiny, items, "out.npy", "--workers=1", images=broken) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if "not a readable" in line]
    row = pd.read_parquet(items)["image_path"].tolist().index("2.png")
    assert len(lines) == 1 and f"items.parquet: row {row}: " in lines[0] and "2.png" in lines[0]


def test_skipped_rows_survive_the_joining_of_shards(tiny, items, broken):
    run(tiny, items, "whole.npy", "--skip-unreadable", images=broken)
    for one in (1, 2):
        flags = ("--skip-unreadable", f"--shard={one}/2")
        assert run(tiny, items, f"s{one}.npy", *flags, images=broken) == 0
    merge(items, "merged.npy", "s1.npy", "s2.npy")
    for suffix in (".npy", ".valid.npy", ".json"):
        whole, merged = ((items.parent / f"{name}{suffix}") for name in ("whole", "merged"))
        assert whole.read_bytes() == merged.read_bytes()


PHRASES = ["a red apple", "tram", "dog face and tram", "waving hand"] * 6


class LittleMemory:
    """A backbone whose device holds batches of at most ``most`` items."""

    def __init__(self, backbone, most):
        self.backbone, self.most, self.seen = backbone, most, []

    def __getattr__(self, name):
        return getattr(self.backbone, name)

    def embed(self, batch):
        size = len(batch["input_ids"])
        if size > self.most:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        self.seen.append(size)
        return self.backbone.embed(batch)


def planned(backbone, images):
    items = [Item(text, "", "query") for text in PHRASES]
    return plan_items(backbone, items, get_prompt("plain"), NATIVE, images, 2048, "items")


def test_out_of_memory_halves_the_budget_and_goes_on(backbone, tiny, tmp_path, caplog):
    plan = planned(backbone, tiny.images)
    whole = encode(backbone, plan, NATIVE, 10_000, "cpu", "test")
    little = LittleMemory(backbone, most=5)
    blocks = Blocks(tmp_path / "x", save_seconds=0)
    with caplog.at_level(logging.WARNING, logger="gen2embed"):
        vectors = encode(little, plan, NATIVE, 10_000, "cpu", "test", blocks)
    assert (vectors * whole).sum(axis=1).min() > 0.9999
    assert sum(little.seen) == len(plan) and max(little.seen) <= 5
    assert "out of GPU memory; going on with" in caplog.text
    again = Blocks(tmp_path / "x", save_seconds=0)  # as if stopped at the very end: nothing to do
    never = LittleMemory(backbone, most=0)
    assert encode(never, plan, NATIVE, 10_000, "cpu", "t", again).tobytes() == vectors.tobytes()


def test_a_single_item_that_does_not_fit_is_one_line(backbone, tiny):
    little = LittleMemory(backbone, most=0)
    with pytest.raises(InputError, match=r"row \d+ alone .* does not fit"):
        encode(little, planned(backbone, tiny.images), NATIVE, 64, "cpu", "test")


def test_batches_stay_within_windows(backbone, tiny):
    plan = planned(backbone, tiny.images)
    batches = batches_by_tokens(plan, 10_000, window=7)
    assert [len(batch) for batch in batches] == [7, 7, 7, 3]
    assert all(len({one.row // 7 for one in batch}) == 1 for batch in batches)


@pytest.mark.parametrize("dora", [False, True])
def test_merged_or_not_an_adapter_gives_the_same_vectors(tiny, items, tmp_path, dora):
    from gen2embed.models.backbones import load_backbone
    from gen2embed.training.adapter import AdapterShape, add_adapter

    backbone = load_backbone(str(tiny.folder), None, "fp32", "cpu")
    torch.manual_seed(0)
    model = add_adapter(backbone, AdapterShape(rank=4, alpha=8, dropout=0.1, dora=dora))
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if "lora_B" in name:
                weights.normal_(0, 0.2)
    model.save_pretrained(tmp_path / "adapter")
    run(tiny, items, "base.npy")
    for out, flag in (("merged.npy", "--merge"), ("beside.npy", "--no-merge")):
        assert run(tiny, items, out, f"--adapter={tmp_path / 'adapter'}", flag) == 0
    base, merged, beside = (
        np.load(items.parent / f"{name}.npy") for name in ("base", "merged", "beside")
    )
    assert np.abs(merged - beside).max() < 1e-4
    assert np.abs(merged - base).max() > 1e-2  # the adapter does something


def test_the_vision_wrapper_is_a_flag(tiny, items):
    assert run(tiny, items, "bare.npy", "--no-vision-wrapper") == 0
    run(tiny, items, "wrapped.npy")
    bare, wrapped = (
        json.loads((items.parent / f"{name}.json").read_text()) for name in ("bare", "wrapped")
    )
    assert "vision_start" not in bare["rendered_example"] and bare["input"]["form"] == "authors"
    assert "<|vision_start|><|image_pad|><|vision_end|>" in wrapped["rendered_example"]
    assert wrapped["input"]["form"] == "stock"
    run(tiny, items, "form.npy", "--input-form=authors")
    files = [items.parent / name for name in ("bare.npy", "form.npy", "wrapped.npy")]
    one, same, other = (path.read_bytes() for path in files)
    assert one == same != other
    assert run(tiny, items, "no.npy", "--input-form=authors", "--vision-wrapper") == 2
