"""Filters by hand, and beside sentence-transformers' own miner on the same vectors."""

import importlib.util
import random
from collections import defaultdict

import numpy as np
import pytest

from gen2embed.canonical import canonical
from gen2embed.errors import InputError
from gen2embed.mining.filters import PRESETS, Recipe, draw, eligible
from unit.mining.test_programs import flags, folder, mine, written  # noqa: F401  (a fixture)
from unit.mining.test_saha_by_hand import run

SCORES = np.array([0.9, 0.8, 0.6, 0.5, 0.2, -0.1])
RANKS = np.array([0, 2, 3, 4, 5, 6])  # the positive, .85, was found at rank 1


@pytest.mark.parametrize(
    ("settings", "left"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({"absolute_margin": 0.05}, [1, 2, 3, 4, 5]),  # at most .80, which is
        ({"absolute_margin": 0.3}, [3, 4, 5]),  # at most .55
        ({"relative_margin": 0.1}, [2, 3, 4, 5]),  # at most .765
        ({"greatest_score": 0.6}, [2, 3, 4, 5]),
        ({"least_score": 0.2}, [0, 1, 2, 3, 4]),
        ({"range_min": 2}, [2, 3, 4, 5]),
        ({"range_min": 1, "range_max": 3}, [1, 2]),
        ({"range_min": 1, "range_max": 3, "greatest_score": 0.8}, [2, 3]),  # 1, 2, 3 are left
        ({"range_min": 1, "range_max": 4, "ranks_of": "retrieved"}, [1, 2]),  # ranks 2 and 3
        ({"range_min": 3, "ranks_of": "retrieved", "greatest_score": 0.5}, [3, 4, 5]),
        ({"least_score": 0.3, "greatest_score": 0.7, "absolute_margin": 0.3}, [3]),
    ],
)
def test_each_filter_by_hand(settings, left):
    assert eligible(SCORES, RANKS, 0.85, Recipe(**settings)).tolist() == left


def test_margins_below_a_negative_positive():
    """A share of the magnitude: -.5 - .1 * .5 = -.55, not -.45."""
    scores, ranks = np.array([-0.45, -0.54, -0.55, -0.56]), np.arange(4)
    assert eligible(scores, ranks, -0.5, Recipe(relative_margin=0.1)).tolist() == [2, 3]


def test_the_draw():
    places = np.array([1, 4, 5, 7])
    assert draw(places, 2, Recipe(), 0, 0).tolist() == [1, 4]
    seen = [tuple(draw(places, 2, Recipe(draw="random"), 0, pair)) for pair in range(200)]
    assert len(set(seen)) == 6 and all(a < b for a, b in seen)  # every two of four
    assert draw(places, 9, Recipe(draw="random"), 0, 0).tolist() == places.tolist()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "has no filter"),
        ({"range_min": 3, "range_max": 5}, "leave fewer than k"),
        ({"least_score": 0.5, "greatest_score": 0.4}, "is above greatest_score"),
    ],
)
def test_recipes_that_cannot_be(settings, said):
    with pytest.raises(InputError, match=said):
        Recipe(**settings).check(3)


def test_the_program_has_the_filters(folder, capsys):  # noqa: F811
    """A filter of another strategy, and filtered without one, are refused."""
    assert mine(flags(folder, strategy="hns")) == 0
    hns = written(folder)[0]
    assert mine(flags(folder, strategy="filtered", greatest_score=0.5)) == 0
    assert b'"greatest_score": 0.5' in written(folder)[1] and written(folder)[0] != hns
    assert mine(flags(folder, strategy="hns", range_min=2)) == 2
    assert "--range-min is of the strategy filtered, not of hns" in capsys.readouterr().err
    assert mine(flags(folder, strategy="filtered")) == 2
    assert "has no filter" in capsys.readouterr().err


def test_filtered_without_filters_is_refused_in_the_library():
    with pytest.raises(InputError, match="needs filters"):
        run(range(5), range(5), strategy="filtered")


# sentence-transformers' miner itself


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def theirs(pairs, queries, targets, k, draws, **settings):
    """Query -> the negatives that mine_hard_negatives returns, of ``draws`` runs."""
    import torch
    from datasets import Dataset
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.util import mine_hard_negatives

    vectors = {f"q{i}": row for i, row in enumerate(queries)}
    vectors |= {f"t{i}": row for i, row in enumerate(targets)}

    class Frozen(SentenceTransformer):
        def __init__(self):
            super().__init__(modules=[torch.nn.Identity()], device="cpu")

        def encode(self, inputs, **_):
            return np.stack([vectors[one] for one in inputs])

        encode_query = encode_document = encode

    data = Dataset.from_dict(
        {"anchor": [f"q{q}" for q, _ in pairs], "positive": [f"t{t}" for _, t in pairs]}
    )
    found = []
    for number in range(draws):
        random.seed(number)
        mined = mine_hard_negatives(
            data, Frozen(), num_negatives=k, corpus=[f"t{i}" for i in range(len(targets))],
            output_format="triplet", verbose=False, **settings,
        )  # fmt: skip
        of_query = defaultdict(list)
        for row in mined.to_list():
            place = int(row["negative"][1:])
            if place not in of_query[int(row["anchor"][1:])]:  # once a positive
                of_query[int(row["anchor"][1:])].append(place)
        found.append(of_query)
    return found


def ours(pairs, queries, targets, recipe, size):
    """Query -> targets that the recipe may draw from, of so many retrieved."""
    known = defaultdict(set)
    for query, target in pairs:
        known[query].add(target)
    found = {}
    for query, positives in known.items():
        scores = canonical(queries[query].astype(float), targets.astype(float))
        order = np.argsort(-scores, kind="stable")[:size]
        ranks = np.array([rank for rank, target in enumerate(order) if target not in positives])
        others = order[ranks]
        least = scores[list(positives)].min()
        found[query] = others[eligible(scores[others], ranks, least, recipe)].tolist()
    return found


NAMES = {"greatest_score": "max_score", "least_score": "min_score", "draw": "sampling_strategy"}
CASES = [
    {"range_max": 20},
    {"range_max": 20, "range_min": 4},
    {"range_max": 20, "absolute_margin": 0.1},
    {"range_max": 20, "relative_margin": 0.05, "range_min": 2},
    {"range_max": 20, "greatest_score": 0.8, "least_score": 0.3},
    {"range_max": 30, "relative_margin": 0.2, "greatest_score": 0.7, "range_min": 3},
    {"range_max": 12, "range_min": 2, "draw": "random"},
]


@pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("sentence_transformers", "datasets"))),
    reason="sentence-transformers or datasets is not installed",
)
@pytest.mark.parametrize("settings", CASES, ids=lambda one: "-".join(one))
def test_agrees_with_sentence_transformers(settings):
    """Forty queries, some with two positives, sixty targets; the same negatives in their order."""
    generator = np.random.default_rng(5)
    queries = unit(generator.standard_normal((40, 6)) + 1)
    others = unit(generator.standard_normal((20, 6)) + 1)  # of every other of the first 20 queries
    near = np.concatenate([queries, others]) + 0.3 * generator.standard_normal((60, 6))
    targets = unit(near)
    pairs = [(i, i) for i in range(40)] + [(i, 40 + i) for i in range(0, 20, 2)]
    given = {NAMES.get(key, key): value for key, value in settings.items()}
    k, draws = 3, 60 if settings.get("draw") == "random" else 1
    runs = theirs(pairs, queries, targets, k, draws, **given)
    mine = ours(pairs, queries, targets, Recipe(**settings), settings["range_max"] + 2)
    if draws == 1:
        assert {q: places[:k] for q, places in mine.items() if places} == dict(runs[0])
        assert len(runs[0]) > 20
        return
    for query, places in mine.items():  # each that may be drawn is, and nothing else
        drawn = {place for run in runs for place in run[query]}
        assert drawn <= set(places) and len(drawn) >= len(places) - 1


def test_presets_are_what_their_sources_say():
    example = PRESETS["st_example"]
    assert (example.range_min, example.range_max, example.greatest_score) == (10, 50, 0.8)
    assert PRESETS["flag_embedding"].pool_size(90, 1) == 201  # 200 ranks, and the positive
    assert PRESETS["nemo"].relative_margin == pytest.approx(1 - 0.95)
