"""The worked example of SaHa as it is shown: which candidates, which texts, what is said."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from gen2embed.prompts.mark import without_mark

COLUMNS = (
    "rank",
    "target_id",
    "target_cosine",
    "state",
    "owner_query_id",
    "owner_cosine",
    "order",
    "pair_id",
    "false_negative",
)
NAMES = {
    "positive": "the anchor's own positive",
    "kept": "candidate, kept",
    "discarded": "candidate, discarded",
    "no free owner": "no free owner",
    "not looked at": "not looked at",
}
STATES = tuple(NAMES)
MOST_SHOWN = 24  # rows that a page holds


def candidates_shown(pool: pd.DataFrame) -> pd.DataFrame:
    """All candidates, or MOST_SHOWN of them, evenly spaced in the order of overlap."""
    candidates = pool[pool["order"] > 0].sort_values("order")
    if len(candidates) > MOST_SHOWN:
        places = np.linspace(0, len(candidates) - 1, MOST_SHOWN).round().astype(int)
        candidates = candidates.iloc[places]
    return candidates


def with_texts(pool: pd.DataFrame, items: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The pool with what its items show; pool's ids are -1 where there is no owner."""
    drawn = pool.copy()
    for column, side in (("target_id", "target"), ("owner_query_id", "query")):
        known = items[side].reindex(pool[column])
        for what in ("text", "image_path"):
            name = f"{side if side == 'target' else 'owner'}_{what}"
            drawn[name] = known[what].fillna("").map(without_mark).to_numpy()
    return drawn.round({"target_cosine": 6, "owner_cosine": 6})


def caption(pool: pd.DataFrame, facts: Mapping[str, str]) -> str:
    """facts: metadata of the worked anchor's file."""
    sentences = (
        "SaHa worked on one anchor, chosen by rule and not by what SaHa did with it: the pair of "
        "pass 1 with most known false negatives among its k·m candidates (the first of equals). "
    )
    if pool.empty:
        return f"{sentences}No anchor of a subset without labels has all its candidates."
    count = pool["state"].value_counts()
    kept, discarded = (pool[pool["state"] == state] for state in ("kept", "discarded"))
    k, m = int(facts["k"]), int(facts["m"])
    sentences += (
        f"Subset {facts['subset']}, cluster {facts['cluster']}, k = {k}, m = {m}. Its pool holds "
        f"the {len(pool)} targets most similar to the anchor query (2·k·m); "
        f"its own positives among them: {count.get('positive', 0)}; without a free owner: "
        f"{count.get('no free owner', 0)}; the first {k * m} others are candidates (left, by "
        "rank; the number is the cosine with the anchor query). Each stands for the pair of the "
        "query that owns it (right, by the cosine of the two queries): the "
        f"{k} least alike make the cluster (overlap {_range(kept)}), the others are discarded "
        f"({_range(discarded)}). Mean hardness of the kept {kept['target_cosine'].mean():.2f}, of "
        f"the discarded {discarded['target_cosine'].mean():.2f}. "
    )
    if len(candidates_shown(pool)) < k * m:
        sentences += f"{MOST_SHOWN} candidates are drawn, evenly spaced; the file holds all. "
    if facts["known"] != "yes":
        return f"{sentences}Which of them are false negatives is not known."
    return sentences + (
        f"Known false negatives (triangles): {_false(discarded)} of the discarded, {_false(kept)} "
        f"of the kept; over all {facts['anchors']} such anchors {facts['false_discarded_of_all']} "
        f"were discarded and {facts['false_kept_of_all']} kept."
    )


def _range(rows: pd.DataFrame) -> str:
    return f"{rows['owner_cosine'].min():.2f} to {rows['owner_cosine'].max():.2f}"


def _false(rows: pd.DataFrame) -> int:
    return int(rows["false_negative"].sum())
