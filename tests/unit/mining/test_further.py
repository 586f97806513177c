"""Targets without owner, on paper and through the programs.

The five rows of ``test_saha_by_hand`` and a sixth target, c = (.936, -.352), which nobody asks for.
Its nearest owned target is t0 (.936; t1 .96 * .936 - .28 * .352 = .80), so q0 stands in for it.
"""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from gen2embed.files import read_parquet, write_npy, write_parquet
from gen2embed.mining.clusters import read_clusters, write_clusters
from gen2embed.mining.further import borrowed_owners
from gen2embed.mining.mine import mine_subset
from gen2embed.mining.strategies import get_strategy
from gen2embed.mining.subset import Subset
from gen2embed.mining.vectors import SideVectors
from unit.mining.test_programs import flags, folder, load, mine, written  # noqa: F401
from unit.mining.test_saha_by_hand import QUERIES, TARGETS, clusters
from unit.training.conftest import *  # noqa: F403  (the tiny model)
from unit.training.test_train_program import job, run_here  # noqa: F401

WITH_C = np.concatenate([TARGETS, np.float32([[0.936, -0.352]])])


def run(ownerless, corpus, queries=QUERIES, targets=WITH_C, pairs=5, strategy="saha", **change):
    rows = np.arange(pairs)
    every = (np.ones(len(queries), bool), np.ones(len(targets), bool))
    subset = Subset.of(rows, rows, *every, corpus=None if corpus is None else np.array(corpus))
    settings = {"k": 1, "m": 2, "labelled": False, "seed": 0, "block_rows": 8, "memory": 1e9}
    settings |= {"ownerless": ownerless} | change
    return mine_subset(subset, queries, targets, get_strategy(strategy), **settings)


def test_the_owner_of_the_nearest_owned_target_stands_in():
    """Row 0: scores 1, .96, c .936, .80, .60, 0; pool t0 t1 c t2, t0 struck; candidates q1
           (overlap .96) and c (overlap q0.q0 = 1): q1 is kept. Used: q0, q1.
    Row 2: scores of t4 .96, t3 .936, t2 .80, t1 .5376; pool t4 t3 t2 t1, t2 struck; candidates q4
           (overlap .96) and q3 (.936): q3. Used: q2, q3, too.
    Row 4: pool t4 t3 t2 t1: all owners used. Pass 2: q3 .80, q2 .96, q1 .28: q1.
    """
    mined = run("borrow", [5])
    assert clusters(mined) == [(0, [1], 1), (2, [3], 1), (4, [1], 2)]
    assert mined.dropped_queries == 0


def test_its_own_score_stands_in():
    """Row 0: candidates q1 (.96) and c (its score, .936): c is kept, and only q0 used.
    Row 1: scores 1 of t1, t0 .96, t2 .936, c and t3 .80, the lower number first; pool t1 t0 t2 t3,
           t1 struck, q0 used; q2 (overlap .5376) and q3 (.80): q2. Used: q1, q2.
    Row 3: pool t3 t2 t1 t4 (t1 and t4 .80), t3 struck, q2 and q1 used: q4.
    c is the second of the corpus, whose first is owned: pair 5 + 1.
    """
    mined = run("score", [2, 5])
    assert clusters(mined) == [(0, [6], 1), (1, [2], 1), (3, [4], 1)]
    np.testing.assert_allclose(mined.clusters.hardness[0], 0.936, atol=1e-7)
    np.testing.assert_allclose(mined.clusters.overlap[0], 0.936, atol=1e-7)


def test_it_is_never_used_up():
    """Two queries whose hardest target is c: both get it; k = m = 1, pools of two."""
    targets = np.float32([[0, 1], [-1, 0], [1, 0]])
    for ownerless in ("borrow", "score"):
        mined = run(ownerless, [2], QUERIES[:2], targets, 2, "hns", m=1)
        assert clusters(mined) == [(0, [2], 1), (1, [2], 1)]


def test_without_a_corpus_it_is_no_candidate():
    assert clusters(run("none", None)) == clusters(run("none", None, targets=TARGETS))
    assert clusters(run("borrow", [1, 2])) == clusters(run("none", None))  # all of them owned


def test_of_several_owners_the_one_most_like_the_target():
    """t0 is q0's and q1's; c = (.936, .352) is nearest t0; q1 = (.96, .28) is nearer c than q0."""
    targets = np.float32([[1, 0], [0, 1], [0.936, 0.352]])
    subset = Subset.of(
        np.array([0, 1, 4]), np.array([0, 0, 1]), np.ones(5, bool), np.ones(3, bool),
        corpus=np.array([2]),
    )  # fmt: skip
    queries = SideVectors(QUERIES, subset.query_ids, 1e9)
    found = borrowed_owners(subset, queries, SideVectors(targets, subset.target_ids, 1e9), 1e9)
    assert subset.query_ids[found].tolist() == [1]


def test_the_program(folder, capsys):  # noqa: F811
    """Items 153 to 159 are nobody's; results are the same for any block or memory."""
    corpus = folder / "corpus.parquet"
    asked = pd.read_parquet(folder / "p.parquet")["query_id"].nunique()
    write_parquet(corpus, pd.DataFrame({"target_id": np.arange(150, 160)}))
    for ownerless in ("borrow", "score"):
        told = {"corpus": corpus, "ownerless": ownerless}
        assert mine(flags(folder, **told)) == 0
        first = written(folder)
        assert mine(flags(folder, "again.parquet", **told, block_rows=7, memory_gb=1e-9)) == 0
        assert written(folder, "again") == first
        statistics = json.loads(first[1])
        assert (statistics["further"], statistics["queries"]) == (10, asked)
        frame, metadata = read_parquet(folder / "c.parquet", ["negative_pairs"])
        negatives = np.concatenate(frame["negative_pairs"].to_list())
        assert statistics["ownerless_negatives"] == (negatives >= 400).sum() > 0
        assert negatives.max() < 410 and metadata["ownerless"] == ownerless
    for bad, said in (
        ({"corpus": corpus}, "asks for --ownerless borrow or score"),
        ({"ownerless": "score"}, "--ownerless score asks for --corpus"),
    ):
        assert mine(flags(folder, **bad)) == 2
        assert said in capsys.readouterr().err


def test_such_clusters_are_trained_on_and_exported(job, tmp_path, capsys):  # noqa: F811
    """Toy's pairs ask for items 0 to 3 of the targets; a fifth, item 4, stands in a cluster."""
    path = tmp_path / "target.parquet"
    items = pd.read_parquet(path)
    items.loc[4] = [4, "nobody asks", ""]
    write_parquet(path, items)
    write_parquet(tmp_path / "corpus.parquet", pd.DataFrame({"target_id": np.array([4])}))
    clusters_path = tmp_path / "clusters.parquet"
    table, metadata = read_clusters(clusters_path, 8)
    table = replace(table, negative_pairs=np.array([1, 2, 8, 5, 6, 7]))
    write_clusters(clusters_path, table, metadata | {"further": "1"})
    assert run_here(job, tmp_path) == 2
    assert "mined with a corpus of 1 targets, and no --corpus" in capsys.readouterr().err
    told = {"corpora": [str(tmp_path / "corpus.parquet")], "out": str(tmp_path / "with")}
    assert run_here(job, tmp_path, **told) == 0
    card = json.loads((tmp_path / "with" / "card.json").read_text())
    assert card["pairs_seen"] == 24 and card["queries_trained"] == 21  # one asks nothing in 3 steps
    export = load("export_negatives").main
    call = [
        "--pairs", job["pairs"][0], "--clusters", str(clusters_path),
        "--query-items", job["query_items"], "--target-items", str(path),
        "--format", "sentence-transformers", "--negatives", "3",
        "--out", str(tmp_path / "e.parquet"),
    ]  # fmt: skip
    assert export(call) == 2
    assert export([*call, "--corpus", told["corpora"][0]]) == 0
    written_rows, _ = read_parquet(tmp_path / "e.parquet", ["negative_3"])
    assert written_rows["negative_3"][0] == "nobody asks"


def test_vectors_of_a_corpus_that_is_too_large_are_refused(folder, capsys):  # noqa: F811
    write_npy(folder / "few.npy", np.load(folder / "t.npy")[:155])
    write_parquet(folder / "c2.parquet", pd.DataFrame({"target_id": np.array([154, 159])}))
    told = {"corpus": folder / "c2.parquet", "ownerless": "borrow"}
    assert mine(flags(folder, target_embeddings=folder / "few.npy", **told)) == 2
    assert "target_id 159" in capsys.readouterr().err
    with pytest.raises(IndexError):  # nor does the library take it
        run("score", [9])
