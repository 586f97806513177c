"""Files of scores from elsewhere: leaderboards' JSON or a CSV, read and compared set by set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from pathlib import Path

import pandas as pd

from gen2embed.errors import InputError
from gen2embed.evaluation.paired import Difference, equivalence, holm, least_difference
from gen2embed.evaluation.unpaired import difference_of, mean_error, rank_ranges, told_apart
from gen2embed.files import as_numbers, read_csv, read_json_object

HIT = "hit@1"
TESTS = [
    "aggregate", "first", "second", "difference", "ci_low", "ci_high", "p_value", "standard_error",
]  # fmt: skip


def read_shares(path: str | Path) -> dict[str, float]:
    """Precision@1 (fraction) by data set.

    JSON: a leaderboard's, ``metrics`` by modality, data set, ``hit@1`` (fractions). CSV: columns
    dataset and score (percent). Raises InputError for anything else, or a score out of range.
    """
    shares = _of_json(path) if Path(path).suffix == ".json" else _of_csv(path)
    if not shares:
        raise InputError(f"{path}: holds no score; a leaderboard's .json, or .csv dataset,score")
    for name, share in shares.items():
        if not 0 <= share <= 1:
            raise InputError(
                f"{path}: {name}: {share:g} is no share; .json holds fractions, .csv percent"
            )
    return shares


def _of_json(path: str | Path) -> dict[str, float]:
    metrics = read_json_object(path).get("metrics")
    shares = {}
    for of_modality in metrics.values() if isinstance(metrics, dict) else ():
        for name, scores in of_modality.items() if isinstance(of_modality, dict) else ():
            value = scores.get(HIT) if isinstance(scores, dict) else None
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise InputError(f"{path}: {name}: no number {HIT}")
            shares[name] = float(value)
    return shares


def _of_csv(path: str | Path) -> dict[str, float]:
    frame = as_numbers(path, read_csv(path, ["dataset", "score"]), ["score"])
    if frame["dataset"].duplicated().any():
        name = frame.loc[frame["dataset"].duplicated(), "dataset"].iloc[0]
        raise InputError(f"{path}: {name} stands there twice")
    if frame["score"].isna().any():
        name = frame.loc[frame["score"].isna(), "dataset"].iloc[0]
        raise InputError(f"{path}: {name}: its score is no number")
    return dict(zip(frame["dataset"], (frame["score"] / 100).round(9), strict=True))


def compare_shares(
    first: Mapping[str, float],
    second: Mapping[str, float],
    names: tuple[str, str],
    groups: Mapping[str, Sequence[str]],
    queries: int,
) -> pd.DataFrame:
    """Differences of printed scores, first minus second, Holm-adjusted over all of them.

    names: of the two; groups: means and single data sets by their heading; those of which a set is
    missing on either side are left out. queries: of each set. Columns: as of ``paired_tests``.
    """
    rows = []
    for heading, sets in groups.items():
        if all(name in first and name in second for name in sets):
            shares = ([scores[name] for name in sets] for scores in (first, second))
            found = _difference(*shares, queries)
            rows.append((heading, *names, *astuple(found)))
    frame = pd.DataFrame(rows, columns=TESTS)
    tested = list(zip(frame["difference"], frame["standard_error"], strict=True))
    return frame.assign(
        p_holm=holm(frame["p_value"].tolist()),
        least_difference=[least_difference(error, len(tested)) for _, error in tested],
        p_equivalent=holm([equivalence(*row) for row in tested]),
    ).round(9)


def rank_shares(systems: Mapping[str, Mapping[str, float]], queries: int) -> pd.DataFrame:
    """Systems in order of the mean of the data sets that all have, each with its possible ranks.

    systems: shares by data set, by name. Columns: system, sets, value, error (of the mean), rank,
    rank_low, rank_high (best and worst possible; Holm over all pairs), undecided (systems not told
    apart from it). Raises InputError where no data set is in all of them.
    """
    first, *others = systems.values()
    shared = [name for name in first if all(name in other for other in others)]
    if not shared:
        raise InputError("no data set is scored in all of the files; ranks need one")
    by_system = [[shares[name] for name in shared] for shares in systems.values()]
    values = [sum(shares) / len(shares) for shares in by_system]
    errors = [mean_error(shares, queries) for shares in by_system]
    apart = told_apart(values, errors)
    ranks = rank_ranges(values, apart)
    names = list(systems)
    undecided = [
        "; ".join(other for j, other in enumerate(names) if j != i and not apart[i, j])
        for i in range(len(names))
    ]
    frame = pd.DataFrame({"system": names, "sets": len(shared), "value": values, "error": errors})
    frame["rank"] = frame["value"].rank(ascending=False, method="min").astype(int)
    frame = frame.assign(rank_low=ranks[:, 0], rank_high=ranks[:, 1], undecided=undecided)
    return frame.sort_values(["rank", "system"], ignore_index=True).round(9)


def _difference(first: Sequence[float], second: Sequence[float], queries: int) -> Difference:
    means = (sum(shares) / len(shares) for shares in (first, second))
    return difference_of(*means, *(mean_error(shares, queries) for shares in (first, second)))
