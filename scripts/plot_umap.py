"""Plot the space under several prompts, before and after fine-tuning, with UMAP.

Paper: figure 3.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

from gen2embed.artifacts.embedding_files import EmbeddingFiles
from gen2embed.artifacts.ids import check_rows, read_rows
from gen2embed.artifacts.origin import SIDES, check_subset
from gen2embed.command_line import run_each
from gen2embed.flag_types import seed, whole
from gen2embed.outputs import add_output
from gen2embed.reporting.captions import dropped_in_files
from gen2embed.reporting.figures.embedding_space import alignment, centroid_distance
from gen2embed.reporting.figures.space_map import Panel, draw_space, label_of, place
from gen2embed.reporting.figures.style import style, write_figure
from gen2embed.reporting.results import aggregate, read_register, read_run
from gen2embed.reporting.tables.rendering import percent
from gen2embed.study.layout import set_file, vectors_file


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="plot_umap", description=__doc__)
    add = parser.add_argument
    add("--register", required=True, help="datasets.csv of the benchmark")
    add("--rows", required=True, help="folder with <dataset>.parquet")
    add("--embeddings", required=True, help="folder with <model>/<prompt>/eval_<side>.npy")
    add("--scores", required=True, help="folder with <model>/<prompt>/<dataset>.json")
    add("--models", required=True, nargs="+", help="MODEL/PROMPT, a panel each; base: untrained")
    add(
        "--queries",
        type=whole(),
        required=True,
        help="first queries of each data set that are drawn",
    )
    add("--seed", type=seed, required=True, help="of UMAP")
    add_output(parser, "--out", help="folder for umap.pdf, .png, .csv, .md")
    return parser


def files_of(job: argparse.Namespace, register: pd.DataFrame) -> list[Path]:
    """The rows file of every evaluation set."""
    names = register.loc[register["part"] == "eval", "name"]
    return [set_file(job.rows, name) for name in names]


def vectors_of(job: argparse.Namespace, model: str, side: str) -> str:
    return str(vectors_file(Path(job.embeddings) / model, "eval", side))


def read_points(
    job: argparse.Namespace, register: pd.DataFrame, embeddings: EmbeddingFiles
) -> pd.DataFrame:
    """Queries and their positives: dataset, meta_task, query_id, target_id."""
    parts = []
    for entry in register[register["part"] == "eval"].itertuples():
        path = set_file(job.rows, entry.name)
        rows = read_rows(path)
        check_subset(path, rows.metadata, job.register, {"subset": entry.name})
        for model in job.models:
            held = {}
            for side in SIDES:
                vectors = vectors_of(job, model, side)
                embeddings.check_items(path, rows.metadata, side, vectors)
                held[side] = vectors, len(embeddings.get(vectors)[0])
            check_rows(path, rows, held)
        facts = {"query_id": rows.frame["query_id"], "target_id": rows.positives}
        points = pd.DataFrame(facts).head(job.queries)
        parts.append(points.assign(dataset=entry.name, meta_task=entry.meta_task))
    return pd.concat(parts, ignore_index=True)


def read_panel(
    job: argparse.Namespace,
    model: str,
    points: pd.DataFrame,
    register: pd.DataFrame,
    embeddings: EmbeddingFiles,
) -> Panel:
    """One model's points in two dimensions, with what is measured in the full space."""
    paths = [vectors_of(job, model, side) for side in SIDES]
    embeddings.check_one_space(*paths)
    queries, targets = (embeddings.get(path)[0] for path in paths)
    query_ids, target_ids = points["query_id"].unique(), points["target_id"].unique()
    matching, other = alignment(queries[points["query_id"]], targets[points["target_id"]])
    run = read_run(model, Path(job.scores) / model, register)
    means = aggregate([run], register).set_index("aggregate")
    return Panel(
        model=model,
        points=place(queries[query_ids], targets[target_ids], points, job.seed),
        gap=centroid_distance(queries[query_ids], targets[target_ids]),
        matching=matching,
        other=other,
        precision=float(means.loc["all", "value"]),
    )


def plot(job: argparse.Namespace) -> None:
    register = read_register(job.register)
    embeddings = EmbeddingFiles()
    points = read_points(job, register, embeddings)
    panels = [read_panel(job, model, points, register, embeddings) for model in job.models]
    numbers = "; ".join(
        f"{label_of(panel.model)}: query-target gap {panel.gap:.3f}, cosine of matching pairs "
        f"{panel.matching:.3f}, of others {panel.other:.3f}, Precision at 1 over all data sets "
        f"{percent(panel.precision)} %"
        for panel in panels
    )
    caption = (
        f"UMAP (cosine, seed {job.seed}) of the first {job.queries} queries of each data set and "
        "their annotated targets, a line from each query to its target; each model laid out on its "
        "own. Distances between far groups mean nothing in UMAP; measured in the full space "
        "(query-target gap: distance between the centroids of queries and of targets, not the "
        f"image-text gap of table prompts): {numbers}." + dropped_in_files(files_of(job, register))
    )
    drawn = pd.concat(
        [panel.points.assign(model=panel.model) for panel in panels], ignore_index=True
    )
    measured = pd.DataFrame(
        [{"model": panel.model, "gap": panel.gap, "precision": panel.precision} for panel in panels]
    )
    with style():
        figure = draw_space(panels, points)
        frame = drawn.merge(measured, on="model").round(5)
        write_figure(job.out, "umap", figure, frame, caption)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), plot, argv)


if __name__ == "__main__":
    sys.exit(main())
