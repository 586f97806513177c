"""Published systems in order, and which neighbours their printed means cannot tell apart."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from gen2embed.evaluation.aggregates import ALL
from gen2embed.evaluation.audit import SYSTEM
from gen2embed.evaluation.paired import SIGNIFICANCE, least_difference
from gen2embed.evaluation.published import ROWS, mmeb_datasets
from gen2embed.evaluation.unpaired import greatest_error, mean_error, rank_ranges, told_apart
from gen2embed.reporting.tables.peers import systems
from gen2embed.reporting.tables.published_scores import (
    MARK,
    STAGES,
    published_of,
)

FROM_SETS, FROM_MEAN = "data sets", "the mean alone (an upper bound)"
COLUMNS = ["stage", *SYSTEM, "value", "error", "error_from", "rank", "rank_low", "rank_high"]
NAMED = 4  # undecided neighbours that are named; the others are counted


def ranked(stage: str) -> pd.DataFrame:
    """Systems of a stage, best first, with the error of their mean of all and possible ranks.

    Left out: means that the audit of published scores does not confirm. Columns: COLUMNS, then
    ``undecided`` (list of systems whose difference is not shown). Values and errors are fractions.
    """
    frame = systems(stage).dropna(subset=ALL)
    frame = frame[[ALL not in doubted.split() for doubted in frame["doubted"]]]
    frame = frame.drop_duplicates(["model", "backbone"]).reset_index(drop=True)
    scores, names = published_of(stage), set(mmeb_datasets()["name"])
    errors, sources = [], []
    for row in frame.itertuples():
        own = scores[(scores["model"] == row.model) & (scores["backbone"] == row.backbone)]
        shares = own[own["name"].isin(names)].drop_duplicates("name")["score"].tolist()
        complete = len(shares) == len(names)
        errors.append(
            mean_error(shares, ROWS) if complete else greatest_error(row.all, len(names), ROWS)
        )
        sources.append(FROM_SETS if complete else FROM_MEAN)
    apart = told_apart(frame[ALL].tolist(), errors)
    ranks = rank_ranges(frame[ALL].tolist(), apart)
    labels = [f"{row.model} ({row.backbone})" for row in frame.itertuples()]
    undecided = [
        [labels[j] for j in range(len(labels)) if j != i and not apart[i, j]]
        for i in range(len(labels))
    ]
    return frame.assign(
        stage=stage,
        value=frame[ALL],
        error=errors,
        error_from=sources,
        rank=frame[ALL].rank(ascending=False, method="min").astype(int),
        rank_low=ranks[:, 0],
        rank_high=ranks[:, 1],
        undecided=undecided,
    )[[*COLUMNS, "undecided"]].round(9)


def could_see(value: float) -> float:
    """The least difference (fraction) of two means near ``value`` that printed means can show.

    One comparison, 80 % power, both errors at their upper bound.
    """
    error = greatest_error(value, len(mmeb_datasets()), ROWS)
    return least_difference((2 * error**2) ** 0.5, 1)


def distances(frame: pd.DataFrame, model: str, backbone: str) -> str:
    """How far a published system is from the best of its stage, and of its own backbone.

    frame: as of ``ranked``. Empty where the system is not in it.
    """
    own = frame[(frame["model"] == model) & (frame["backbone"] == backbone)]
    if own.empty:
        return ""
    value = own["value"].iloc[0]
    others = frame[frame["backbone"] == backbone].drop(own.index)
    parts = [_distance(value, frame.drop(own.index), "of all")]
    parts.append(_distance(value, others, f"on {backbone}"))
    return (
        f"{model} on {backbone} ({100 * value:.1f}{MARK}) is {' and '.join(filter(None, parts))}."
    )


def _distance(value: float, others: pd.DataFrame, among: str) -> str:
    if others.empty:
        return ""
    best = others.iloc[0]
    less = 100 * (best["value"] - value)
    way = "below" if less >= 0 else "above"
    return f"{abs(less):.1f} points {way} the best other {among}, {best['model']}"


def shown_ranks(frames: Sequence[pd.DataFrame], labels: dict[str, str]) -> pd.DataFrame:
    """The same as it is read; labels: headings of the stages."""
    rows = []
    for row in pd.concat(frames).itertuples():
        named = row.undecided[:NAMED]
        more = len(row.undecided) - len(named)
        rows.append(
            {
                "stage": labels[row.stage],
                "system": f"{row.model}, {row.backbone}",
                "all": f"{100 * row.value:.1f}{MARK}",
                "error": f"{100 * row.error:.2f}",
                "rank": f"{row.rank} ({row.rank_low} to {row.rank_high})",
                "not told apart from": "; ".join(named) + (f"; {more} more" if more else "")
                or "none",
            }
        )
    return pd.DataFrame(rows)


STAGE_LABELS = dict(zip(STAGES, ("zero-shot", "fine-tuned, or not told"), strict=True))
LEVEL = f"Holm-adjusted p < {SIGNIFICANCE} over all pairs of a stage"
