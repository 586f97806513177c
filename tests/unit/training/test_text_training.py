"""Text-only chat models fine-tuned: which modules, the same gradients when cached, and back."""

import json
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch

import embed_items
import train_adapter
from gen2embed.files import write_parquet
from gen2embed.mining.clusters import ClusterTable, write_clusters
from gen2embed.models.backbones import load_backbone
from gen2embed.models.encoding.encoder import plan_items
from gen2embed.models.shortcuts.prefix import narrow_to_last_token
from gen2embed.prompts.items import Item
from gen2embed.prompts.registry import get_prompt
from gen2embed.prompts.resolutions import get_resolution
from gen2embed.training.adapter import AdapterShape, add_adapter
from gen2embed.training.caching import encode_chunks
from gen2embed.training.loss import info_nce
from gen2embed.training.pairs import PairCollator
from unit.text_models import TEXT_KINDS, save_gguf, save_text_model

NATIVE = get_resolution("native")
TEXTS = ["tram", "a red apple", "dog, dog, dog", "which color?", "x", "a hand in an image"]


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", params=TEXT_KINDS)
def folder(request, tmp_path_factory):
    return save_text_model(request.param, tmp_path_factory.mktemp(request.param))


def adapted(folder, dora, dropout=0.0):
    torch.manual_seed(0)
    backbone = load_backbone(str(folder), None, "fp32", "cpu")
    model = add_adapter(backbone, AdapterShape(2, 16, dropout, dora))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:  # zeros would hide A's gradients
            torch.nn.init.normal_(parameter, std=0.1)
    return backbone, model


def gradients(backbone, model, chunk, caching):
    items = [Item(text, "", "query") for text in TEXTS]
    planned = plan_items(backbone, items, get_prompt("hierarchical"), NATIVE, "", 256, "items")
    ids = np.arange(len(TEXTS))
    collate = PairCollator(
        backbone, ids, ids[::-1].copy(), planned, planned, NATIVE, processes=1, mode="clusters",
        positives=None, chunk=chunk, token_budget=0,
    )  # fmt: skip
    batch = collate([([ids], 0)])["batch"]
    torch.manual_seed(3)  # dropout
    model.train()
    model.zero_grad()

    def encode(chunk):
        hidden = backbone.last_hidden(dict(chunk)).float()
        return torch.nn.functional.normalize(hidden, dim=-1)

    ready = partial(backbone.to_device, device="cpu")
    queries, targets = (
        encode_chunks(encode, map(ready, side.chunks), side.order, caching)
        for side in (batch.query, batch.target)
    )
    loss = info_nce(queries, targets, 0.1, batch.own, batch.excluded)
    loss.backward()
    found = [p.grad.flatten().clone() for p in model.parameters() if p.requires_grad]
    return loss.item(), torch.cat(found)


@pytest.mark.parametrize("dora", [False, True])
def test_cached_in_chunks_the_gradients_are_those_of_the_whole_batch(folder, dora):
    backbone, model = adapted(folder, dora)
    trained = {name.split(".lora_")[0] for name, p in model.named_parameters() if p.requires_grad}
    ours = {f"{one.rpartition('.')[2]}" for one in trained}
    assert ours == {"q_proj", "k_proj", "v_proj", "o_proj", "down_proj"}
    assert len(trained) == 3 * 5  # of every layer
    loss, plain = gradients(backbone, model, chunk=6, caching=False)
    assert plain.norm() > 1e-4
    narrow_to_last_token(backbone.language_layers()[-1])
    cached_loss, cached = gradients(backbone, model, chunk=2, caching=True)
    assert cached_loss == pytest.approx(loss, rel=1e-5)
    assert (cached - plain).norm() < 1e-4 * plain.norm()


def test_caching_draws_the_same_dropout(folder):
    backbone, model = adapted(folder, True, dropout=0.3)
    _, plain = gradients(backbone, model, chunk=2, caching=False)
    _, cached = gradients(backbone, model, chunk=2, caching=True)
    assert (cached - plain).norm() < 1e-5 * plain.norm()


@pytest.fixture
def job(tmp_path):
    """Six pairs of three queries and targets in one cluster; the flags of a training."""
    items = pd.DataFrame({"item_id": range(3), "text": TEXTS[:3], "image_path": [""] * 3})
    for side in ("query", "target"):
        write_parquet(tmp_path / f"{side}.parquet", items)
    ids = np.arange(6)
    pairs = pd.DataFrame({"pair_id": ids, "query_id": ids % 3, "target_id": (ids + ids // 3) % 3})
    write_parquet(tmp_path / "pairs.parquet", pairs, {"subset": "Toy"})
    table = ClusterTable(
        anchor_pair=np.array([0, 3]), phase=np.ones(2, dtype=np.int8), starts=np.array([0, 2, 4]),
        negative_pairs=np.array([1, 2, 4, 5]), hardness=np.zeros(4), overlap=np.zeros(4),
    )  # fmt: skip
    write_clusters(tmp_path / "clusters.parquet", table, {"strategy": "hns"})
    return {
        "prompt": "hierarchical", "pairs": [str(tmp_path / "pairs.parquet")],
        "clusters": [str(tmp_path / "clusters.parquet")],
        "query_items": str(tmp_path / "query.parquet"),
        "target_items": str(tmp_path / "target.parquet"),
        "image_root": str(tmp_path), "resolution": "native", "max_tokens": 256, "seed": 0,
        "steps": 3, "save_adapters_at": [], "pairs_per_batch": 6, "chunk": 2, "caching": True,
        "temperature": 0.1, "mask_duplicates": True, "rate": 0.01, "warm_up": 1, "rank": 2,
        "alpha": 16, "dropout": 0.0, "dora": True, "threads": 1, "save_every": 2,
        "partial": str(tmp_path / "partial"), "out": str(tmp_path / "adapter"),
    }  # fmt: skip


def test_the_programs_train_and_embed_with_the_adapter(folder, job, tmp_path):
    """The same vectors merged and beside; other ones than the untouched model's."""
    (tmp_path / "job.json").write_text(json.dumps([{**job, "model": str(folder)}]))
    assert train_adapter.main(["--job-list", str(tmp_path / "job.json")]) == 0
    card = json.loads((tmp_path / "adapter" / "card.json").read_text())
    assert card["pixel_limits"] is None and card["settings"]["caching"] is True
    common = [
        *("--model", str(folder), "--prompt", "hierarchical", "--role", "query", "--threads", "1"),
        *("--items", job["query_items"], "--image-root", str(tmp_path)),
    ]
    adapter = ["--adapter", job["out"]]
    found = {}
    for name, more in (("plain", []), ("merged", adapter), ("beside", [*adapter, "--no-merge"])):
        out = str(tmp_path / f"{name}.npy")
        assert embed_items.main([*common, *more, "--out", out]) == 0
        found[name] = np.load(out)
    assert (found["merged"] * found["beside"]).sum(1).min() > 0.9999
    assert (found["merged"] * found["plain"]).sum(1).min() < 0.9999


def test_a_gguf_file_is_trained_like_a_folder(job, tmp_path):
    path = save_gguf("llama", tmp_path / "tiny.gguf")
    (tmp_path / "job.json").write_text(json.dumps([{**job, "model": str(path)}]))
    assert train_adapter.main(["--job-list", str(tmp_path / "job.json")]) == 0
    assert (tmp_path / "adapter" / "adapter_model.safetensors").is_file()
