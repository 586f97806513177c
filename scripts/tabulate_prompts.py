"""Tabulate the prompt ablation: score, difference to a reference, image-text gap, alignment.

Paper: abstract.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from gen2embed.artifacts.embedding_files import load_with_manifest
from gen2embed.artifacts.ids import check_ids, read_rows
from gen2embed.artifacts.origin import check_items, key_of
from gen2embed.command_line import run_each
from gen2embed.errors import InputError
from gen2embed.evaluation.aggregates import ALL, members
from gen2embed.evaluation.paired import equivalence, holm
from gen2embed.files import digest_file
from gen2embed.flag_types import seed, whole
from gen2embed.outputs import add_output
from gen2embed.prompts.items import read_items
from gen2embed.prompts.registry import ROLES, get_prompt
from gen2embed.reporting.captions import conditions
from gen2embed.reporting.figures.embedding_space import (
    alignment,
    centroid_distance,
    gap_interval,
)
from gen2embed.reporting.results import aggregate, compare, read_register, read_run
from gen2embed.reporting.tables.paper_tables import write_paper_table
from gen2embed.reporting.tables.rendering import percent, points
from gen2embed.reporting.verdicts import verdict
from gen2embed.study.layout import items_file, set_file, vectors_file

GAP = "image_text_gap"
DIFFERENCE = ("difference", "difference_low", "difference_high")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tabulate_prompts", description=__doc__)
    add = parser.add_argument
    add("--register", required=True, help="datasets.csv of the benchmark")
    add("--rows", required=True, help="folder of evaluation rows by item id")
    add("--items", required=True, help="folder with eval_query.parquet and eval_target.parquet")
    add("--embeddings", required=True, help="folder with a folder of vectors per prompt")
    add("--scores", required=True, help="folder with a folder of scores per prompt")
    add("--prompts", required=True, nargs="+", help="prompts, in the order of the table")
    add("--prompt-file", help="YAML file with further prompts")
    add("--reference", required=True, help="prompt that the others are compared with")
    add("--sample", type=whole(2), default=4000, help="items of a modality, or pairs, at most")
    add("--seed", type=seed, required=True, help="of that sample")
    add_output(parser, "--out", help="folder for prompts.csv, .md, ...")
    return parser


def sampled(rows: np.ndarray, most: int, seed: int) -> np.ndarray:
    """At most so many of the rows, drawn without replacement, in their order."""
    if len(rows) <= most:
        return rows
    return rows[np.sort(np.random.default_rng(seed).choice(len(rows), most, replace=False))]


def read_pairs(rows: str, register: pd.DataFrame) -> np.ndarray:
    """Query and positive target of every evaluation row: int64, shape (rows, 2)."""
    parts = []
    for name in register.loc[register["part"] == "eval", "name"]:
        of_set = read_rows(set_file(rows, name))
        parts.append(np.stack([of_set.frame["query_id"], of_set.positives], axis=1))
    return np.concatenate(parts).astype(np.int64)


class Space:
    """Which items are images, which are texts, and which pairs match; the same for all prompts."""

    def __init__(self, job: argparse.Namespace, register: pd.DataFrame):
        self.job = job
        every = read_pairs(job.rows, register)
        self.pairs = sampled(every, job.sample, job.seed)
        self.has_image, self.digests = {}, {}
        for side in ROLES:
            path = items_file(job.items, "eval", side)
            items, self.digests[side] = read_items(str(path), side), digest_file(path)
            ids = every[:, ROLES.index(side)]
            check_ids(job.rows, f"{side}_id", ids, path, len(items))
            self.has_image[side] = np.array([bool(item.image_path) for item in items])

    def measure(self, prompt: str) -> dict[str, float]:
        """Image-text gap with its interval, and mean cosine of matching and of other pairs."""
        vectors, usable = {}, {}
        for side, has_image in self.has_image.items():
            path = vectors_file(Path(self.job.embeddings) / prompt, "eval", side)
            vectors[side], usable[side], manifest = load_with_manifest(path)
            if len(vectors[side]) != len(has_image):
                raise InputError(
                    f"{path}: holds {len(vectors[side])} rows, but there are {len(has_image)} "
                    "items; embed them again"
                )
            of_items = {key_of(side): manifest.get("items_digest")}
            check_items(path, of_items, side, self.digests[side], self.job.items)
        modality = {}
        for wanted in (True, False):
            parts = []
            for side, has_image in self.has_image.items():
                ids = np.flatnonzero((has_image == wanted) & usable[side])
                parts.append(vectors[side][sampled(ids, self.job.sample // 2, self.job.seed)])
            modality[wanted] = np.concatenate(parts).astype(np.float32)
        queries, targets = self.pairs.T
        has_both = usable["query"][queries] & usable["target"][targets]
        own, other = alignment(
            vectors["query"][queries[has_both]].astype(np.float32),
            vectors["target"][targets[has_both]].astype(np.float32),
        )
        found = {"matching": own, "others": other}
        if all(map(len, modality.values())):
            low, high = gap_interval(modality[True], modality[False])
            gap = centroid_distance(modality[True], modality[False])
            found |= {GAP: gap, f"{GAP}_low": low, f"{GAP}_high": high}
        return found


def tabulate(job: argparse.Namespace) -> None:
    if job.reference not in job.prompts:
        raise InputError(f"--reference {job.reference}: is not among --prompts")
    register = read_register(job.register)
    runs = {name: read_run(name, Path(job.scores) / name, register) for name in job.prompts}
    means = aggregate(list(runs.values()), register)
    means = means[means["aggregate"] == ALL].set_index("run")
    space = Space(job, register)
    rows = []
    for name, run in runs.items():
        prompt = get_prompt(name, job.prompt_file)
        found = None
        if name != job.reference:
            found = compare(run, runs[job.reference], members(register)[ALL])
        row = {
            "prompt": name,
            "system": any(level is not None for level in prompt.systems.values()),
            **{f"closing_{role}": any(prompt.closing[role].values()) for role in ROLES},
            **means.loc[name, ["value", "ci_low", "ci_high"]].to_dict(),
        }
        if found is not None:
            row |= {
                "difference": found.value,
                "difference_low": found.ci_low,
                "difference_high": found.ci_high,
                "p_value": found.p_value,
                "standard_error": found.standard_error,
            }
        rows.append(row | space.measure(name))
    frame = pd.DataFrame(rows)
    for column in (*DIFFERENCE, "p_value", "standard_error", GAP):
        frame[column] = frame.get(column, np.nan)
    tested = frame["p_value"].notna()
    frame.loc[tested, "p_holm"] = holm(frame.loc[tested, "p_value"].tolist())
    tested_rows = frame.loc[tested, ["difference", "standard_error"]].itertuples(index=False)
    frame.loc[tested, "p_equivalent"] = holm([equivalence(*row) for row in tested_rows])
    caption = (
        "Prompt ablation, zero-shot: what each prompt says, mean Precision@1 of all data sets in "
        f"percent, paired difference to `{job.reference}` in points (Holm-adjusted p over "
        f"{int(tested.sum())} comparisons; undecided is not the same as no difference), "
        "image-text gap (distance between the centroids of "
        "items with an image and of texts, Liang et al. 2022's modality gap, which is not the "
        "query-target gap of figure umap; 95 % bootstrap interval), mean cosine of "
        f"matching query and target and of all others (at most {job.sample} items of a modality "
        f"and pairs). {conditions(next(iter(runs.values())), register)}"
    )
    write_paper_table(job.out, "prompts", frame.round(9), shown(frame), caption)


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """The table as it is read."""

    def yes(column: str) -> list[str]:
        return ["yes" if flag else "no" for flag in frame[column]]

    def number(column: str) -> list[str]:
        return [f"{value:.3f}" for value in frame[column]]

    records = frame.to_dict("records")
    bounds = {"difference_low": "ci_low", "difference_high": "ci_high"}
    tests = frame.drop(columns=list(bounds.values())).rename(columns=bounds)
    return pd.DataFrame(
        {
            "prompt": frame["prompt"],
            "system level": yes("system"),
            "closing line on queries": yes("closing_query"),
            "on targets": yes("closing_target"),
            "all": [percent(row["value"], row["ci_low"], row["ci_high"]) for row in records],
            "difference": [
                "-"
                if pd.isna(row["difference"])
                else points(row["difference"], row["difference_low"], row["difference_high"])
                for row in records
            ],
            "p (Holm)": [
                "-" if pd.isna(row["difference"]) else f"{row['p_holm']:.2g}" for row in records
            ],
            "verdict": ["-" if pd.isna(row.ci_low) else verdict(row) for row in tests.itertuples()],
            "image-text gap": [
                "-"
                if pd.isna(row[GAP])
                else f"{row[GAP]:.3f} [{row[f'{GAP}_low']:.3f}, {row[f'{GAP}_high']:.3f}]"
                for row in records
            ],
            "cosine, matching": number("matching"),
            "others": number("others"),
        }
    )


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), tabulate, argv)


if __name__ == "__main__":
    sys.exit(main())
