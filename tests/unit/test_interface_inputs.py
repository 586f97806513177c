"""The two calls on arrays with whatever Python has: an InputError, or a result that makes sense."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen2embed.errors import InputError
from gen2embed.interface import mine, score

GOOD = np.eye(4, dtype=np.float32)
BAD_VECTORS = [
    [["a", "b"]], [[1, 0], [1]], None, 3, [], GOOD[0], GOOD * np.nan, GOOD * 2,
    GOOD.astype(complex), GOOD.astype(object), GOOD.astype(bool), np.full((2, 2), np.inf),
    np.zeros((2, 0)), "text",     np.array([b"x"]), np.zeros((2, 2), "datetime64[s]"),
]  # fmt: skip
ODD = st.one_of(
    st.none(), st.booleans(), st.floats(), st.integers(-5, 9), st.text(max_size=2),
    st.lists(st.one_of(st.integers(-3, 6), st.floats(), st.none()), max_size=3),
    st.just(np.int64(2)), st.just(2**70), st.just({}),
)  # fmt: skip


@pytest.mark.parametrize("bad", BAD_VECTORS, ids=lambda one: repr(one)[:30])
def test_what_is_no_set_of_unit_vectors(bad):
    for arguments in ((bad, GOOD), (GOOD, bad)):
        with pytest.raises(InputError):
            mine(*arguments)
        with pytest.raises(InputError):
            score(*arguments, [[0, 1]])


@given(name=st.sampled_from(["k", "m", "seed", "memory_gb", "pairs", "strategy"]), value=ODD)
def test_mining_with_odd_values(name, value):
    try:
        found = mine(GOOD, GOOD, **{name: value})
    except InputError as error:
        assert "\n" not in str(error)
        return
    assert found["anchor_pair"].between(0, 3).all()
    assert value is None or name == "pairs" or not isinstance(value, bool | str | dict)


@given(candidates=st.lists(ODD, max_size=3), query_ids=st.one_of(st.none(), ODD))
def test_scoring_of_odd_candidates(candidates, query_ids):
    try:
        found = score(GOOD, GOOD, candidates, query_ids)
    except InputError as error:
        assert "\n" not in str(error)
        return
    assert 0 <= found.ci_low <= found.value <= found.ci_high <= 1
    assert len(found.ranks) == len(candidates)
