"""The adapter starts as the untouched model; caching changes memory, not gradients."""

from functools import partial

import numpy as np
import pytest
import torch

from gen2embed.errors import InputError
from gen2embed.models.backbones.base import PIXEL_BYTES
from gen2embed.models.encoding.encoder import plan_items
from gen2embed.models.shortcuts.image_features import vision_is_frozen, with_image_features
from gen2embed.models.shortcuts.prefix import narrow_to_last_token
from gen2embed.prompts.items import Item
from gen2embed.prompts.registry import get_prompt
from gen2embed.prompts.resolutions import get_resolution
from gen2embed.training.adapter import AdapterShape, add_adapter
from gen2embed.training.caching import encode_chunks
from gen2embed.training.loss import info_nce
from gen2embed.training.pairs import PairCollator
from gen2embed.training.positives import annotated

TEXTS = [
    *("tram", "a red apple here", "dog <|image_1|>", "<|image_1|>\nflag?", "<|image_1|>"),
    "hand hand hand",
]
IMAGES = ["", "", "", "0.png", "wide.png", ""]
EVERY = [np.arange(6)]  # one cluster


def collator(backbone, tiny, chunk, token_budget=0, **changed):
    native = get_resolution("native")
    items = [
        Item(text=text, image_path=image, role="query")
        for text, image in zip(TEXTS, IMAGES, strict=True)
    ]
    planned = plan_items(
        backbone, items, get_prompt("hierarchical"), native, tiny.images, 256, "items"
    )
    ids = np.arange(len(TEXTS))
    settings = {"processes": 1, "mode": "clusters", "positives": None} | changed
    return PairCollator(
        backbone, ids, ids[::-1].copy(), planned, planned, native,
        chunk=chunk, token_budget=token_budget, **settings,
    )  # fmt: skip


def batch_of(backbone, tiny, chunk, token_budget=0, clusters=EVERY):
    return collator(backbone, tiny, chunk, token_budget)([(clusters, 0)])["batch"]


def on_cpu(backbone, chunk):
    return backbone.to_device(chunk, "cpu")


def encode(backbone, chunk):
    hidden = backbone.last_hidden(dict(chunk)).float()
    return torch.nn.functional.normalize(hidden, dim=-1)


def gradients(backbone, model, batch, caching, see=True):
    torch.manual_seed(3)  # dropout
    model.train()
    model.zero_grad()

    def ready(chunk):
        chunk = on_cpu(backbone, chunk)
        return with_image_features(backbone, chunk) if see else chunk

    queries, targets = (
        encode_chunks(partial(encode, backbone), map(ready, side.chunks), side.order, caching)
        for side in (batch.query, batch.target)
    )
    loss = info_nce(queries, targets, 0.1, batch.own, batch.excluded)
    loss.backward()
    found = {name: p.grad.clone() for name, p in model.named_parameters() if p.requires_grad}
    return loss.item(), found


def adapted(backbone, dropout, dora):
    torch.manual_seed(0)
    model = add_adapter(backbone, AdapterShape(2, 16, dropout, dora))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:  # zeros would hide A's gradients
            torch.nn.init.normal_(parameter, std=0.1)
    return model


def relative_error(found, expected):
    differences = torch.cat([(found[name] - one).flatten() for name, one in expected.items()])
    return (differences.norm() / torch.cat([x.flatten() for x in expected.values()]).norm()).item()


@pytest.mark.parametrize("dora", [False, True])
def test_the_adapter_starts_as_the_untouched_model(backbone, tiny, dora):
    chunk = batch_of(backbone, tiny, 3).query.chunks[0]
    with torch.no_grad():
        before = backbone.last_hidden(dict(chunk))
        model = add_adapter(backbone, AdapterShape(2, 16, 0.1, dora)).eval()
        after = backbone.last_hidden(dict(chunk))
    torch.testing.assert_close(after, before, rtol=1e-5, atol=1e-5)
    trained = [name for name, p in model.named_parameters() if p.requires_grad]
    assert trained and all("lora_" in name for name in trained)
    assert not any("visual" in name for name in trained)
    assert vision_is_frozen(model)


def test_modules_by_name(backbone):
    """What is asked for is adapted and nothing else; the vision tower too, where it is named."""
    pattern = r".*(language_model.*\.gate_proj|visual.*\.fc1)"
    model = add_adapter(backbone, AdapterShape(2, 16, 0.0, True, pattern))
    trained = [name for name, p in model.named_parameters() if p.requires_grad]
    assert trained and all("gate_proj" in name or "fc1" in name for name in trained)
    assert not vision_is_frozen(model)


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("q_porj", "no linear module of the model has such a full name; there are 0, 2, down_proj"),
        ("(", "is no regular expression"),
    ],
)
def test_a_wrong_module_name_is_one_line(backbone, pattern, said):
    with pytest.raises(InputError, match=said):
        add_adapter(backbone, AdapterShape(2, 16, 0.0, True, pattern))


@pytest.mark.parametrize("dora", [False, True])
def test_caching_draws_the_same_dropout_in_both_passes(backbone, tiny, dora):
    model = adapted(backbone, dropout=0.3, dora=dora)
    batch = batch_of(backbone, tiny, 2)
    assert len(batch.query.chunks) == 3
    loss, plain = gradients(backbone, model, batch, caching=False)
    cached_loss, cached = gradients(backbone, model, batch, caching=True)
    assert cached_loss == pytest.approx(loss, rel=1e-6)
    assert relative_error(cached, plain) < 1e-5


@pytest.mark.parametrize(("chunk", "budget"), [(1, 0), (2, 0), (4, 0), (6, 40), (6, 90)])
def test_gradients_do_not_depend_on_chunks(backbone, tiny, chunk, budget):
    """Against one plain batch that leaves nothing out: vision inside, all of the last layer."""
    model = adapted(backbone, dropout=0.0, dora=True)
    whole = batch_of(backbone, tiny, 6)
    assert len(whole.query.chunks) == 1
    loss, plain = gradients(backbone, model, whole, caching=False, see=False)
    narrow_to_last_token(backbone.language_layers()[-1])
    cut = batch_of(backbone, tiny, chunk, budget)
    assert len(cut.query.chunks) > 1
    cached_loss, cached = gradients(backbone, model, cut, caching=True)
    assert cached_loss == pytest.approx(loss, rel=1e-5)
    assert relative_error(cached, plain) < 1e-5


def test_the_vision_tower_runs_once_per_image(backbone, tiny):
    """Two images on each side, each side in chunks, two passes of the language model."""
    model = adapted(backbone, dropout=0.1, dora=True)
    seen, read = [], []
    tower, language = backbone.model.model.visual, backbone.model.model.language_model
    tower.register_forward_hook(lambda *call: seen.append(len(call[1][0])))
    language.register_forward_hook(lambda *_: read.append(1))
    batch = batch_of(backbone, tiny, 1)
    gradients(backbone, model, batch, caching=True)
    patches = sum(len(one[PIXEL_BYTES]) for one in batch.query.chunks if PIXEL_BYTES in one)
    assert len(seen) == 4 and sum(seen) == 2 * patches
    assert len(read) == 2 * 12


def test_chunks_cover_the_batch_and_order_leads_back(backbone, tiny):
    """Cut into chunks of any size, vector i is pair i's: the batch is the one of whole items."""
    backbone.model.eval()
    found = []
    for chunk in (1, 2, 6):
        clusters = [np.array([4, 0]), np.array([3])]
        side = batch_of(backbone, tiny, chunk, clusters=clusters).query
        with torch.no_grad():
            chunks = map(partial(on_cpu, backbone), side.chunks)
            found.append(encode_chunks(partial(encode, backbone), chunks, side.order, False))
    for other in found[1:]:
        torch.testing.assert_close(other, found[0], rtol=1e-4, atol=1e-5)


def test_an_item_that_repeats_is_encoded_once(backbone, tiny):
    """Pairs 0 and 1 share a target: two rows of one vector."""
    make = collator(backbone, tiny, 6)
    make.target_id = np.array([2, 2, 3, 3, 4, 5])
    batch = make([([np.array([0, 1, 4])], 0)])["batch"]
    assert sum(len(chunk["input_ids"]) for chunk in batch.target.chunks) == 2
    assert batch.target.order[0] == batch.target.order[1] != batch.target.order[2]


def test_what_each_process_gets(backbone, tiny):
    """Clusters of 2, 1 and 3 pairs, pair i asking for item 5 - i; item 4 is right for query 0, too.

    Every process knows the whole batch's labels and mask, and encodes its own share.
    """
    positives = annotated(np.array([*range(6), 0]), np.array([5, 4, 3, 2, 1, 0, 4]))
    clusters = [np.array([0, 1]), np.array([2]), np.array([5, 4, 3])]
    expected = {"clusters": [[0, 1, 2, 3, 4, 5], [3, 3]], "classic": [[0, 2, 3], [2, 1]]}
    for mode, (own, sizes) in expected.items():
        make = collator(backbone, tiny, 6, processes=2, mode=mode, positives=positives)
        both = [make([(clusters, rank)])["batch"] for rank in (0, 1)]
        for batch, size in zip(both, sizes, strict=True):
            assert batch.own.tolist() == own
            assert batch.query.sizes == sizes and batch.target.sizes == [3, 3]
            assert len(batch.query.order) == size and len(batch.target.order) == 3
            assert batch.excluded.shape == (len(own), 6)
            assert batch.excluded.nonzero().tolist() == [[0, 1]]
