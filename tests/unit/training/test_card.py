"""What an adapter's card says of bad rows that were dropped, and what is read from it."""

import pytest

from gen2embed.files import write_json
from gen2embed.models.folders.adapters import trained_on
from gen2embed.training.card import render_card

SUBSET = {"strategy": "saha", "prompt": None, "split": "original", "row_cap": None}
SUBSET |= {"pairs": 8, "clusters": 2, "clusters_taken": 2, "pairs_taken": 8}
NUMBERS = {"trained_parameters": 1, "first_loss": 2.0, "last_loss": 1.0, "pairs_seen": 8}
NUMBERS |= {"queries_trained": 8, "items_encoded": 16}


def card(**dropped):
    """Subsets A, B and C; how many rows of some were dropped."""
    clusters = {
        name: SUBSET | ({"dropped": dropped[name]} if name in dropped else {}) for name in "ABC"
    }
    facts = {"model": "m", "prompt": "p", "settings": {"steps": 3, "seed": 0}, "versions": {}}
    return NUMBERS | facts | {"clusters": clusters}


def test_a_card_counts_dropped_rows_by_subset():
    text = render_card(card(A=1, C=2))
    assert text == render_card(card()) + "\n3 rows dropped as bad: A 1, C 2.\n"
    assert "dropped" not in render_card(card())


@pytest.mark.parametrize("dropped", [{}, {"B": 1}, {"A": 1, "C": 2}])
def test_the_manifest_says_what_was_trained_on(tmp_path, dropped):
    write_json(tmp_path / "card.json", card(**dropped))
    wanted = {"split": "original", "row_cap": None, "strategy": "saha", "steps": 3, "seed": 0}
    wanted |= {"dropped": sum(dropped.values())} if dropped else {}
    assert trained_on(str(tmp_path)) == wanted
