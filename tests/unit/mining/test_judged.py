"""A judge's scores by hand: which pairs they strike, what they teach, through the programs."""

import json
import math

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn.functional import kl_div

from gen2embed.artifacts.judged import Judged, read_judged, too_relevant
from gen2embed.errors import InputError
from gen2embed.files import read_parquet, write_parquet
from gen2embed.training.objective import soft_label_loss
from unit.mining.test_programs import flags, folder, mine, written  # noqa: F401
from unit.training.conftest import *  # noqa: F403  (the tiny model)
from unit.training.test_loss_by_hand import unit
from unit.training.test_train_program import job, run_here  # noqa: F401

JUDGED = Judged(
    np.array([0, 0, 0, 1, 1]), np.array([0, 1, 2, 0, 3]), np.array([2.0, 1.5, -1.0, 0.5, 3.0])
)
PAIRS = (np.array([0, 1]), np.array([0, 1]))  # query 1's positive, target 1, is not scored


@pytest.mark.parametrize(
    ("greatest", "margin", "struck"),
    [
        (1.0, None, [(0, 1), (1, 3)]),  # the positive (0, 0) is one anyway
        (None, 1.0, [(0, 1)]),  # above 2 - 1
        (None, 0.5, []),  # 1.5 is not above 1.5
        (2.5, 1.0, [(0, 1), (1, 3)]),
    ],
)
def test_what_is_struck(greatest, margin, struck):
    assert list(zip(*too_relevant(JUDGED, *PAIRS, greatest, margin), strict=True)) == struck


def test_scores_of_a_batch():
    found = JUDGED.of(np.array([1, 0]), np.array([3, 9, 0]))
    np.testing.assert_array_equal(found, [[3, np.nan, 0.5], [np.nan, np.nan, 2]])


def test_soft_labels():
    """Cosines 1 and 0 at temperature 1: softmax e / (1 + e). Scores log 3, 0: 3/4, 1/4. The third
    target has no score, query 1 has one alone: neither counts."""
    judged = torch.tensor([[math.log(3), 0.0, math.nan], [1.0, math.nan, math.nan]])
    queries, targets = unit(0, 90), unit(0, 90, 45)
    found = soft_label_loss(queries, targets, 1.0, judged.double())
    share = math.e / (1 + math.e)
    expected = 0.75 * math.log(0.75 / share) + 0.25 * math.log(0.25 / (1 - share))
    assert found.item() == pytest.approx(expected)
    nothing = soft_label_loss(queries, targets, 1.0, torch.full((2, 3), math.nan))
    assert nothing.item() == 0


def test_soft_labels_are_torch_s_divergence_with_its_gradient():
    generator = torch.Generator().manual_seed(0)
    judged = torch.randn(4, 6, generator=generator)
    sides = [torch.randn(n, 3, generator=generator).requires_grad_() for n in (4, 6)]
    gradients = []
    for loss in (
        soft_label_loss(*sides, 0.5, judged),
        kl_div((sides[0] @ sides[1].T / 0.5).log_softmax(1), judged.softmax(1),
               reduction="batchmean"),
    ):  # fmt: skip
        gradients.append(torch.autograd.grad(loss, sides))
    for mine_, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(mine_, theirs)


def test_mining_strikes_what_the_judge_says(folder, capsys):  # noqa: F811
    """Every negative of hns is scored 1 of 1: none of them is mined again."""
    assert mine(flags(folder, strategy="hns")) == 0
    rows = pd.read_parquet(folder / "p.parquet")
    frame, _ = read_parquet(folder / "c.parquet", ["anchor_pair", "negative_pairs"])
    asked = rows["query_id"].to_numpy()[np.repeat(frame["anchor_pair"],
                                                  frame["negative_pairs"].map(len))]  # fmt: skip
    negative = rows["target_id"].to_numpy()[np.concatenate(frame["negative_pairs"].to_list())]
    scores = pd.DataFrame({"query_id": asked, "target_id": negative, "score": 1.0})
    write_parquet(folder / "scores.parquet", scores.drop_duplicates())
    told = {"strategy": "hns", "scores": folder / "scores.parquet"}
    assert mine(flags(folder, "again.parquet", **told, greatest_judged=0.5)) == 0
    statistics = json.loads(written(folder, "again")[1])
    assert statistics["struck"] == len(scores.drop_duplicates())
    again, _ = read_parquet(folder / "again.parquet", ["anchor_pair", "negative_pairs"])
    ids = rows["query_id"].to_numpy(), rows["target_id"].to_numpy()
    left = {
        (ids[0][anchor], ids[1][one])
        for anchor, kept in zip(again["anchor_pair"], again["negative_pairs"], strict=True)
        for one in kept
    }
    assert left and not left & set(zip(asked, negative, strict=True))
    assert mine(flags(folder, **told)) == 2
    assert "--scores needs --greatest-judged" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([(0, 0, 1.0), (0, 0, 2.0)], "row 1: this pair stands there before"),
        ([(0, 9, 1.0)], "target_id 9"),
        ([(0, 0, math.inf)], "finite numbers"),
    ],
)
def test_files_that_cannot_be(tmp_path, rows, said):
    frame = pd.DataFrame(rows, columns=["query_id", "target_id", "score"])
    write_parquet(tmp_path / "s.parquet", frame)
    with pytest.raises(InputError, match=said):
        read_judged(tmp_path / "s.parquet", 4, 4)


def test_a_training_with_soft_labels(job, tmp_path, capsys):  # noqa: F811
    """The judge has scored all of Toy's queries and targets: another loss, by caching or not."""
    every = [(q, t, float(q == t)) for q in range(4) for t in range(4)]
    frame = pd.DataFrame(every, columns=["query_id", "target_id", "score"])
    write_parquet(tmp_path / "s.parquet", frame)
    losses, short = {}, job | {"steps": 2, "save_adapters_at": []}
    for name, told in (
        ("plain", {}),
        ("soft", {"soft_labels": 2.0, "scores": str(tmp_path / "s.parquet")}),
        ("cached", {"soft_labels": 2.0, "scores": str(tmp_path / "s.parquet"), "caching": True}),
    ):
        assert run_here(short, tmp_path, **told, out=str(tmp_path / name)) == 0
        losses[name] = json.loads((tmp_path / name / "card.json").read_text())["last_loss"]
    assert losses["soft"] > losses["plain"]
    assert losses["cached"] == pytest.approx(losses["soft"], rel=1e-4)
    assert run_here(job, tmp_path, soft_labels=1.0) == 2
    assert "--soft-labels and --scores belong together" in capsys.readouterr().err
