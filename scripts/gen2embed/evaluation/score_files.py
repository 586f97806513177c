"""The score contract of docs/data_dictionary.md: one summary for every metric."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gen2embed.errors import InputError
from gen2embed.evaluation.intervals import (
    ABOVE_CHANCE_P,
    above_chance,
    below_chance,
    share_interval,
)
from gen2embed.files import check_numbers, read_json_object, write_json, write_parquet
from gen2embed.study.score_names import predictions_file

COUNTS = ("n", "ties", "skipped_rows")
NUMBERS = ("value", "value_index0", "chance", "ci_low", "ci_high")


def summarise(
    subset: str,
    metric: str,
    hits: np.ndarray,
    index0_hits: np.ndarray,
    ties: np.ndarray,
    chances: np.ndarray,
    facts: Mapping[str, Any],
    concepts: np.ndarray | None = None,
) -> dict[str, Any]:
    """A score without its manifest.

    hits, index0_hits, ties: bool, shape (n,): right where a tie is a miss, right where ties go to
    the true answer, undecided. chances: float, shape (n,): of guessing each row right. facts: what
    else the metric's scores say. concepts: what each row asks about (shape (n,)), where it is
    known: rows of one concept are resampled together.
    """
    n = len(hits)
    chance = float(np.mean(chances))
    p_value = above_chance(int(hits.sum()), n, chance)
    low, high = share_interval(hits, concepts)
    numbers = {
        "value": hits.mean(),
        "value_index0": index0_hits.mean(),
        "chance": chance,
        "ci_low": low,
        "ci_high": high,
    }
    return {
        "subset": subset,
        "metric": metric,
        "n": n,
        "ties": int(ties.sum()),
        "above_chance": p_value < ABOVE_CHANCE_P,
        "p_value": float(f"{p_value:.6g}"),
        **facts,
        **{name: round(float(value), 9) for name, value in numbers.items()},
    }


def is_below_chance(score: Mapping[str, Any]) -> bool:
    """Whether a score is far below chance."""
    return below_chance(score["value"] * score["n"], score["n"], score["chance"])


def at_chance_warning(score: Mapping[str, Any]) -> str:
    """What to say of a score that is not above chance; "" of one that is."""
    if score["above_chance"]:
        return ""
    if is_below_chance(score):
        return (
            f"{score['subset']}: WARNING: {score['value']:.4f} is far below chance "
            f"({score['chance']:.4f}): a wrong answer is preferred; are the sides exchanged?"
        )
    return (
        f"{score['subset']}: WARNING: {score['value']:.4f} is not above chance "
        f"({score['chance']:.4f}, p = {score['p_value']:.3g}): is the model loaded right?"
    )


def read_score(path: str | Path) -> dict[str, Any]:
    """A score as ``write_score`` left it. Raises InputError for what is none."""
    score = read_json_object(path, "above_chance", "manifest", *COUNTS, *NUMBERS)
    check_numbers(path, score, (*COUNTS, *NUMBERS))
    manifests = score["manifest"]
    if not isinstance(manifests, dict) or not all(
        manifests.get(side) is None or isinstance(manifests[side], dict)
        for side in ("query", "target")
    ):
        raise InputError(f"{path}: manifest holds no manifests of vectors; score it again")
    manifests.setdefault("query", None)
    if not isinstance(score.get("data") or {}, dict):
        raise InputError(f"{path}: data is no object; score it again")
    return score


def write_score(out: Path, score: Mapping[str, Any], predictions: pd.DataFrame) -> None:
    """The score, with its predictions beside it: written first, so that a score is never alone."""
    write_parquet(predictions_file(out), predictions)
    write_json(out, score)
