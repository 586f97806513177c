"""The paper's claims as this run answers them: yes, no or undecided, from its result tables. Ours.

A claim whose tables the run lacks is not listed: what was not run decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from gen2embed.evaluation.aggregates import ALL
from gen2embed.reporting.tables.rendering import percent, points
from gen2embed.reporting.verdicts import OTHER_WAY, YES, claimed, undecided

Tables = Mapping[str, pd.DataFrame]  # numbers of a table (its CSV) by the table's name
NO, UNDECIDED = "no", "undecided"
HIERARCHICAL = "hierarchical"
OVERLAPPING = "undecided (the intervals overlap)"
COMPARED = {"hns", "saha"}


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


def claims(tables: Tables, rates: Mapping[str, Any] | None = None) -> list[Claim]:
    """What this run says of each claim, in the paper's order.

    rates: report of measure_false_negatives.py on all subsets; None: equivalences are not known.
    """
    found = [
        _tested(tables, "zero_shot_tests", HIERARCHICAL, "user_only",
                "the prompt beats its user level alone"),
        _tested(tables, "zero_shot_tests", HIERARCHICAL, "plain", "the prompt beats none"),
        _tested(tables, "zero_shot_tests", HIERARCHICAL, "system_only",
                "both levels beat the system level alone"),
        _narrower(tables),
        _fewer(rates),
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


def _narrower(tables: Tables) -> Claim | None:
    """The image-text gap under the prompt and without its system level: decided only where the two
    intervals are apart, which is stricter than a test of the difference."""
    gap, names = "image_text_gap", (HIERARCHICAL, "user_only")
    frame = tables.get("prompts")
    columns = [gap, f"{gap}_low", f"{gap}_high"]
    if frame is None or not set(columns) <= set(frame) or not set(names) <= set(frame["prompt"]):
        return None
    numbers = frame.set_index("prompt").loc[list(names), columns].astype(float)
    if numbers.isna().any(axis=None):
        return None
    (_, low, high), (_, other_low, other_high) = numbers.to_numpy()
    verdict = YES if high < other_low else OTHER_WAY if low > other_high else OVERLAPPING
    gaps = ", ".join(
        f"{name} {value:.3f} [{low:.3f}, {high:.3f}]"
        for name, value, low, high in numbers.itertuples()
    )
    text = "the system level narrows the gap between images and texts"
    return Claim(text, gaps, verdict, "prompts")


def _fewer(rates: Mapping[str, Any] | None) -> Claim | None:
    """True false negatives of both at equal hardness, and the interval of their difference."""
    differences = [
        difference
        for difference in (rates or {}).get("differences", ())
        if difference["measure"] == "equal_hardness"
        and {difference["first"], difference["second"]} == COMPARED
    ]
    if not differences:
        return None
    difference = differences[0]
    sign = 1 if difference["first"] == "hns" else -1
    ends = sorted((sign * difference["ci_low"], sign * difference["ci_high"]))
    parts = []
    for name in ("saha", "hns"):
        row = rates["strategies"][name]
        keys = ("equal_hardness", "equal_hardness_ci_low", "equal_hardness_ci_high")
        parts.append(f"{name} {percent(*(row[key] for key in keys))} %")
    value = points(sign * difference["value"], *ends)
    numbers = f"{', '.join(parts)}; hns - saha {value} points"
    text = "SaHa mines fewer false negatives, at equal hardness"
    return Claim(text, numbers, decided(*ends), "mining")


def decided(low: float, high: float) -> str:
    """Whether a number is above 0, by its 95 % interval (fractions): the answer in words."""
    if low > 0 or high < 0:
        return YES if low > 0 else OTHER_WAY
    return undecided(low, high)


def _dose(tables: Tables) -> Claim | None:
    """The slope of SaHa's gain on HNS over the share of hidden positives, fixed before the run."""
    frame = tables.get("when_differences")
    if frame is None:
        return None
    mask = (frame["first"] == "saha") & (frame["second"] == "hns") & (frame["measure"] == "slope")
    if not mask.any():
        return None
    row = frame[mask].iloc[0]
    verdict = decided(row["ci_low"], row["ci_high"])
    numbers = points(row["value"], row["ci_low"], row["ci_high"])
    text = "the more positives are hidden, the more SaHa gains on HNS: slope of saha - hns"
    return Claim(text, f"{numbers} points", verdict, "when_differences")
