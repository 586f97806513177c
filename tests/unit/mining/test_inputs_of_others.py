"""Vectors as other programs write them, subsets in which little can be a negative, any k and m:
the same clusters, sound ones, or one line."""

import io
from contextlib import redirect_stderr, redirect_stdout

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gen2embed.mining.strategies import STRATEGIES
from unit.mining.test_programs import flags, mine, pairs, unit

N, DIM = 30, 8
QUERIES, TARGETS = unit(N, DIM, 0), unit(N, DIM, 1)
LAYOUTS = {  # of the same vectors: what another array library or machine makes of them
    "as columns": np.asfortranarray,
    "every second row": lambda a: np.repeat(a, 2, axis=0)[::2],
    "backwards twice": lambda a: a[::-1][::-1],
    "of a wider array": lambda a: np.hstack([a, a])[:, : a.shape[1]],
}
OTHERS = {  # vectors that are none of ours: what is said
    "big endian": lambda a: a.astype(">f4"),
    "double": lambda a: a.astype(np.float64),
    "whole numbers": lambda a: np.ones(a.shape, np.int8),
    "objects": lambda a: a.astype(object),
    "a number per item": lambda a: a[:, 0],
    "one more axis": lambda a: a[None],
    "no rows": lambda a: a[:0],
}
INDEXES = ("IVF16,Flat", "IVF4096,Flat", "HNSW8", "PQ3", "nonsense", "PCA64,Flat", "LSH", "SQ4",
           "IDMap,Flat", "IVF4,PQ16", "ITQ8,LSH", "OPQ4,Flat", "RFlat",
           "IVF4,SQ8,RFlat")  # fmt: skip
PARAMETERS = ("", "nprobe=eight", "nprobe=99", "efSearch=0")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("others")
    pairs(range(N), [(7 * i) % N for i in range(N)]).to_parquet(made / "p.parquet", index=False)
    np.save(made / "q.npy", QUERIES)
    np.save(made / "t.npy", TARGETS)
    return made


def mined(folder, out="c.parquet", **change):
    """Status, what was said on stderr, and the bytes of the clusters; none stay there."""
    said = io.StringIO()
    with redirect_stderr(said), redirect_stdout(io.StringIO()):
        status = mine(flags(folder, out, device="cpu", threads=1, **change))
    written = folder / out
    found = written.read_bytes() if written.exists() else b""
    for left in folder.glob(f"{written.stem}.*"):
        left.unlink()
    return status, said.getvalue(), found


def is_one_line(status, said, found):
    words = said.strip().splitlines()
    return status == 2 and not found and words and words[-1].startswith("mine_negatives: ")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_layout_in_memory_changes_nothing(folder, layout):
    status, _, plain = mined(folder)
    assert status == 0
    np.save(folder / "other.npy", LAYOUTS[layout](QUERIES))
    assert mined(folder, query_embeddings=folder / "other.npy") == (0, "", plain)


def test_half_precision_is_taken(folder):
    np.save(folder / "other.npy", QUERIES.astype(np.float16))
    assert mined(folder, query_embeddings=folder / "other.npy")[0] == 0


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("side", ["query", "target"])
def test_vectors_of_another_type_or_shape_are_one_line(folder, kind, side):
    array = OTHERS[kind](QUERIES)
    np.save(folder / "other.npy", array, allow_pickle=array.dtype == object)
    found = mined(folder, **{f"{side}_embeddings": folder / "other.npy"})
    assert is_one_line(*found) and "other.npy" in found[1], found[:2]


@settings(deadline=None, max_examples=25)
@given(
    row=st.integers(0, N - 1),
    column=st.integers(0, DIM - 1),
    value=st.sampled_from([np.nan, np.inf, -np.inf, 3.0, 1e30, 1e-3]),
    whole=st.booleans(),
)
def test_values_that_no_unit_vector_has_are_one_line(folder, row, column, value, whole):
    array = QUERIES.copy()
    array[row] = array[row] * value if whole else array[row]
    array[row, column] = value
    np.save(folder / "other.npy", array)
    found = mined(folder, query_embeddings=folder / "other.npy")
    if not abs(np.linalg.norm(array[row].astype(np.float64)) - 1) <= 1e-3:  # nan neither
        assert is_one_line(*found) and "other.npy" in found[1], found[:2]
    else:
        assert found[0] == 0


@settings(deadline=None, max_examples=15)
@given(kept=st.integers(0, N * DIM * 4 + 127))
def test_a_file_that_breaks_off_is_one_line(folder, kept):
    (folder / "other.npy").write_bytes((folder / "q.npy").read_bytes()[:kept])
    assert is_one_line(*mined(folder, query_embeddings=folder / "other.npy"))


@st.composite
def subsets(draw):
    """Few ids: several positives of a query, one target for all, one query for all, one pair."""
    n = draw(st.integers(1, N))
    most = draw(st.sampled_from([1, 2, 5, N]))
    ids = st.lists(st.integers(0, most - 1), min_size=n, max_size=n)
    return draw(ids), draw(ids)


@settings(deadline=None, max_examples=60)
@given(
    subset=subsets(),
    strategy=st.sampled_from(list(STRATEGIES)),
    k=st.sampled_from([1, 2, 15, 1000]),
    m=st.sampled_from([1, 3, 1000]),
)
def test_whatever_is_asked_for_no_positive_and_no_pair_twice(
    tmp_path_factory, subset, strategy, k, m
):
    folder = tmp_path_factory.mktemp("subset")
    frame = pairs(*subset)
    frame.to_parquet(folder / "p.parquet", index=False)
    np.save(folder / "q.npy", QUERIES)
    np.save(folder / "t.npy", TARGETS)
    more = {"range_min": 2} if strategy == "filtered" else {}  # which needs a filter
    status, said, found = mined(folder, strategy=strategy, k=k, m=m, **more)
    assert status == 0, said
    check_sound(pd.read_parquet(io.BytesIO(found)), frame)


def check_sound(table, frame):
    """No cluster has its anchor or a pair twice, or a target that is annotated for its anchor."""
    known = set(zip(frame["query_id"], frame["target_id"], strict=True))
    for anchor, negatives in zip(table["anchor_pair"], table["negative_pairs"], strict=True):
        assert len({anchor, *negatives}) == 1 + len(negatives)
        query = frame["query_id"][anchor]
        assert not known & {(query, frame["target_id"][pair]) for pair in negatives}


@settings(deadline=None, max_examples=25)
@given(index=st.sampled_from(INDEXES), parameters=st.sampled_from(PARAMETERS))
def test_an_index_is_searched_or_refused_in_one_line(folder, index, parameters):
    more = {"index_parameters": parameters} if parameters else {}
    found = mined(folder, index=index, index_from=1, **more)
    if found[0] == 0:
        check_sound(pd.read_parquet(io.BytesIO(found[2])), pd.read_parquet(folder / "p.parquet"))
    else:
        assert is_one_line(*found), found[:2]
