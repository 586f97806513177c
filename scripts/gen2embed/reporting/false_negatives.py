"""The reports of measure_false_negatives.py as sentences and as columns of tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from gen2embed.reporting.tables.rendering import percent, points

RATES = ("overall", "in_clusters", "equal_hardness")
ENDS = ("", "_ci_low", "_ci_high")
NAN = float("nan")
NONE_CAN_BE = "none can be"
EQUAL_HARDNESS = (
    "At equal hardness: hardness is compared within a training subset (cosines of different "
    "subsets have different scales), in bins that the compared strategies share, and averaged over "
    "subsets; a strategy that lacks one of these bins is not comparable. Of all pairs: ordered "
    "pairs of a cluster, since in the loss each of its queries asks; annotated ones, which are "
    "masked, left out. Where none or all are false the interval is Wilson's, over clusters."
)


def rates(report: Mapping[str, Any] | None, strategy: str) -> dict[str, float]:
    """One strategy's false-negative rates, each with its interval, and ``known``.

    report None (a benchmark without known equivalences): the rates are not known (NaN). known: how
    many equivalences there are; without any, no negative can be false. Of a report on several
    subsets also ``equal_hardness_<subset>`` of each subset with equivalences.
    """
    row = report["strategies"].get(strategy) if report else None
    keys = [f"{key}{end}" for key in RATES for end in ENDS]
    found = {key: number(row, key) for key in keys}
    for task, of_task in tasks(report).items():
        row = of_task["strategies"].get(strategy)
        for end in ENDS:
            found[f"equal_hardness_{task}{end}"] = number(row, f"equal_hardness{end}")
    return found | {"known": report["known"] if report else NAN}


def number(row: Mapping[str, Any] | None, key: str) -> float:
    """A number of a strategy's report; NaN where there is no report, or nothing to divide by."""
    return NAN if row is None or row[key] is None else row[key]


def tasks(report: Mapping[str, Any] | None) -> dict[str, Mapping[str, Any]]:
    """Of a report on several subsets: those in which a negative can be false, by name."""
    every = report["tasks"] if report else {}
    return {name: every[name] for name in report["pooled"] if every[name]["known"]} if every else {}


def shown_rates(frame: pd.DataFrame) -> dict[str, list[str]]:
    """Columns of a table as they are read, by heading; frame: the columns of ``rates``."""
    headings = {
        "overall": "false negatives (%)",
        "in_clusters": "of all pairs (%)",
        "equal_hardness": "at equal hardness (%)",
    }
    for name in frame:
        task = name.removeprefix("equal_hardness_")
        if name.startswith("equal_hardness_") and not task.endswith(("ci_low", "ci_high")):
            headings[name] = f"{task}: at equal hardness (%)"
    records = frame.to_dict("records")
    return {heading: [_cell(row, key) for row in records] for key, heading in headings.items()}


def _cell(row: Mapping[str, Any], key: str) -> str:
    if pd.isna(row.get(key, NAN)):
        return "-"
    if row["known"] == 0:
        return NONE_CAN_BE
    return percent(*(row[f"{key}{end}"] for end in ENDS))


def rate_sentence(report: Mapping[str, Any] | None, strategies: Sequence[str]) -> str:
    """False-negative rates of the named strategies, and the difference at equal hardness.

    report None: the benchmark has no known equivalences, and the sentence says so.
    """
    if report is None:
        return "True false negatives are not known: the benchmark annotates one target a query."
    parts = []
    for name in strategies:
        row = report["strategies"][name]
        if row["overall"] is None:
            continue
        shown = {key: _cell(row | {"known": report["known"]}, key) for key in RATES}
        shown = {
            key: f"{text} %" if text != "-" else "not comparable" for key, text in shown.items()
        }
        parts.append(
            f"{name} {shown['overall']} of the anchors' negatives, {shown['in_clusters']} of all "
            f"ordered pairs, {shown['equal_hardness']} at equal hardness"
        )
    shown = [*_differences(report)]
    for task, of_task in tasks(report).items():
        shown += [f"in {task} {difference}" for difference in _differences(of_task)]
    differences = f" At equal hardness {'; '.join(shown)}." if shown else ""
    return f"False negatives: {'; '.join(parts)}.{differences}"


def _differences(report: Mapping[str, Any]) -> Iterator[str]:
    for difference in report["differences"]:
        if difference["measure"] == "equal_hardness" and not _none_in(report, difference):
            numbers = (difference["value"], difference["ci_low"], difference["ci_high"])
            undecided = ", undecided" if difference["ci_low"] <= 0 <= difference["ci_high"] else ""
            pair = f"{difference['first']} - {difference['second']}"
            yield f"{pair} {points(*numbers)} points{undecided}"


def _none_in(report: Mapping[str, Any], difference: Mapping[str, Any]) -> bool:
    """Whether neither strategy has a false negative: there is nothing to compare."""
    names = (difference["first"], difference["second"])
    return not any(report["strategies"][name]["equal_hardness"] for name in names)
