"""Which cell of a table of means is the best: only where a paired test says so. Ours."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from gen2embed.reporting.captions import AGGREGATE_LABELS
from gen2embed.reporting.report.claims import paired
from gen2embed.reporting.verdicts import DIFFERS, verdict

TESTS_OF = {"zero_shot": "zero_shot_tests", "runs": "runs_tests"}  # a table -> its paired tests
MEASURED = "measured here"
NOTE = (
    "Bold (of IND, OOD, all): the highest mean, where it beats the next best, and every other row "
    "that it was compared with, in a paired test; no bold: no test says so."
)


def best_cells(
    header: Sequence[str], rows: Sequence[Sequence[str]], tests: pd.DataFrame
) -> set[tuple[int, int]]:
    """(row, column) of the cells to mark, of a table of runs (column 0) by aggregate.

    header, rows: as shown; only rows that were measured here count. tests: of ``paired_tests``.
    """
    labels = {label: name for name, label in AGGREGATE_LABELS.items()}
    measured = [i for i, row in enumerate(rows) if MEASURED in row]
    found = set()
    for column, label in enumerate(header):
        of_column = tests[tests["aggregate"] == labels.get(label)]
        numbered = [(number(rows[i][column]), i) for i in measured]
        ranked = sorted((pair for pair in numbered if pair[0] is not None), reverse=True)
        if len(ranked) < 2 or of_column.empty:
            continue
        (_, best), (_, runner_up) = ranked[:2]
        tested = {i: paired(of_column, rows[best][0], rows[i][0]) for _, i in ranked[1:]}
        known = [test for test in tested.values() if test is not None]
        beats_all = all(verdict(test) == DIFFERS and test.difference > 0 for test in known)
        if tested[runner_up] is not None and beats_all:
            found.add((best, column))
    return found


def number(cell: str) -> float | None:
    """The number that a shown cell begins with: 45.2 of "45.2 [43.9, 46.6]"; None of "not run"."""
    try:
        return float(cell.split()[0])
    except (IndexError, ValueError):
        return None
