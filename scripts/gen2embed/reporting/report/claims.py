"""The paper's claims as this run answers them: yes, no or undecided, from its result tables. Ours.

A claim whose tables the run lacks is not listed: what was not run decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from gen2embed.evaluation.aggregates import ALL
from gen2embed.reporting.tables.rendering import percent, points
from gen2embed.reporting.verdicts import claimed

Tables = Mapping[str, pd.DataFrame]  # numbers of a table (its CSV) by the table's name
YES, NO, UNDECIDED = "yes", "no", "undecided"
HIERARCHICAL = "hierarchical"
OVERLAPPING = "undecided (the intervals overlap)"


@dataclass(frozen=True)
class Claim:
    """text: the claim; found: the numbers with 95 % intervals; verdict: the answer in words;
    product: the table that it is read from."""

    text: str
    found: str
    verdict: str
    product: str

    @property
    def answer(self) -> str:
        """yes, no or undecided."""
        return next(word for word in (YES, NO, UNDECIDED) if self.verdict.startswith(word))


def claims(tables: Tables) -> list[Claim]:
    """What this run says of each claim, in the paper's order."""
    found = [
        _tested(tables, "zero_shot_tests", HIERARCHICAL, "user_only",
                "the prompt beats its user level alone"),
        _tested(tables, "zero_shot_tests", HIERARCHICAL, "plain", "the prompt beats none"),
        _tested(tables, "zero_shot_tests", HIERARCHICAL, "system_only",
                "both levels beat the system level alone"),
        _lower(tables, "prompts", "prompt", (HIERARCHICAL, "user_only"), "image_text_gap",
               "the system level narrows the gap between images and texts", _plain),
        _lower(tables, "mining", "strategy", ("saha", "hns"), "equal_hardness",
               "SaHa mines fewer false negatives, at equal hardness (%)", percent),
        _tested(tables, "runs_tests", f"saha, {HIERARCHICAL}", f"zero-shot, {HIERARCHICAL}",
                "fine-tuning on SaHa's clusters improves on zero-shot"),
        _tested(tables, "runs_tests", f"saha, {HIERARCHICAL}", f"hns, {HIERARCHICAL}",
                "training on SaHa's clusters beats HNS's"),
        _tested(tables, "runs_tests", f"in_batch, {HIERARCHICAL}", "in_batch, user_only",
                "the system level helps training, too"),
        _dose(tables),
    ]  # fmt: skip
    return [claim for claim in found if claim is not None]


def _tested(tables: Tables, table: str, first: str, second: str, text: str) -> Claim | None:
    """A claim that the paired test of two runs on all data sets decides."""
    if table not in tables:
        return None
    frame = tables[table]
    row = paired(frame[frame["aggregate"] == ALL], first, second)
    if row is None:
        return None
    numbers = points(row.difference, row.ci_low, row.ci_high)
    return Claim(f"{text}: {first} - {second}", f"{numbers} points", claimed(row), table)


def paired(frame: pd.DataFrame, first: str, second: str) -> Any:
    """The test of two runs, first minus second, whichever way round it stands; None: untested.

    frame: rows of ``paired_tests``, of one aggregate.
    """
    for first_run, second_run, sign in ((first, second, 1), (second, first, -1)):
        rows = frame[(frame["first"] == first_run) & (frame["second"] == second_run)]
        if len(rows):
            row = rows.iloc[[0]].copy()
            if sign < 0:
                row[["difference", "ci_low", "ci_high"]] = -row[["difference", "ci_high", "ci_low"]]
            return next(row.itertuples())
    return None


def _plain(value: float, low: float, high: float) -> str:
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


def _lower(
    tables: Tables, table: str, key: str, names: tuple[str, str], column: str, text: str,
    written: Callable[[float, float, float], str],
) -> Claim | None:  # fmt: skip
    """A claim that one number is below another: decided only where their intervals are apart.

    That is stricter than a test of the difference; nothing but the two intervals is known.
    """
    frame = tables.get(table)
    if frame is None or column not in frame or not set(names) <= set(frame[key]):
        return None
    ends = {"_ci_low": "_low", "_ci_high": "_high"}
    parts = []
    for name in names:
        row = frame[frame[key] == name].iloc[0]
        columns = [column, *(
            f"{column}{long if f'{column}{long}' in row else short}" for long, short in ends.items()
        )]  # fmt: skip
        parts.append(tuple(float(row[column]) for column in columns))
    if any(pd.isna(number) for part in parts for number in part):
        return None
    (_, low, high), (_, other_low, other_high) = parts
    verdict = YES if high < other_low else "no, the other way" if low > other_high else OVERLAPPING
    shares = ", ".join(f"{name} {written(*part)}" for name, part in zip(names, parts, strict=True))
    return Claim(text, shares, verdict, table)


def _dose(tables: Tables) -> Claim | None:
    """The slope of SaHa's gain on HNS over the share of hidden positives, fixed before the run."""
    frame = tables.get("when_differences")
    if frame is None:
        return None
    mask = (frame["first"] == "saha") & (frame["second"] == "hns") & (frame["measure"] == "slope")
    if not mask.any():
        return None
    row = frame[mask].iloc[0]
    if row["ci_low"] > 0 or row["ci_high"] < 0:
        verdict = YES if row["ci_low"] > 0 else "no, the other way"
    else:
        verdict = f"undecided (95 %: {100 * row['ci_low']:+.1f} to {100 * row['ci_high']:+.1f})"
    numbers = points(row["value"], row["ci_low"], row["ci_high"])
    text = "the more positives are hidden, the more SaHa gains on HNS: slope of saha - hns"
    return Claim(text, f"{numbers} points", verdict, "when_differences")
