"""What paired tests allow to say: differs, the same, or undecided; as a table and as a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from gen2embed.evaluation.paired import MARGIN, SIGNIFICANCE
from gen2embed.reporting.captions import AGGREGATE_LABELS
from gen2embed.reporting.tables.rendering import points

DIFFERS = "differs"
YES, OTHER_WAY = "yes", "no, the other way"
SAME = f"same within {100 * MARGIN:.0f} points"
TESTS = (
    f"{DIFFERS}: Holm-adjusted p < {SIGNIFICANCE}; {SAME}: the equivalence test finds it (two "
    f"one-sided tests, Holm-adjusted p < {SIGNIFICANCE}); undecided: neither. Intervals are not "
    "adjusted for the number of comparisons, p is. Could see: the least difference in points that "
    "this test would show with 80 % power."
)
MOST_LISTED = 8  # undecided comparisons in a caption; more are in the table of tests alone


def undecided(low: float, high: float) -> str:
    """The answer where the data do not decide, with the 95 % interval (fractions) in points."""
    return f"undecided (95 %: {100 * low:+.1f} to {100 * high:+.1f})"


def verdict(row: Any) -> str:
    """What may be claimed of one paired comparison, a row of ``paired_tests``.

    "differs": adjusted p below 0.05, and every seed has the sign; "same within 2 points": so the
    equivalence test; otherwise "undecided", with what the difference may be.
    """
    if row.p_holm < SIGNIFICANCE and getattr(row, "seeds_agreeing", 1) == getattr(row, "seeds", 1):
        return DIFFERS
    if row.p_equivalent < SIGNIFICANCE:
        return SAME
    return undecided(row.ci_low, row.ci_high)


def claimed(row: Any) -> str:
    """The answer to "does the first beat the second?", of one row of ``paired_tests``."""
    found = verdict(row)
    if found == DIFFERS:
        return YES if row.difference > 0 else OTHER_WAY
    return f"no, {found}" if found == SAME else found


def shown_tests(frame: pd.DataFrame, labels: Mapping[str, str]) -> pd.DataFrame:
    """Paired tests as they are read; labels: headings of the aggregates."""
    shown = pd.DataFrame(
        {
            "mean of": frame["aggregate"].map(labels),
            "first": frame["first"],
            "second": frame["second"],
            "first - second": [
                points(*row)
                for row in zip(frame["difference"], frame["ci_low"], frame["ci_high"], strict=True)
            ],
            "p (Holm)": [f"{value:.2g}" for value in frame["p_holm"]],
            "verdict": [verdict(row) for row in frame.itertuples()],
            "could see": [f"{100 * value:.1f}" for value in frame["least_difference"]],
        }
    )
    if "seeds" in frame:
        shown["seeds of this sign"] = [
            f"{agreeing} of {seeds}" if seeds > 1 else "one seed"
            for agreeing, seeds in zip(frame["seeds_agreeing"], frame["seeds"], strict=True)
        ]
    return shown


def verdicts(tests: pd.DataFrame) -> str:
    """What the paired tests show, by aggregate: differences, sameness, and what is undecided.

    tests: as ``paired_tests`` makes them; where runs were trained also seeds, seeds_agreeing. A
    test that finds no difference shows none: it is undecided, with the least difference that these
    tests could have seen.
    """
    if tests.empty:
        return "Nothing is compared: not all data sets are scored."
    found = tests.assign(verdict=[verdict(row) for row in tests.itertuples()])
    shown, parts, could = found[found["verdict"] == DIFFERS], [], []
    for aggregate in tests["aggregate"].unique():
        rows = shown[shown["aggregate"] == aggregate]
        listed = "; ".join(map(_numbers, rows.itertuples())) or "none"
        parts.append(f"{AGGREGATE_LABELS[aggregate]}: {listed}")
        least = tests.loc[tests["aggregate"] == aggregate, "least_difference"].median()
        could.append(f"{AGGREGATE_LABELS[aggregate]} {100 * least:.1f}")
    several = "seeds" in tests and (tests["seeds"] > 1).any()
    of_seeds = ", the same sign in every seed" if several else ""
    return (
        f"Paired differences that are shown (Holm-adjusted p < 0.05{of_seeds}): "
        f"{'. '.join(parts)}. {_others(found, len(shown))} The least difference that these "
        f"tests could see (80 % power, the median): {', '.join(could)} points."
    )


def _others(found: pd.DataFrame, shown: int) -> str:
    """Of the comparisons whose difference is not shown: which are the same, which undecided."""
    equivalent = int((found["verdict"] == SAME).sum())
    rest = found[~found["verdict"].isin([DIFFERS, SAME])]
    sentence = f"Of the other {len(found) - shown} of {len(found)}, {equivalent} are the {SAME}"
    sentence += f" (equivalence test, Holm-adjusted p < 0.05), {len(rest)} are undecided"
    if 0 < len(rest) <= MOST_LISTED:
        sentence += ": " + "; ".join(
            f"{AGGREGATE_LABELS[row.aggregate]} {row.first} - {row.second} "
            f"{row.verdict.removeprefix('undecided ')}"
            for row in rest.itertuples()
        )
    return sentence + "."


def _numbers(row: Any) -> str:
    difference = points(row.difference, row.ci_low, row.ci_high)
    trained = getattr(row, "seeds", 1)
    seeds = f", {row.seeds_agreeing} of {trained} seeds" if trained > 1 else ""
    return f"{row.first} - {row.second} {difference} points (p = {row.p_holm:.2g}{seeds})"
