"""Each option of the loss worked out by hand, beside sentence-transformers, cached and direct."""

import importlib.util
import json
import math
import shutil

import numpy as np
import pytest
import torch
from torch import nn

from gen2embed.errors import InputError
from gen2embed.training.loss import info_nce
from gen2embed.training.objective import contrastive_loss
from gen2embed.training.options import LossOptions
from gen2embed.training.temperature import LearnedTemperature
from unit.training.test_adapter_and_caching import (
    adapted,
    collator,
    encode,
    on_cpu,
    relative_error,
)
from unit.training.test_loss_by_hand import unit
from unit.training.test_train_program import digests, job, killed_at, run_here  # noqa: F401

E = math.e


def loss(queries, targets, temperature=1.0, own=None, excluded=None, symmetric=False, **given):
    own = torch.arange(len(queries)) if own is None else own
    cluster = given.pop("cluster", None)
    options = LossOptions(**given)
    return contrastive_loss(
        queries, targets, temperature, own, excluded, symmetric, options, cluster
    )


def test_all_off_is_infonce_to_the_bit():
    queries, targets = unit(0, 40, 100), unit(10, 30, 95)
    for symmetric in (False, True):
        found = loss(queries, targets, 0.1, symmetric=symmetric)
        assert found == info_nce(queries, targets, 0.1, symmetric=symmetric)


def test_hardness():
    """Negatives of cosine .5 (query 0) and 0 (query 1); positives 1 and cos 30 = .8660.

    Weight e^(2 x .5) = e, so query 0 has e^(.5 + 1) beside its positive's e^1; query 1's is 1.
    """
    found = loss(unit(0, 90), unit(0, 60), hardness=2.0)
    second = math.log(1 + math.exp(0 - math.cos(math.pi / 6)))
    assert found.item() == pytest.approx((math.log(1 + E**0.5) + second) / 2)


def test_the_weight_is_a_constant_of_the_gradient():
    """d/ds of log(1 + w e^(s - 1)) is p = w e^(s - 1) / (1 + w e^(s - 1)), not p (1 + alpha)."""
    query = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    targets = torch.tensor([[1.0, 0.0], [0.5, 0.0]], dtype=torch.float64, requires_grad=True)
    loss(query, targets, own=torch.tensor([0]), hardness=2.0).backward()
    share = E**0.5 / (1 + E**0.5)
    assert targets.grad[1, 0].item() == pytest.approx(share)


def test_likely_false_negatives_are_masked_but_never_mined_ones():
    """Query 0: its own target at 60 degrees (.5), so .6 is the most that stays.

    Target 1 (cosine 1) is of its own cluster, so mined; 2 (cosine .98) of another: 1 alone stays,
    log(1 + e^(1 - .5)).
    """
    queries, targets = unit(0), unit(60, 0, 10)
    own, cluster = torch.tensor([0]), torch.tensor([0, 0, 1])
    found = loss(queries, targets, own=own, cluster=cluster, mask_margin=0.1)
    assert found.item() == pytest.approx(math.log(1 + E**0.5))
    wide = loss(queries, targets, own=own, cluster=cluster, mask_margin=0.49)  # .99 at most
    expected = math.log(1 + E**0.5 + math.exp(math.cos(math.pi / 18) - 0.5))
    assert wide.item() == pytest.approx(expected)
    assert loss(queries, targets, own=own).item() == pytest.approx(expected)  # as off


def test_terms_within_a_side():
    """Queries and targets at 0 and 60 degrees: positive 1; negative, other query and other target
    .5: one, two or three negatives of .5."""
    both = unit(0, 60)
    for count, given in (
        (2, {"query_query": True}),
        (2, {"target_target": True}),
        (3, {"query_query": True, "target_target": True}),
    ):
        assert loss(both, both, **given).item() == pytest.approx(math.log(1 + count * E**-0.5))


def test_terms_within_a_side_know_the_annotations():
    """Target 1 is right for query 0 as well: neither it, nor query 1, is pushed away from query 0;
    nor query 0 from query 1, which has target 0 as a negative still."""
    both, excluded = unit(0, 60), torch.tensor([[False, True], [False, False]])
    found = loss(both, both, excluded=excluded, query_query=True, target_target=True)
    first = 0.0  # nothing is left
    second = math.log(1 + 2 * E**-0.5)  # target 0 to query 1, and to target 1
    assert found.item() == pytest.approx((first + second) / 2)


def test_the_mask_holds_within_a_side():
    """Positives .5, so .6 is the most that stays. Queries are 10 degrees apart (.98), and so are
    targets: out, where clusters differ. Target 1 is left for query 0 (.34), none for query 1."""
    given = {"query_query": True, "target_target": True, "mask_margin": 0.1}
    queries, targets = unit(0, 10), unit(60, 70)
    cluster = torch.tensor([0, 1])
    alone = loss(queries, targets, cluster=cluster, **given)
    cos = [math.cos(math.radians(angle)) for angle in (60, 70, 50)]
    first = math.log(1 + math.exp(cos[1] - cos[0]))  # target 1, .34
    second = math.log(1 + math.exp(cos[2] - cos[0]))  # target 0, .64, at most .5 + .1: masked
    assert cos[2] > 0.6
    assert alone.item() == pytest.approx(first / 2)
    same = loss(queries, targets, cluster=torch.tensor([0, 0]), **given)
    near = math.cos(math.radians(10)) - 0.5
    first = math.log(1 + math.exp(cos[1] - 0.5) + 2 * math.exp(near))
    second = math.log(1 + math.exp(cos[2] - 0.5) + 2 * math.exp(near))
    assert same.item() == pytest.approx((first + second) / 2)


def test_prefixes_of_the_vectors():
    """(.6, 0, .8) and (0, .6, .8): whole, the negative has .64; of two numbers it has 0."""
    both = torch.tensor([[0.6, 0, 0.8], [0, 0.6, 0.8]], dtype=torch.float64)
    whole, short = math.log(1 + math.exp(0.64 - 1)), math.log(1 + math.exp(-1))
    assert loss(both, both, matryoshka=(2,)).item() == pytest.approx((whole + short) / 2)


def test_a_learned_temperature():
    """Scale 2, positive 1, negative .5: loss log(1 + e^(-2 x .5)); by the scale's logarithm its
    derivative is -(2 x .5) / (1 + e^(2 x .5))."""
    learned = LearnedTemperature(nn.Linear(1, 1), 0.5)
    found = loss(unit(0, 60), unit(0, 60), learned.value())
    assert found.item() == pytest.approx(math.log(1 + E**-1))
    found.backward()
    assert learned.log_scale.grad.item() == pytest.approx(-1 / (1 + E), rel=1e-6)
    with torch.no_grad():
        learned.log_scale.fill_(9.0)
    assert learned.value().item() == pytest.approx(0.01)  # CLIP's bound


def test_terms_within_a_side_need_the_mask_of_duplicates():
    for name in ("query_query", "target_target"):
        with pytest.raises(InputError, match="would be its own negative"):
            LossOptions(**{name: True}).check(mask_duplicates=False)


@pytest.mark.skipif(
    importlib.util.find_spec("sentence_transformers") is None,
    reason="sentence-transformers is not installed",
)
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"hardness": 9.0}, {"hardness_mode": "all_negatives", "hardness_strength": 9.0}),
        (
            {"query_query": True, "target_target": True},
            {"directions": ("query_to_doc", "query_to_query", "doc_to_doc")},
        ),
    ],
)
def test_agrees_with_sentence_transformers(ours, theirs):
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    generator = torch.Generator().manual_seed(0)
    queries, targets = (
        nn.functional.normalize(torch.randn(7, 5, generator=generator), dim=1) for _ in range(2)
    )
    their_loss = MultipleNegativesRankingLoss(nn.Identity(), scale=20.0, **theirs)
    expected = their_loss.compute_loss_from_embeddings([queries, targets], None)
    assert loss(queries, targets, 0.05, **ours).item() == pytest.approx(expected.item(), rel=1e-5)


EVERYTHING = {
    "hardness": 3.0, "mask_margin": 0.05, "query_query": True, "target_target": True,
    "matryoshka": (4, 8),
}  # fmt: skip


@pytest.mark.parametrize(
    "given", [*({name: value} for name, value in EVERYTHING.items()), EVERYTHING], ids=str
)
def test_cached_gradients_are_direct_ones(backbone, tiny, given):
    from gen2embed.training.caching import encode_chunks

    model = adapted(backbone, dropout=0.3, dora=True)
    learned = LearnedTemperature(model, 0.1)
    clusters = [np.array([0, 1, 2]), np.array([3, 4, 5])]
    batch = collator(backbone, tiny, 2, tells_clusters=True)([(clusters, 0)])["batch"]
    found = []
    for caching in (False, True):
        torch.manual_seed(3)
        model.train()
        model.zero_grad()
        sides = [
            encode_chunks(
                lambda chunk: encode(backbone, chunk),
                (on_cpu(backbone, chunk) for chunk in side.chunks),
                side.order,
                caching,
            )
            for side in (batch.query, batch.target)
        ]
        value = contrastive_loss(
            *sides, learned.value(), batch.own, batch.excluded, True, LossOptions(**given),
            batch.cluster,
        )  # fmt: skip
        value.backward()
        found.append({n: p.grad.clone() for n, p in model.named_parameters() if p.requires_grad})
    assert "log_scale" in found[0] and found[0]["log_scale"] != 0
    assert relative_error(found[1], found[0]) < 1e-5


def test_a_training_with_all_of_them(job, tmp_path, monkeypatch):  # noqa: F811
    """Killed and run again, the same bytes; off, the card and log do not know them."""
    told = {**EVERYTHING, "matryoshka": [4, 8], "learn_temperature": True, "save_every": 2}
    assert run_here(job, tmp_path, **told, out=str(tmp_path / "whole")) == 0
    lines = (tmp_path / "whole" / "training_log.jsonl").read_text().splitlines()
    temperatures = [json.loads(line)["temperature"] for line in lines]
    assert (
        temperatures[0] == pytest.approx(0.1) and len(set(temperatures)) == 5
    )  # no rate at the first step
    card = json.loads((tmp_path / "whole" / "card.json").read_text())
    assert card["settings"]["hardness"] == 3 and card["settings"]["matryoshka"] == [4, 8]
    with monkeypatch.context() as patch, killed_at(5, patch):
        run_here(job, tmp_path, **told)
    assert run_here(job, tmp_path, **told) == 0
    assert json.loads((tmp_path / "adapter.run.json").read_text())["resumed_from"]
    assert digests(tmp_path / "adapter") == digests(tmp_path / "whole")
    shutil.rmtree(tmp_path / "adapter")
    assert run_here(job, tmp_path) == 0
    plain = json.loads((tmp_path / "adapter" / "card.json").read_text())["settings"]
    assert not {*EVERYTHING, "learn_temperature"} & set(plain)
    assert run_here(job, tmp_path, matryoshka=[10**6]) == 2
