"""The choices of step 3, each worked out by hand, and the registry."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest

from gen2embed.errors import InputError
from gen2embed.mining.strategies import (
    SEARCH,
    STRATEGIES,
    Settings,
    Strategy,
    get_strategy,
)
from unit.mining.test_saha_by_hand import QUERIES, TARGETS, clusters, run


@dataclass
class Few:
    """Five candidates of an anchor whose positive scores ``positive_score``."""

    positive_score: float = 0.5
    least_positive_score: float = 0.49
    row: int = 7
    scores = np.array([0.6, 0.475, 0.46, 0.45, 0.3])
    ranks = np.array([0, 2, 3, 4, 6])
    overlap = np.array([0.9, 0.2, 0.8, 0.2, 0.1])
    target_likeness = np.array([0.9, 0.3, 0.2, 0.95, 0.1])

    class subset:
        pair_ids = np.arange(100)

    def __len__(self):
        return 5


@pytest.mark.parametrize(
    ("strategy", "labelled", "kept"),
    [
        ("saha", False, [4, 1]),
        ("saha", True, [0, 1]),
        ("hns", False, [0, 1]),
        ("both_sides", False, [1, 2]),  # of 5 above 3.5: owners 0 and 2, targets 0 and 3
        ("both_sides", True, [0, 1]),
        ("margin", False, [3, 4]),  # at most .50 - .05 = .45
        ("perc_pos", False, [1, 2]),  # at most .50 - .025 = .475
        ("st_default", False, [0, 1]),
        ("nemo", False, [2, 3]),  # at most .49 - .0245 = .4655
        ("st_example", False, []),  # fewer than 10 are left
        ("pool_tail", False, [3, 4]),
        ("same_task", False, [0, 1]),
        ("in_batch", False, []),
    ],
)
def test_each_choice(strategy, labelled, kept):
    recipe = get_strategy(strategy).recipe
    chosen = get_strategy(strategy).choose(Few(), Settings(2, labelled, 0, recipe))
    assert chosen.tolist() == kept


def test_limits_are_exact_in_decimals_and_hold_for_negative_scores():
    """.70 - .05 is 0.6499999... in floats: a score of .65 is still at most that."""
    few = Few(positive_score=0.7)
    few.scores = np.array([0.66, 0.65, -0.52, -0.525, -0.56])
    settings = Settings(k=2, labelled=False, seed=0)
    assert get_strategy("margin").choose(few, settings).tolist() == [1, 2]
    few.positive_score = -0.5  # margin: at most -.55; perc_pos: at most -.5 - .025 = -.525
    assert get_strategy("margin").choose(few, settings).tolist() == [4]
    assert get_strategy("perc_pos").choose(few, settings).tolist() == [3, 4]


def test_random_choices_depend_on_seed_and_anchor_only():
    choose = get_strategy("pool_random").choose
    drawn = [choose(Few(), Settings(2, False, 3)).tolist() for _ in range(3)]
    assert drawn[0] == drawn[1] == drawn[2]
    everything = Counter(
        place
        for row in range(100)
        for place in choose(Few(row=row), Settings(2, False, 3)).tolist()
    )
    assert set(everything) == set(range(5))  # 40 each, were they equal
    assert min(everything.values()) > 20
    assert all(
        np.all(np.diff(choose(Few(row=row), Settings(3, False, 0))) > 0) for row in range(20)
    )


def test_fewer_candidates_than_k_are_all_kept():
    for name in ("saha", "hns", "pool_tail", "pool_random"):
        assert sorted(get_strategy(name).choose(Few(), Settings(9, False, 0))) == list(range(5))


def test_every_pair_alone():
    mined = run([0, 0, 1], [0, 1, 2], strategy="in_batch")
    assert clusters(mined) == [(0, [], 1), (1, [], 1), (2, [], 1)]
    assert mined.dropped_queries == 0


def test_same_task_draws_every_free_pair_alike():
    first = Counter(
        clusters(run(range(5), range(5), strategy="same_task", seed=seed))[0][1][0]
        for seed in range(200)
    )
    assert sorted(first) == [1, 2, 3, 4]  # 50 each, were they equal
    assert min(first.values()) > 25


def test_margin_leaves_an_anchor_without_negatives_for_pass_2():
    """t0's only neighbour t1 scores .96 > 1 - .05: no negative in either pass for q0 and q1."""
    mined = run([0, 1], [0, 1], QUERIES, TARGETS, strategy="margin")
    assert clusters(mined) == []
    assert mined.dropped_queries == 2


def test_a_new_strategy_is_one_function_and_one_line(monkeypatch):
    def second(candidates, settings):  # noqa: ARG001
        return np.arange(len(candidates))[1:2]

    monkeypatch.setitem(STRATEGIES, "second", Strategy("second", second, SEARCH, "a toy"))
    assert clusters(run(range(5), range(5), strategy="second"))[0] == (0, [2], 1)


def test_unknown_names_are_refused():
    with pytest.raises(InputError, match="unknown strategy 'sahha'; known: saha, hns"):
        get_strategy("sahha")
    assert list(STRATEGIES) == [
        "saha",
        "hns",
        "both_sides",
        "margin",
        "perc_pos",
        "filtered",
        "st_default",
        "st_example",
        "flag_embedding",
        "nemo",
        "pool_tail",
        "pool_random",
        "same_task",
        "in_batch",
    ]
    assert all(one.source and one.choose.__doc__ for one in STRATEGIES.values())
