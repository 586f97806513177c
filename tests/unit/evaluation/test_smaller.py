"""Shorter and smaller vectors by hand, beside sentence-transformers, and through the program."""

import importlib.util
import json

import numpy as np
import pandas as pd
import pytest

import score_precisions
import score_subset
import tabulate_precisions
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
from gen2embed.files import write_embeddings, write_npy, write_parquet


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


def test_both_programs_score_the_same_rows(tmp_path):
    """Query 0 and target 3 were not embedded: row 0 has no query, row 3 no positive. Row 1 loses
    but a wrong candidate, which would be as near to query 1 as its positive, a miss."""
    queries, targets = unit(5, 8, 3), unit(5, 8, 4)
    targets[:] = queries
    targets[3] = queries[1]
    valid = {"q": np.arange(5) != 0, "t": np.arange(5) != 3}
    write_embeddings(tmp_path / "q.npy", np.where(valid["q"][:, None], queries, 0), valid["q"])
    write_embeddings(tmp_path / "t.npy", np.where(valid["t"][:, None], targets, 0), valid["t"])
    lists = [[0, 1], [1, 3], [2, 4], [3, 4], [2, 4]]  # query 4 is not like target 2
    ids = np.arange(5)
    frame = pd.DataFrame({"row_id": ids, "query_id": ids, "candidate_ids": lists})
    write_parquet(tmp_path / "rows.parquet", frame)
    call = [f"--{side}-embeddings={tmp_path / side[0]}.npy" for side in ("query", "target")]
    call += [f"--rows={tmp_path / 'rows.parquet'}"]
    assert score_precisions.main([*call, f"--out={tmp_path / 'p.csv'}"]) == 0
    assert score_subset.main([*call, "--subset", "Toy", f"--out={tmp_path / 's.json'}"]) == 0
    score = json.loads((tmp_path / "s.json").read_text())
    table = pd.read_csv(tmp_path / "p.csv").set_index("precision")
    assert (score["n"], score["skipped_rows"]) == (3, 2) and set(table["rows"]) == {3}
    assert score["value"] == pytest.approx(2 / 3)
    assert table["value"][["fp32", "int8", "binary_rescored"]].tolist() == pytest.approx(
        [2 / 3] * 3
    )


def test_the_table_of_a_study(tmp_path):
    """Two models, each as score_precisions has it, in the order that was asked for."""
    lists = [[row, *(other for other in range(12) if other != row)] for row in range(12)]
    ids = np.arange(12)
    frame = pd.DataFrame({"row_id": ids, "query_id": ids, "candidate_ids": lists})
    write_parquet(tmp_path / "rows.parquet", frame)
    rows = ["--rows", str(tmp_path / "rows.parquet"), "--dims", "4"]
    alone = []
    for seed, model in enumerate(("saha_seed0", "base")):
        folder = tmp_path / "embeddings" / model / "plain"
        folder.mkdir(parents=True)
        queries = unit(12, 8, seed)
        near = queries + (0.2 + seed) * unit(12, 8, 9)
        near = (near / np.linalg.norm(near, axis=1, keepdims=True)).astype(np.float32)
        write_npy(folder / "eval_query.npy", queries)
        write_npy(folder / "eval_target.npy", near)
        call = [
            f"--{side}-embeddings={folder / f'eval_{side}.npy'}" for side in ("query", "target")
        ]
        assert score_precisions.main([*rows, *call, f"--out={tmp_path / model}.csv"]) == 0
        alone.append(pd.read_csv(tmp_path / f"{model}.csv"))
        alone[-1].insert(0, "model", f"{model}/plain")
    models = ["--models", "saha_seed0/plain", "base/plain"]
    given = [f"--embeddings={tmp_path / 'embeddings'}", f"--out={tmp_path / 'tables'}"]
    assert tabulate_precisions.main([*rows, *models, *given]) == 0
    table = pd.read_csv(tmp_path / "tables" / "precisions.csv")
    pd.testing.assert_frame_equal(table, pd.concat(alone, ignore_index=True))
    assert table["value"].nunique() > 2
    lines = (tmp_path / "tables" / "precisions.md").read_text().splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:3]] for line in lines if "/plain" in line]
    assert cells == [["saha_seed0/plain", "8"], ["saha_seed0/plain", "4"],
                     ["base/plain", "8"], ["base/plain", "4"]]  # fmt: skip
