"""Plot the zero-shot space under several prompts with UMAP.

Paper: figure 3.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from gen2embed.command_line import run_each
from gen2embed.embedding_files import EmbeddingFiles
from gen2embed.evaluation.aggregates import META_TASKS
from gen2embed.ids import check_rows, read_rows
from gen2embed.origin import SIDES, check_subset
from gen2embed.outputs import add_output
from gen2embed.reporting.captions import dropped_in_files
from gen2embed.reporting.embedding_space import alignment, centroid_distance, flatten
from gen2embed.reporting.figures import style, write_figure
from gen2embed.reporting.results import read_register
from gen2embed.study.layout import set_file, vectors_file


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="plot_umap", description=__doc__)
    add = parser.add_argument
    add("--register", required=True, help="datasets.csv of the benchmark")
    add("--rows", required=True, help="folder with <dataset>.parquet")
    add("--embeddings", required=True, help="folder with <prompt>/eval_<side>.npy")
    add("--prompts", required=True, nargs="+", help="one panel each")
    add("--queries", type=int, required=True, help="first queries of each data set that are drawn")
    add("--seed", type=int, required=True, help="of UMAP")
    add_output(parser, "--out", help="folder for umap.pdf, .png, .csv, .md")
    return parser


def files_of(job: argparse.Namespace, register: pd.DataFrame) -> list[Path]:
    """The rows file of every evaluation set."""
    names = register.loc[register["part"] == "eval", "name"]
    return [set_file(job.rows, name) for name in names]


def vectors_of(job: argparse.Namespace, prompt: str, side: str) -> str:
    return str(vectors_file(Path(job.embeddings) / prompt, "eval", side))


def read_points(
    job: argparse.Namespace, register: pd.DataFrame, embeddings: EmbeddingFiles
) -> pd.DataFrame:
    """Queries and their positives: dataset, meta_task, query_id, target_id."""
    parts = []
    for entry in register[register["part"] == "eval"].itertuples():
        path = set_file(job.rows, entry.name)
        rows = read_rows(path)
        check_subset(path, rows.metadata, job.register, {"subset": entry.name})
        for prompt in job.prompts:
            held = {}
            for side in SIDES:
                vectors = vectors_of(job, prompt, side)
                embeddings.check_items(path, rows.metadata, side, vectors)
                held[side] = vectors, len(embeddings.get(vectors)[0])
            check_rows(path, rows, held)
        facts = {"query_id": rows.frame["query_id"], "target_id": rows.positives}
        points = pd.DataFrame(facts).head(job.queries)
        parts.append(points.assign(dataset=entry.name, meta_task=entry.meta_task))
    return pd.concat(parts, ignore_index=True)


def plot(job: argparse.Namespace) -> None:
    from matplotlib.figure import Figure

    register = read_register(job.register)
    embeddings = EmbeddingFiles()
    points = read_points(job, register, embeddings)
    query_ids = points["query_id"].unique()
    target_ids = points["target_id"].unique()
    of_query = points.drop_duplicates("query_id").set_index("query_id").loc[query_ids, "meta_task"]
    of_target = points.drop_duplicates("target_id").set_index("target_id")["meta_task"]
    tasks = [*of_query, *of_target.loc[target_ids]]
    drawn, sentences = [], []
    for prompt in job.prompts:
        paths = [vectors_of(job, prompt, side) for side in SIDES]
        embeddings.check_one_space(*paths)
        queries, targets = (embeddings.get(path)[0] for path in paths)
        chosen = np.concatenate([queries[query_ids], targets[target_ids]])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a fixed seed means one thread: we know
            flat = flatten(chosen, job.seed)
        frame = pd.DataFrame(
            {"prompt": prompt, "meta_task": tasks, "x": flat[:, 0], "y": flat[:, 1]}
        )
        sides = np.repeat(["query", "target"], [len(query_ids), len(target_ids)])
        drawn.append(frame.assign(side=sides, item_id=[*query_ids, *target_ids]))
        gap = centroid_distance(queries[query_ids], targets[target_ids])
        own, other = alignment(queries[points["query_id"]], targets[points["target_id"]])
        sentences.append(
            f"`{prompt}`: query-target gap {gap:.3f}, cosine of matching pairs {own:.3f}, of "
            f"others {other:.3f}"
        )
    frame = pd.concat(drawn, ignore_index=True).round(5)
    caption = (
        f"UMAP (cosine, seed {job.seed}) of the zero-shot space under {len(job.prompts)} prompts: "
        f"the first {job.queries} queries of each data set and their annotated targets. Distances "
        "between far groups mean nothing in UMAP; measured in the full space (query-target "
        "gap: distance between the centroids of queries and of targets, not the image-text gap of "
        f"table prompts): {'; '.join(sentences)}." + dropped_in_files(files_of(job, register))
    )
    with style():
        width = 2.5 * len(job.prompts)
        figure = Figure(figsize=(width, 3.1), layout="constrained")
        panels = np.atleast_1d(figure.subplots(1, len(job.prompts)))
        for axes, prompt in zip(panels, job.prompts, strict=True):
            of_prompt = frame[frame["prompt"] == prompt]
            for number, task in enumerate(META_TASKS):
                if task not in tasks:
                    continue
                for side, marker in (("query", "o"), ("target", "^")):
                    rows = of_prompt[(of_prompt["meta_task"] == task) & (of_prompt["side"] == side)]
                    axes.scatter(
                        rows["x"], rows["y"], s=9, marker=marker, lw=0.3, alpha=0.7,
                        color=f"C{number}", edgecolors="black" if side == "target" else "none",
                        label=f"{task}, {side}",
                    )  # fmt: skip
            axes.set_title(prompt)
            axes.set_xticks([])
            axes.set_yticks([])
            axes.grid(visible=False)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4, markerscale=1.5)
        write_figure(job.out, "umap", figure, frame, caption)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), plot, argv)


if __name__ == "__main__":
    sys.exit(main())
