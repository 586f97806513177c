"""Shorter and smaller vectors by hand, beside sentence-transformers, and through the program."""

import importlib.util

import numpy as np
import pandas as pd
import pytest

import score_precisions
from gen2embed.evaluation.precision import predict
from gen2embed.evaluation.smaller import (
    bytes_of,
    from_int8,
    prefix,
    ranges,
    rescored_hits,
    signs,
    to_int8,
)
from gen2embed.files import write_npy, write_parquet


def unit(n, dim, seed):
    rows = np.random.default_rng(seed).standard_normal((n, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_a_prefix_is_normed_anew():
    vectors = np.float32([[0.6, 0, 0.8], [0, 0, 1]])
    np.testing.assert_allclose(prefix(vectors, 2), [[1, 0], [0, 0]])


def test_bytes_by_hand():
    """A range of 0 to 255 in steps of 1: 3.7 is in the step from 3 to 4, whose middle is 3.5."""
    limits = ranges(np.float32([[0, 0], [255, 510]]))
    codes = to_int8(np.float32([[3.7, 0], [255, 510], [0, 7]]), limits)
    assert codes.tolist() == [[-125, -128], [127, 127], [-128, -125]]
    back = from_int8(np.int8([[-125, -128]]), limits)
    np.testing.assert_allclose(back, np.array([[3.5, 1.0]]) / np.hypot(3.5, 1.0), rtol=1e-6)
    same = np.float32([[1, 2], [1, 3]])  # a number that never differs
    assert to_int8(same, ranges(same))[:, 0].tolist() == [-128, -128]


def test_bits_by_hand():
    """Two of four bits differ: 1 - 2 x 2 / 4 = 0; zero counts as not above zero."""
    bits = signs(np.float32([[1, 2, -1, 0], [1, -2, -3, 4]]))
    np.testing.assert_allclose(bits @ bits.T, [[1, 0], [0, 1]])
    assert [bytes_of(20, name) for name in ("fp32", "int8", "binary")] == [80, 20, 3]


def test_rescoring_by_hand():
    """Bits: positive 3 of 4 right, as target 1, a tie; target 2 has 2. The query as it is: the
    positive .9 + .1 + .3 - .3 = 1.0, target 1 .7 - .9 = -.2. Of one candidate, the tie is out."""
    query = np.float32([[0.9, 0.1, 0.3, 0.3]])
    targets = np.float32([[1, 1, 1, -1], [-1, 1, 1, 1], [1, 1, -1, -1]])
    row = (np.array([0]), np.array([0, 1, 2]), np.array([3]))
    assert not predict(signs(query), signs(targets), *row).hits[0]
    assert rescored_hits(query, targets, *row, few=2).tolist() == [True]
    assert rescored_hits(query, targets, *row, few=1).tolist() == [False]
    even = np.float32([[0.5, 0.5, 0.5, 0.5]])  # both score 1: a tie is a miss
    assert rescored_hits(even, targets, *row, few=3).tolist() == [False]


@pytest.mark.skipif(
    importlib.util.find_spec("sentence_transformers") is None,
    reason="sentence-transformers is not installed",
)
def test_codes_are_sentence_transformers():
    from sentence_transformers.util.quantization import quantize_embeddings

    vectors = unit(50, 8, 0)
    theirs = quantize_embeddings(vectors, "int8", ranges=ranges(vectors))
    assert (to_int8(vectors, ranges(vectors)) == theirs).all()
    bits = quantize_embeddings(vectors, "ubinary")
    assert (np.packbits(signs(vectors) > 0, axis=1) == bits).all()


def test_the_program(tmp_path, capsys):
    """Targets near their queries; all rows with all others as candidates."""
    queries = unit(40, 16, 1)
    near = queries + 0.6 * unit(40, 16, 2)
    targets = (near / np.linalg.norm(near, axis=1, keepdims=True)).astype(np.float32)
    write_npy(tmp_path / "q.npy", queries)
    write_npy(tmp_path / "t.npy", targets)
    lists = [[row, *(other for other in range(40) if other != row)] for row in range(40)]
    ids = np.arange(40)
    frame = pd.DataFrame({"row_id": ids, "query_id": ids, "candidate_ids": lists})
    write_parquet(tmp_path / "rows.parquet", frame)
    call = [
        "--rows", str(tmp_path / "rows.parquet"), "--out", str(tmp_path / "p.csv"),
        "--query-embeddings", str(tmp_path / "q.npy"), "--rescored", "5",
        "--target-embeddings", str(tmp_path / "t.npy"),
    ]  # fmt: skip
    assert score_precisions.main([*call, "--dims", "4", "8"]) == 0
    table = pd.read_csv(tmp_path / "p.csv")
    assert table["dim"].tolist() == [16] * 4 + [8] * 4 + [4] * 4
    flat = (ids, np.concatenate(lists), np.full(40, 40))
    whole = predict(queries, targets, *flat).hits.mean()
    of = table.set_index(["dim", "precision"])["value"]
    assert of[16, "fp32"] == pytest.approx(whole)
    assert of[4, "fp32"] < whole
    assert of[16, "binary"] < of[16, "binary_rescored"] <= of[16, "fp32"]
    assert abs(of[16, "int8"] - whole) <= 0.05
    assert "| binary_rescored" in (tmp_path / "p.md").read_text()
    assert score_precisions.main([*call, "--dims", "16"]) == 2
    assert "--dims 16: vectors have 16 numbers" in capsys.readouterr().err
