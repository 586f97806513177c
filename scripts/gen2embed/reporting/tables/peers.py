"""Published systems in tables: by meta-task, by data set, by backbone; ours beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from gen2embed.errors import InputError
from gen2embed.evaluation.aggregates import ALL
from gen2embed.evaluation.audit import AGREES, SYSTEM, audit
from gen2embed.evaluation.published import mmeb_datasets, paper_backbones, published_scores
from gen2embed.reporting.results import Run
from gen2embed.reporting.tables.published_scores import (
    DOUBT,
    MARK,
    MEASURED,
    PRINTED,
    PUBLISHED,
    STAGES,
    marked_cell,
    published_of,
)


def systems(stage: str) -> pd.DataFrame:
    """Every published system of a stage with its printed means, best first; NaN = not printed.

    Columns: model, backbone, params, setting, then the aggregates (fractions), then ``doubted``:
    the aggregates that the audit of published scores does not confirm, one after another.
    """
    scores = published_of(stage)
    scores = scores[scores["name"].isin(PRINTED)]
    wide = scores.pivot_table(index=SYSTEM, columns="name", values="score", aggfunc="first")
    wide = wide.reindex(columns=list(PRINTED)).rename_axis(columns=None).reset_index()
    found = audit(published_scores(), mmeb_datasets())
    found = found[found["verdict"] != AGREES]
    doubts = found.groupby(SYSTEM)["aggregate"].agg(lambda names: " ".join(sorted(set(names))))
    wide = wide.join(doubts.rename("doubted"), on=SYSTEM).fillna({"doubted": ""})
    return wide.sort_values(ALL, ascending=False, kind="stable", ignore_index=True)


def datasets_beside(
    runs: Mapping[str, Run], models: Sequence[str], full_size: bool
) -> pd.DataFrame:
    """MMEB's 36 data sets: our runs and the named published models, one row each.

    Columns: dataset, meta_task, split, origin, system, value, ci_low, ci_high (fractions; NaN where
    not run or not published). Raises InputError for a model without published data sets.
    """
    register = mmeb_datasets()
    scores = pd.concat([published_of(stage) for stage in STAGES])
    scores = scores[scores["name"].isin(register["name"])]
    for model in models:
        if model not in set(scores["model"]):
            known = ", ".join(sorted(set(scores["model"])))
            raise InputError(f"{model!r} has no published data sets; those that have: {known}")
    rows = []
    nothing = float("nan")
    for entry in register.itertuples():
        keys = (entry.name, entry.meta_task, entry.split)
        for label, run in runs.items():
            score = run.scores[entry.name] if full_size else {}
            numbers = (score.get(key, nothing) for key in ("value", "ci_low", "ci_high"))
            rows.append((*keys, MEASURED, label, *numbers))
        of_set = scores[scores["name"] == entry.name].set_index("model")["score"]
        rows += [
            (*keys, PUBLISHED, model, of_set.get(model, nothing), nothing, nothing)
            for model in models
        ]
    columns = ["dataset", "meta_task", "split", "origin", "system", "value", "ci_low", "ci_high"]
    return pd.DataFrame(rows, columns=columns)


def shown_datasets_beside(frame: pd.DataFrame) -> pd.DataFrame:
    """The same, a row per data set and a column per system, every published number marked."""
    cells = frame.assign(cell=[marked_cell(row, row.origin) for row in frame.itertuples()])
    order = frame.drop_duplicates(["origin", "system"])
    wide = cells.pivot(
        index=["dataset", "meta_task", "split"], columns=["origin", "system"], values="cell"
    )
    wide = wide.loc[
        pd.MultiIndex.from_frame(frame[["dataset", "meta_task", "split"]].drop_duplicates()),
        pd.MultiIndex.from_frame(order[["origin", "system"]]),
    ]
    wide.columns = [
        f"{system}{MARK}" if origin == PUBLISHED else f"{system} (here)"
        for origin, system in wide.columns
    ]
    return wide.reset_index().rename(columns={"meta_task": "meta-task"})


def backbones_beside(
    peers: Mapping[str, pd.DataFrame],
    ours_of: Mapping[str, pd.DataFrame],
    backbone: str,
    model: str,
    full_size: bool,
) -> pd.DataFrame:
    """The mean of all data sets by backbone: best published, and measured here.

    peers: ``systems`` by stage; ours_of: by stage one row of ``results.aggregate`` (the mean of
    all), or none. Columns: backbone, origin, stage, system, value, ci_low, ci_high. Published means
    that the audit does not confirm are passed over. A measurement of another benchmark than MMEB at
    full size stands in a row of its own, under the model's own name.
    """
    rows = []
    nothing = (float("nan"),) * 2
    for stage, frame in ours_of.items():
        best = peers[stage]
        best = best[[ALL not in doubted.split() for doubted in best["doubted"]]]
        for name, aliases in paper_backbones().items():
            found = best[best["backbone"].isin(aliases)].dropna(subset=ALL).head(1)
            for row in found.itertuples():
                rows.append((name, PUBLISHED, stage, row.model, row.all, *nothing))
            ours = (float("nan"),) * 3
            if full_size and name == backbone and len(frame):
                ours = tuple(frame[["value", "ci_low", "ci_high"]].iloc[0])
            rows.append((name, MEASURED, stage, "", *ours))
        if not full_size:
            rows += [
                (model, MEASURED, stage, row.run, row.value, row.ci_low, row.ci_high)
                for row in frame.itertuples()
            ]
    columns = ["backbone", "origin", "stage", "system", "value", "ci_low", "ci_high"]
    return pd.DataFrame(rows, columns=columns)


def shown_backbones(frame: pd.DataFrame) -> pd.DataFrame:
    """A row per backbone: best published and measured, zero-shot and fine-tuned."""
    rows = []
    for backbone, of_backbone in frame.groupby("backbone", sort=False):
        row = {"backbone": backbone}
        for stage in STAGES:
            label = stage.replace("_", "-")
            for origin in (PUBLISHED, MEASURED):
                found = of_backbone[
                    (of_backbone["stage"] == stage) & (of_backbone["origin"] == origin)
                ]
                cells = [
                    marked_cell(row, origin) + (f" ({row.system})" if row.system else "")
                    for row in found.itertuples()
                ]
                row[f"{label}, {origin}"] = ", ".join(cells) or "-"
        rows.append(row)
    return pd.DataFrame(rows)


def shown_systems(wide: pd.DataFrame, labels: Mapping[str, str]) -> pd.DataFrame:
    """The same, as it is read: each number with the mark, doubted ones with a second."""
    shown = wide[SYSTEM].copy()
    for name in PRINTED:
        shown[labels[name]] = [
            "-" if pd.isna(value) else f"{100 * value:.1f}{MARK}{DOUBT * (name in doubted.split())}"
            for value, doubted in zip(wide[name], wide["doubted"], strict=True)
        ]
    return shown
