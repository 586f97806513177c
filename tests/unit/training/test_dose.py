"""train_adapter.py and revealed equivalences: masked, on the card, and nothing without them."""

import json

import pandas as pd
import pytest

from gen2embed.files import write_parquet
from unit.training.test_train_program import digests, job, run_here  # noqa: F401


def with_known(job, tmp_path, hidden):  # noqa: F811
    """Every query is right for every target: revealed, no batch has a negative left."""
    every = [(query, target) for query in range(4) for target in range(4)]
    frame = pd.DataFrame(every, columns=["query_id", "target_id"])
    write_parquet(tmp_path / "known.parquet", frame, {"subset": "Toy"})
    return job | {"equivalences": [str(tmp_path / "known.parquet")], "hidden": hidden}


def test_what_is_revealed_is_no_negative(job, tmp_path):  # noqa: F811
    """Without a negative the loss is 0 (softmax of one), and no weight moves it."""
    known = with_known(job, tmp_path, 0.0) | {"hidden_seed": 3}
    assert run_here(known, tmp_path, out=str(tmp_path / "clean")) == 0
    card = json.loads((tmp_path / "clean" / "card.json").read_text())
    assert card["equivalences"] == {"hidden": 0.0, "hidden_seed": 3, "revealed": 16}
    assert card["first_loss"] == card["last_loss"] == 0


def test_all_hidden_trains_the_same(job, tmp_path):  # noqa: F811
    known = with_known(job, tmp_path, 1.0)
    for name, told in (("hidden", known), ("none", job)):
        assert run_here(told, tmp_path, out=str(tmp_path / name)) == 0
    one, two = (digests(tmp_path / name) for name in ("hidden", "none"))
    different = {name for name in one if one[name] != two[name]}
    assert different <= {"card.json", "README.md"} and "card.json" in different


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"equivalences": None}, "--hidden 0.5: there is nothing to reveal"),
        ({"mask_duplicates": False}, "--hidden 0.5: what is revealed is masked in the loss"),
        ({"equivalences": ["a", "b"]}, "--pairs names 1 files, --equivalences 2"),
    ],
)
def test_flags_that_do_not_fit(job, tmp_path, capsys, change, said):  # noqa: F811
    told = {**with_known(job, tmp_path, 0.5), **change}
    told = {key: value for key, value in told.items() if value is not None}
    assert run_here(told, tmp_path) == 2
    assert said in capsys.readouterr().err.strip().splitlines()[-1]
