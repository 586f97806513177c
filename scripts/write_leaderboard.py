"""Write all scores of one model: a JSON in the layout of MMEB's leaderboard, a card with scores."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from gen2embed.command_line import run_each
from gen2embed.errors import InputError
from gen2embed.evaluation.aggregates import AGGREGATES
from gen2embed.evaluation.ranking import ranking_metrics
from gen2embed.files import read_parquet, read_text, write_json, write_text
from gen2embed.outputs import add_output
from gen2embed.reporting.captions import (
    AGGREGATE_LABELS,
    MACRO_NOTE,
    conditional,
    conditions,
    dropped_in_training,
)
from gen2embed.reporting.results import (
    Run,
    aggregate,
    per_dataset,
    read_register,
    read_run,
    rows_of,
)
from gen2embed.reporting.tables.rendering import pivot, shown_datasets
from gen2embed.study.layout import facts_file, predictions_file

DATA_SOURCE = "Self-Reported"


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="write_leaderboard", description=__doc__)
    add = parser.add_argument
    add("--register", required=True, help="datasets.csv of the benchmark")
    add("--scores", required=True, help="folder with the scores of one model under one prompt")
    add("--name", required=True, help="name of the model")
    add("--url", default="", help="where the model can be had")
    add("--card", help="the model's README.md; with its scores it is written beside the JSON")
    add_output(parser, "--out", ".json", help="leaderboard .json")
    return parser


def metadata(run: Run, name: str, url: str) -> dict[str, Any]:
    """What made the vectors; a score without a manifest leaves it unknown (null)."""
    score = next(iter(run.scores.values()))
    manifest = score["manifest"]["query"] or {}
    return {
        "model_name": name,
        "model_backbone": manifest.get("backbone"),
        "embedding_dimension": manifest.get("dim"),
        "max_length_tokens": manifest.get("max_tokens"),
        "data_source": DATA_SOURCE,
        "url": url,
        "model": manifest.get("model"),
        "model_digest": manifest.get("model_digest"),
        "revision": manifest.get("revision"),
        "adapter": manifest.get("adapter"),
        "adapter_digest": manifest.get("adapter_digest"),
        "prompt": manifest.get("prompt"),
        "resolution": manifest.get("resolution"),
        "dtype": manifest.get("dtype"),
        "data": score.get("data"),
        "ties": "misses; score.value_index0 gives them to the positive",
    }


def card_with_scores(card: str, run: Run, register: pd.DataFrame, made_how: str) -> str:
    """The model card and below it the means and the score of every data set."""
    means = aggregate([run], register)
    shown = pivot(means, "run", "aggregate", AGGREGATES, AGGREGATE_LABELS)
    sets = shown_datasets(per_dataset([run], register), [run.name])
    tables = (
        frame.to_markdown(index=False, disable_numparse=True)
        for frame in (shown, sets.rename(columns={run.name: "score"}))
    )
    return (
        f"{card.rstrip()}\n\n## Scores\n\nPrecision@1 in percent with 95 % bootstrap intervals; "
        f"ties are misses. {conditional([run])} {made_how} {MACRO_NOTE}\n\n"
        + "\n\n".join(tables)
        + "\n"
    )


SCORE = ("value", "value_index0", "ci_low", "ci_high", "chance", "above_chance", "ties")


def write(job: argparse.Namespace) -> None:
    if job.card and not Path(job.card).is_file():
        raise InputError(f"{job.card}: no such file; leave --card out, or name the README.md")
    register = read_register(job.register)
    run = read_run(job.name, job.scores, register)
    metrics = {}
    for name, score in run.scores.items():
        path = predictions_file(facts_file(job.scores, name))
        frame, _ = read_parquet(path, ["rank_of_positive"])
        metrics[name] = {
            **ranking_metrics(frame["rank_of_positive"].to_numpy()),
            "num_pred": score["n"],
            "num_data": rows_of(score),
            "score": {key: score[key] for key in SCORE},
        }
    means = aggregate([run], register).set_index("aggregate")
    means = means.astype(object).where(means.notna(), None)
    columns = ["value", "ci_low", "ci_high", "datasets", "of"]
    aggregates = {
        name: means.loc[name, columns].to_dict() for name in AGGREGATES if name in means.index
    }
    write_json(
        job.out,
        {
            "metadata": metadata(run, job.name, job.url),
            "metrics": {"image": metrics},
            "aggregates": aggregates,
        },
    )
    if job.card:
        card = read_text(job.card)
        trained = dropped_in_training([run])
        text = card_with_scores(card, run, register, conditions(run, register) + trained)
        write_text(Path(job.out).with_suffix(".md"), text)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), write, argv)


if __name__ == "__main__":
    sys.exit(main())
