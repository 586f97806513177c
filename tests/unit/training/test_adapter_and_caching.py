"""The adapter starts as the untouched model; caching changes memory, not gradients."""

import numpy as np
import pytest
import torch

from gen2embed.models.encoder import plan_items
from gen2embed.models.items import Item
from gen2embed.models.prompts import get_prompt
from gen2embed.models.resolutions import get_resolution
from gen2embed.training.adapter import AdapterShape, add_adapter
from gen2embed.training.caching import encode_chunks
from gen2embed.training.loss import info_nce
from gen2embed.training.pairs import PairCollator

TEXTS = ["tram", "a red apple here", "dog", "<|image_1|>\nflag?", "<|image_1|>", "hand hand hand"]
IMAGES = ["", "", "", "0.png", "wide.png", ""]


def collator(backbone, tiny, chunk):
    native = get_resolution("native")
    items = [
        Item(text=text, image_path=image, role="query")
        for text, image in zip(TEXTS, IMAGES, strict=True)
    ]
    planned = plan_items(
        backbone, items, get_prompt("hierarchical"), native, tiny.images, 256, "items"
    )
    ids = np.arange(len(TEXTS))
    return PairCollator(backbone, ids, ids[::-1].copy(), planned, planned, native, chunk)


def encode(backbone):
    def vectors(chunk):
        hidden = backbone.last_hidden(dict(chunk)).float()
        return torch.nn.functional.normalize(hidden, dim=-1)

    return vectors


def gradients(backbone, model, batch, caching):
    torch.manual_seed(3)  # dropout
    model.train()
    model.zero_grad()
    queries, targets = (
        encode_chunks(encode(backbone), batch[side]["chunks"], batch[side]["order"], caching)
        for side in ("query", "target")
    )
    loss = info_nce(queries, targets, 0.1, batch["target_ids"])
    loss.backward()
    found = {name: p.grad.clone() for name, p in model.named_parameters() if p.requires_grad}
    return loss.item(), found


@pytest.mark.parametrize("dora", [False, True])
def test_the_adapter_starts_as_the_untouched_model(backbone, tiny, dora):
    batch = collator(backbone, tiny, 3)([np.arange(6)])
    chunk = batch["query"]["chunks"][0]
    with torch.no_grad():
        before = backbone.last_hidden(dict(chunk))
        model = add_adapter(backbone, AdapterShape(2, 16, 0.1, dora)).eval()
        after = backbone.last_hidden(dict(chunk))
    torch.testing.assert_close(after, before, rtol=1e-5, atol=1e-5)
    trained = [name for name, p in model.named_parameters() if p.requires_grad]
    assert trained and all("lora_" in name for name in trained)
    assert not any("visual" in name for name in trained)


@pytest.mark.parametrize("dora", [False, True])
def test_caching_gives_the_gradients_of_the_whole_batch(backbone, tiny, dora):
    """With dropout on: the second encoding of a chunk must draw what the first one drew."""
    torch.manual_seed(0)
    model = add_adapter(backbone, AdapterShape(2, 16, 0.3, dora))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:  # zeros would hide A's gradients
            torch.nn.init.normal_(parameter, std=0.1)
    batch = collator(backbone, tiny, 2)([np.arange(6)])
    assert len(batch["query"]["chunks"]) == 3
    loss, plain = gradients(backbone, model, batch, caching=False)
    cached_loss, cached = gradients(backbone, model, batch, caching=True)
    assert cached_loss == pytest.approx(loss, rel=1e-6)
    assert sum(grad.abs().sum() for grad in plain.values()) > 0
    for name, grad in plain.items():
        torch.testing.assert_close(cached[name], grad, rtol=1e-5, atol=1e-7, msg=name)


def test_chunks_cover_the_batch_and_order_leads_back(backbone, tiny):
    """Cut into chunks of any size, vector i is pair i's: the batch is the one of whole items."""
    backbone.model.eval()
    found = []
    for chunk in (1, 2, 6):
        batch = collator(backbone, tiny, chunk)([np.array([4, 0]), np.array([3])])
        side = batch["query"]
        with torch.no_grad():
            found.append(encode_chunks(encode(backbone), side["chunks"], side["order"], False))
        assert batch["target_ids"].tolist() == [1, 5, 2]
    for other in found[1:]:
        torch.testing.assert_close(other, found[0], rtol=1e-4, atol=1e-5)
