"""Does a published aggregate follow from the numbers that were published with it?

Every aggregate is recomputed from its own data sets where all of these are published, and otherwise
from the meta-tasks, or from IND and OOD, weighted by their numbers of data sets. Ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from gen2embed.evaluation.aggregates import ALL, META_TASKS, SPLITS, members

ROUNDING = 0.05  # of a number printed with one decimal
SYSTEM = ["model", "backbone", "params", "setting"]
COLUMNS = [*SYSTEM, "aggregate", "printed", "recomputed", "made_from", "difference", "verdict"]
AGREES, DISAGREES, MACRO = "agrees", "disagrees", "is the mean of 4 meta-tasks"


def audit(scores: pd.DataFrame, register: pd.DataFrame) -> pd.DataFrame:
    """One row per printed aggregate and way to recompute it.

    scores: model, backbone, params, setting, name, score (percent); register: part, name,
    meta_task, split. Columns: the system, aggregate, printed, recomputed, made_from (data sets,
    meta-tasks, IND and OOD), difference (printed minus recomputed), verdict. What is printed may
    be off by its own rounding and by that of what it is made from; more is a disagreement, unless
    it is the unweighted mean of the four meta-tasks, which is then said.
    """
    sets = members(register)
    rows = []
    for system, of_system in scores.groupby(SYSTEM, sort=False):
        printed = dict(zip(of_system["name"], of_system["score"], strict=True))
        for aggregate in (name for name in sets if name in printed):
            for made_from, recomputed in _ways(aggregate, printed, sets):
                difference = printed[aggregate] - recomputed
                verdict = _verdict(aggregate, difference, printed)
                numbers = (printed[aggregate], round(recomputed, 3), made_from)
                rows.append((*system, aggregate, *numbers, round(difference, 3), verdict))
    return pd.DataFrame(rows, columns=COLUMNS)


def _ways(
    aggregate: str, printed: Mapping[str, float], sets: Mapping[str, Sequence[str]]
) -> Iterator[tuple[str, float]]:
    """How the aggregate can be made from what was printed beside it."""
    names = sets[aggregate]
    if all(name in printed for name in names):
        yield f"{len(names)} data sets", sum(printed[name] for name in names) / len(names)
    if aggregate != ALL:
        return
    for parts, formula in (
        (META_TASKS, "4 meta-tasks, weighted"),
        (SPLITS, "IND and OOD, weighted"),
    ):
        if all(part in printed for part in parts):
            total = sum(printed[part] * len(sets[part]) for part in parts)
            yield formula, total / sum(len(sets[part]) for part in parts)


def _verdict(aggregate: str, difference: float, printed: Mapping[str, float]) -> str:
    tolerance = 2 * ROUNDING + 1e-9
    if abs(difference) <= tolerance:
        return AGREES
    if aggregate == ALL and all(part in printed for part in META_TASKS):
        macro = sum(printed[part] for part in META_TASKS) / len(META_TASKS)
        if abs(printed[ALL] - macro) <= tolerance:
            return MACRO
    return DISAGREES
