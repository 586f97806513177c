"""The dose of false negatives: what is hidden, what is struck, and that nothing else changes."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen2embed.errors import InputError
from gen2embed.evaluation.negatives import label_negatives
from gen2embed.files import write_parquet
from gen2embed.mining.mine import mine_subset
from gen2embed.mining.revealed import check_dose, places, revealed
from gen2embed.mining.strategies import get_strategy
from gen2embed.mining.subset import Subset
from unit.mining.test_false_negatives import ids, table_of
from unit.mining.test_programs import flags, folder, mine  # noqa: F401
from unit.mining.test_saha_by_hand import QUERIES, TARGETS, clusters

MASK = 2**64 - 1


def slow_place(query, target, seed):
    """splitmix64 in Python's whole numbers."""
    word = seed
    for number in (query, target):
        word = (word + 2 * number + 0x9E3779B97F4A7C15) & MASK
        word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & MASK
        word ^= word >> 31
    return (word >> 11) / 2**53


KNOWN = st.lists(st.tuples(st.integers(0, 2**40), st.integers(0, 2**40)), min_size=1, unique=True)


@given(pairs=KNOWN, seed=st.integers(0, 2**32 - 1))
def test_a_pairs_place_depends_on_the_pair_alone(pairs, seed):
    query, target = np.array(pairs, dtype=np.int64).T
    found = places(query, target, seed)
    assert found.tolist() == [slow_place(*pair, seed) for pair in pairs]
    assert places(query[::-1], target[::-1], seed).tolist() == found[::-1].tolist()


@given(pairs=KNOWN, seed=st.integers(0, 99), shares=st.tuples(*[st.floats(0, 1)] * 2))
def test_what_is_hidden_at_a_share_is_hidden_at_every_larger_one(pairs, seed, shares):
    known = ids(*pairs)
    less, more = (
        set(zip(*(side.tolist() for side in revealed(known, share, seed)), strict=True))
        for share in sorted(shares)
    )
    assert more <= less <= set(pairs)
    assert len(revealed(known, 0, seed)[0]) == len(pairs)
    assert len(revealed(known, 1, seed)[0]) == 0


def test_the_share_is_what_was_asked_for_and_seeds_differ():
    """Of 10,000 pairs the hidden share is within 4 standard errors (0.005 each) of one half."""
    query, target = np.divmod(np.arange(10_000), 100)
    hidden = [10_000 - len(revealed((query, target), 0.5, seed)[0]) for seed in (0, 1)]
    assert all(abs(count / 10_000 - 0.5) < 0.02 for count in hidden)
    assert (
        revealed((query, target), 0.5, 0)[0].tolist()
        != revealed((query, target), 0.5, 1)[0].tolist()
    )


def subset_of(pairs, further):
    query, target = zip(*pairs, strict=True)
    every = np.ones(5, bool)
    return Subset.of(np.array(query), np.array(target), every, every, further)


def test_the_revealed_are_struck_by_hand():
    """The hardest negative of row 0 is target 1 (.96), then target 2 (.80): test_saha_by_hand.

    Revealed (0, 1), target 2 is kept. (4, 9) and (9, 0) name items that the pairs do not."""
    settings = {"k": 1, "m": 2, "labelled": False, "seed": 0, "block_rows": 8, "memory": 1e9}
    pairs = [(i, i) for i in range(5)]
    kept = {}
    for name, further in {"all": ids((0, 1), (4, 9), (9, 0)), "none": None}.items():
        subset = subset_of(pairs, further)
        mined = mine_subset(subset, QUERIES, TARGETS, get_strategy("hns"), **settings)
        kept[name] = clusters(mined)[0]
    assert kept == {"none": (0, [1], 1), "all": (0, [2], 1)}
    assert subset_of(pairs, ids((0, 1), (4, 9), (9, 0))).positives[0].tolist() == [0, 1]


def test_the_loss_masks_the_revealed():
    """Pairs (0, 0), (1, 1): two ordered pairs, both known to be right; one of them is revealed."""
    pairs, both = ids((0, 0), (1, 1)), ids((0, 1), (1, 0))
    found = label_negatives(table_of([[0, 1]]), pairs, both)
    assert (found.asked.tolist(), found.asked_false.tolist()) == ([2], [2])
    found = label_negatives(table_of([[0, 1]]), pairs, both, revealed=ids((1, 0)))
    assert (found.asked.tolist(), found.asked_false.tolist()) == ([1], [1])
    assert found.false.tolist() == [True]  # the anchor's is hidden still


@pytest.mark.parametrize("strategy", ["hns", "saha", "pool_random", "same_task"])
def test_no_revealed_positive_is_mined(folder, strategy):  # noqa: F811
    """Every second target of every query is an equivalence; half of them are revealed."""
    query, target = (grid.ravel() for grid in np.meshgrid(np.arange(400), np.arange(0, 160, 2)))
    frame = pd.DataFrame({"query_id": query, "target_id": target})
    write_parquet(folder / "e.parquet", frame, {"subset": "toy"})
    told = {"equivalences": folder / "e.parquet", "hidden_seed": 5, "strategy": strategy}
    pairs = pd.read_parquet(folder / "p.parquet")
    shares = {}
    for hidden in (0, 0.5, 1):
        assert mine(flags(folder, f"h{hidden}.parquet", hidden=hidden, **told)) == 0
        table = pd.read_parquet(folder / f"h{hidden}.parquet").explode("negative_pairs")
        mined_query = pairs["query_id"].to_numpy()[table["anchor_pair"]]
        mined_target = pairs["target_id"].to_numpy()[table["negative_pairs"].astype(int)]
        even = mined_target % 2 == 0
        assert (places(mined_query, mined_target, 5)[even] < hidden).all()
        shares[hidden] = even.mean()
        facts = json.loads((folder / f"h{hidden}.json").read_text())
        assert (facts["hidden"], facts["hidden_seed"]) == (hidden, 5)
        assert facts["revealed"] == len(revealed((query, target), hidden, 5)[0])
    assert shares[0] == 0 < shares[0.5] < shares[1]


def test_all_hidden_is_as_if_none_were_known(folder):  # noqa: F811
    write_parquet(
        folder / "e.parquet",
        pd.DataFrame({"query_id": [7, 8], "target_id": [4, 5]}),
        {"subset": "toy"},
    )
    assert mine(flags(folder)) == 0
    assert mine(flags(folder, "h.parquet", equivalences=folder / "e.parquet", hidden=1)) == 0
    assert pd.read_parquet(folder / "h.parquet").equals(pd.read_parquet(folder / "c.parquet"))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"hidden": 0.5}, "--hidden 0.5: there is nothing to reveal"),
        ({"hidden": 1.5}, "--hidden is 1.5; give a number, at least 0, at most 1"),
        ({"hidden_seed": -1}, "--hidden-seed is -1"),
        ({"equivalences": "none.parquet"}, "none.parquet: no such file"),
    ],
)
def test_bad_doses_are_one_line(folder, capsys, given, said):  # noqa: F811
    assert mine(flags(folder, **given)) == 2
    assert said in capsys.readouterr().err.strip().splitlines()[-1]


def test_nothing_to_reveal_is_refused():
    check_dose(None, 1.0, 0)
    with pytest.raises(InputError, match="name --equivalences"):
        check_dose([], 0.0, 0)
