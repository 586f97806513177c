"""Chunks cover the items in order, within both bounds."""

from hypothesis import given
from hypothesis import strategies as st

from gen2embed.training.caching import cut_chunks


def test_by_hand():
    """Budget 12: 3 + 3 + 4 pad to 12; 4 and 6 pad to 12; 13 is alone; at most 3 items."""
    assert [list(one) for one in cut_chunks([3, 3, 4, 4, 6, 13, 1, 1, 1, 1], 3, 12)] == [
        *([0, 1, 2], [3, 4], [5], [6, 7, 8], [9])
    ]
    assert [len(one) for one in cut_chunks([9] * 7, 3, 0)] == [3, 3, 1]
    assert cut_chunks([], 3, 12) == []


@given(st.lists(st.integers(1, 20), max_size=30), st.integers(1, 8), st.integers(0, 60))
def test_bounds(tokens, most, budget):
    chunks = cut_chunks(tokens, most, budget)
    assert [place for chunk in chunks for place in chunk] == list(range(len(tokens)))
    for chunk in chunks:
        assert 0 < len(chunk) <= most
        padded = max(tokens[place] for place in chunk) * len(chunk)
        assert not budget or padded <= budget or len(chunk) == 1
