"""Runs that hide a share of the known equivalences, as tables: scores, differences, mediators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from gen2embed.evaluation.dose_response import Drawn, crossing, line, mean_of_sets
from gen2embed.reporting.results import Run, spread
from gen2embed.reporting.tables.rendering import percent, points
from gen2embed.reporting.verdicts import undecided

Arms = Mapping[tuple[str, float], Run]  # by strategy and hidden share
PRIMARY = ("saha", "hns")
COMPARED = (
    PRIMARY,
    ("saha", "pool_random"),
    ("both_sides", "hns"),
    ("both_sides", "saha"),
)  # first minus second, fixed before the run: docs/when.md
GATE = 0.05  # of Precision@1, by which training on clean hard negatives must beat zero-shot
ZERO_SHOT = "zero-shot"
SLOPE, CROSSING = "slope", "crossing"
NOT_DETERMINED = "not determined (the slope is undecided)"
RATES = ("overall", "in_clusters", "hardness_mean", "minimal_pairs", "equal_hardness")


def drawn_of(run: Run) -> Drawn:
    """The mean over all its data sets."""
    names = list(run.scores)
    concepts = run.concepts_of(names)
    if concepts is None:
        concepts = [np.array([f"{name} {row}" for row in run.row_ids[name]]) for name in names]
    return mean_of_sets([run.hits[name] for name in names], concepts)


def score_rows(arms: Arms, zero_shot: Run) -> pd.DataFrame:
    """A row per arm and dose, zero-shot first: value, gain over zero-shot, their intervals; spread:
    standard deviation over seeds (NaN: one seed). hidden: NaN for zero-shot."""
    base = drawn_of(zero_shot)
    rows = [{"strategy": ZERO_SHOT, "hidden": np.nan, "seeds": 0, **_numbers("", base)}]
    for (strategy, hidden), run in arms.items():
        found = drawn_of(run)
        by_seed = [
            np.mean([seed_run.hits[name].mean() for name in seed_run.hits])
            for seed_run in run.of_seeds
        ]
        numbers = {
            **_numbers("", found),
            **_numbers("gain_", found - base),
            "spread": spread(by_seed),
        }
        rows.append({"strategy": strategy, "hidden": hidden, "seeds": run.seeds, **numbers})
    return pd.DataFrame(rows).round(9)


def _numbers(prefix: str, found: Drawn) -> dict[str, float]:
    low, high = found.interval()
    name = prefix.removesuffix("_") or "value"
    return {name: found.value, f"{prefix}ci_low": low, f"{prefix}ci_high": high}


def difference_rows(arms: Arms) -> pd.DataFrame:
    """Differences at each dose, their slope on the dose, and where the line crosses 0.

    Columns: first, second, measure (``d=0.5``, slope, crossing), value, ci_low, ci_high (fractions;
    of the slope per whole share, of the crossing a share), seeds (values of each seed, in points),
    verdict, said (as it is read). Comparisons of strategies that are not there are left out.
    """
    rows = []
    for first, second in COMPARED:
        doses = sorted(h for name, h in arms if name == first and (second, h) in arms)
        if not doses:
            continue
        pairs = [(arms[first, dose], arms[second, dose]) for dose in doses]
        found = [drawn_of(saha) - drawn_of(hns) for saha, hns in pairs]
        by_seed = [_each_seed(*pair) for pair in pairs]
        name = {"first": first, "second": second}
        rows += [
            name | _row(f"d={dose:g}", difference, of_seeds)
            for dose, difference, of_seeds in zip(doses, found, by_seed, strict=True)
        ]
        if len(doses) < 2:
            continue
        slope, at_zero = line(doses, found)
        rows.append(name | _row(SLOPE, slope, np.polyfit(doses, np.array(by_seed), 1)[0]))
        rows.append(name | _crossing_row(crossing(slope, at_zero)))
    return pd.DataFrame(rows).round(9)


def _each_seed(first: Run, second: Run) -> list[float]:
    first_seeds, second_seeds = first.of_seeds or (first,), second.of_seeds or (second,)
    return [
        float(
            np.mean(
                [of_first.hits[name].mean() - of_second.hits[name].mean() for name in of_first.hits]
            )
        )
        for of_first, of_second in zip(first_seeds, second_seeds, strict=True)
    ]


def _row(measure: str, found: Drawn, of_seeds: Sequence[float]) -> dict[str, Any]:
    low, high = found.interval()
    verdict = undecided(low, high)
    if found.excludes_zero:
        verdict = "above 0" if found.value > 0 else "below 0"
    return {
        "measure": measure,
        "value": found.value,
        "ci_low": low,
        "ci_high": high,
        "seeds": " ".join(f"{100 * difference:+.1f}" for difference in of_seeds),
        "verdict": verdict,
        "said": points(found.value, low, high),
    }


def _crossing_row(found: Drawn | None) -> dict[str, Any]:
    row = {"measure": CROSSING, "seeds": "", "verdict": "", "value": np.nan}
    row |= {"ci_low": np.nan, "ci_high": np.nan}
    if found is None:
        return row | {"said": NOT_DETERMINED}
    low, high = found.interval()
    side = "below all doses" if found.value < 0 else "above all doses"
    row |= {"value": found.value, "ci_low": low, "ci_high": high}
    row["verdict"] = "between the doses" if 0 <= found.value <= 1 else side
    return row | {"said": f"{found.value:.2f} [{low:.2f}, {high:.2f}]"}


def mediator_rows(reports: Mapping[float, Mapping[str, Any]], strategies: Sequence[str]) -> Any:
    """What the arms' clusters are at each dose, from the reports on false negatives: a frame of
    strategy, hidden, negatives and ``RATES`` with their intervals (NaN: nothing to divide by)."""
    rows = []
    for strategy, (hidden, report) in product(strategies, reports.items()):
        found = report["strategies"].get(strategy)
        if found is None:
            continue
        row = {"strategy": strategy, "hidden": hidden, "negatives": found["negatives"]}
        for name, end in product(RATES, ("", "_ci_low", "_ci_high")):
            value = found[f"{name}{end}"]
            row[f"{name}{end}"] = np.nan if value is None else value
        rows.append(row)
    return pd.DataFrame(rows).round(9)


def frontier_rows(reports: Mapping[tuple[int, int], Mapping[str, Any]]) -> pd.DataFrame:
    """Hardness against true false-negative rate of every strategy, k and m, all hidden."""
    rows = [
        {
            "strategy": strategy,
            "k": k,
            "m": m,
            "negatives": found["negatives"],
            "hardness": found["hardness_mean"],
            "rate": found["overall"],
            "ci_low": found["overall_ci_low"],
            "ci_high": found["overall_ci_high"],
            "minimal_pairs": found["minimal_pairs"],
        }
        for (k, m), report in reports.items()
        for strategy, found in report["strategies"].items()
        if found["negatives"]
    ]
    return pd.DataFrame(rows).round(9)


def gate_sentence(scores: pd.DataFrame) -> str:
    """Whether the task qualifies: ``hns``, nothing hidden, against zero-shot; "" without it."""
    row = scores[(scores["strategy"] == "hns") & (scores["hidden"] == 0)]
    if row.empty:
        return ""
    facts = row.iloc[0]
    gain = points(facts["gain"], facts["gain_ci_low"], facts["gain_ci_high"])
    passes = "passes" if facts["gain"] >= GATE else "does not pass"
    return (
        f"Training on clean hard negatives (hns, nothing hidden) beats zero-shot by {gain} points: "
        f"the task {passes} the gate of {100 * GATE:.0f} points."
    )


def answer_sentence(differences: pd.DataFrame) -> str:
    """What the primary comparison says, in words; "" without it."""
    rows = differences[
        (differences["first"] == PRIMARY[0]) & (differences["second"] == PRIMARY[1])
    ].set_index("measure")
    if SLOPE not in rows.index:
        return ""
    slope, cross = rows.loc[SLOPE], rows.loc[CROSSING]
    side = cross["verdict"]  # of a file without one: NaN
    ends = [name for name in rows.index if name.startswith("d=")]
    at_ends = "; ".join(f"{name} {rows.loc[name, 'said']}" for name in ends)
    if slope["verdict"].startswith("undecided"):
        finding = "whether SaHa gains on HNS as positives are hidden is undecided"
    elif slope["value"] > 0:
        finding = "SaHa gains on HNS as positives are hidden"
    else:
        finding = "SaHa loses on HNS as positives are hidden"
    return (
        f"saha - hns in points of Precision@1: {at_ends}; slope {slope['said']} from none to all "
        f"hidden: {finding}. Crossing d*: {cross['said']}"
        + (f", {side}." if isinstance(side, str) and side else ".")
    )


def shown_scores(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "trained on": frame["strategy"],
            "hidden": ["-" if pd.isna(share) else f"{share:g}" for share in frame["hidden"]],
            "Precision@1 (%)": [
                percent(*row)
                for row in zip(frame["value"], frame["ci_low"], frame["ci_high"], strict=True)
            ],
            "over zero-shot": [
                "-" if pd.isna(row.gain) else points(row.gain, row.gain_ci_low, row.gain_ci_high)
                for row in frame.itertuples()
            ],
            "sd over seeds": [
                "-" if pd.isna(value) else f"{100 * value:.1f}" for value in frame["spread"]
            ],
        }
    )


def shown_differences(frame: pd.DataFrame) -> pd.DataFrame:
    shown = frame[["first", "second", "measure", "said", "seeds", "verdict"]].copy()
    shown.columns = ["first", "second", "of", "first - second", "each seed", "verdict"]
    return shown


def shown_mediators(frame: pd.DataFrame) -> pd.DataFrame:
    def cells(name: str, write: Any) -> list[str]:
        ends = (name, f"{name}_ci_low", f"{name}_ci_high")
        return [
            "-" if pd.isna(row[name]) else write(*(row[end] for end in ends))
            for row in frame.to_dict("records")
        ]

    return pd.DataFrame(
        {
            "strategy": frame["strategy"],
            "hidden": [f"{share:g}" for share in frame["hidden"]],
            "false negatives (%)": cells("overall", percent),
            "of all pairs (%)": cells("in_clusters", percent),
            "hardness": cells("hardness_mean", lambda v, a, b: f"{v:.3f} [{a:.3f}, {b:.3f}]"),
            "minimal pairs (%)": cells("minimal_pairs", percent),
        }
    )
