"""The benches' tables as a history: what is read of a table, and that lines are only added."""

import csv
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))

import machine
import run_benches

TABLE = """8 items, 50 % with an image

| method | items/s | of it (%) |
|---|---|---|
| encoder | 1,210 | 80 |
| reference | - | 7.5 |

least cosine: 1.0
"""


def test_numbers_of_a_table_by_hand():
    assert list(run_benches.numbers(TABLE.splitlines(), 1)) == [
        ("encoder", "items/s", 1210.0),
        ("encoder", "of it (%)", 80.0),
        ("reference", "of it (%)", 7.5),
    ]


def test_a_key_of_two_columns_and_two_tables():
    text = "| a | b | s |\n|---|---|---|\n| 1 | x | 2 |\n\n| c | s |\n|---|---|\n| y | 3 |\n"
    assert list(run_benches.numbers(text.splitlines(), 2)) == [("1 x", "s", 2.0)]


def test_a_history_grows(tmp_path, monkeypatch):
    monkeypatch.setattr(run_benches, "run", lambda _: TABLE.splitlines())
    path = tmp_path / "new" / "history.csv"
    monkeypatch.setattr(
        sys, "argv", ["run_benches.py", "--only", "bench_scoring.py", "--history", str(path)]
    )
    run_benches.main()
    first = path.read_text()
    run_benches.main()
    assert path.read_text().startswith(first)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6 and rows[0]["bench"] == "bench_scoring.py"
    assert (rows[0]["row"], rows[0]["column"], rows[0]["value"]) == ("encoder", "items/s", "1210.0")
    assert "torch" in rows[0]["machine"] and rows[0]["revision"]


def test_a_bench_that_fails_ends_the_run():
    with pytest.raises(SystemExit) as ended:
        run_benches.run(["bench_scoring.py", "--sets", "none"])
    assert ended.value.code == 2


def test_products_are_counted_and_the_peak_is_one():
    import torch

    first, second = torch.ones(3, 5), torch.ones(5, 7)
    assert machine.counted(lambda: first @ second) == 2 * 3 * 5 * 7
    assert machine.peak_flops(64, 64, 0.01) > 1e6


def test_every_bench_that_prints_a_table_is_in_it():
    folder = Path(run_benches.__file__).parent
    tables = {path.name for path in folder.glob("bench_*.py") if "|---|" in path.read_text()}
    assert tables == set(run_benches.KEYS)
