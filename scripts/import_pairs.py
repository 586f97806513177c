"""Import your own pairs of queries and positives: a table in, rows that every stage reads out."""

from __future__ import annotations

import argparse
import logging
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gen2embed.command_line import run_each
from gen2embed.errors import InputError
from gen2embed.files import write_csv, write_json, write_parquet, write_text
from gen2embed.flag_types import seed, share, whole
from gen2embed.outputs import add_output, whole_folder
from gen2embed.own.split import held_out, numbered
from gen2embed.own.table import Pair, Side, columns_of, image_path, pairs_of, texts_of
from gen2embed.prompts.mark import IMAGE_MARK
from gen2embed.triplets.records import ENDINGS, read_records

log = logging.getLogger("gen2embed.import_pairs")
NAME = "Own"  # of the data set, in both parts
SHARD = "00000-of-00001.parquet"
FURTHER = "further.parquet"  # of training: targets without owner


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="import_pairs", description=__doc__)
    add = parser.add_argument
    add("--table", required=True, help=f"the pairs: {', '.join(ENDINGS)}")
    add("--columns", nargs="*", default=[], metavar="ROLE=NAME", help="columns of other names")
    add("--images", help="folder that the paths of images start from")
    add("--corpus", help="table of further targets without a query: columns positive(_image)")
    add("--mine-corpus", action="store_true", help="its targets are candidates of mining, too")
    add("--labelled", action="store_true", help="the positives are labels: each has many queries")
    add("--instruction", default="", help="text in front of each query: what is asked for")
    add("--skip-empty", action="store_true", help="leave out rows without a query or positive")
    add("--eval-share", type=share, default=0.1, help="of the pairs held out, without a split")
    add("--candidates", type=whole(2), default=200, help="of each evaluation query, at most")
    add("--seed", type=seed, default=0, help="decides what is held out, and candidates")
    add_output(parser, "--out", whole=True, help="folder of the benchmark")
    return parser


def check_flags(job: argparse.Namespace) -> dict[str, str]:
    if job.mine_corpus and not job.corpus:
        raise InputError("--mine-corpus: there is no corpus to mine from; give --corpus")
    if job.images and not Path(job.images).is_dir():
        raise InputError(f"--images {job.images}: no such folder")
    for word in job.columns:
        if "=" not in word:
            raise InputError(f"--columns {word}: write ROLE=NAME, such as query=question")
    return dict(word.split("=", 1) for word in job.columns)


def read_pairs(job: argparse.Namespace, renamed: dict[str, str]) -> tuple[list[Pair], dict]:
    records = read_records(job.table)
    columns = columns_of(
        list(dict.fromkeys(n for record in records for n in record)), renamed, job.table
    )
    root = Path(job.images) if job.images else None
    pairs, again, empty = pairs_of(records, columns, root, job.table, job.skip_empty)
    if not pairs:
        raise InputError(f"{job.table}: holds no pair")
    return pairs, {"rows": len(records), "repeated_pairs": again, "empty_rows": empty}


def read_corpus(job: argparse.Namespace, renamed: dict[str, str]) -> list[Side]:
    """Further targets, each once. Columns as those of positives, or text and image."""
    if not job.corpus:
        return []
    root, found = Path(job.images) if job.images else None, {}
    names = {
        kind: [renamed.get(role) or role, kind]
        for kind, role in (("text", "positive"), ("image", "positive_image"))
    }
    for number, record in enumerate(read_records(job.corpus)):
        named = f"{job.corpus}: row {number}"
        cell = {
            kind: [
                column
                for name in dict.fromkeys(its)
                for column in texts_of(record.get(name), named)
            ]
            for kind, its in names.items()
        }
        if not cell["text"] and not cell["image"]:
            raise InputError(f"{named}: has neither text nor image (positive, positive_image)")
        if cell["image"] and root is None:
            raise InputError(f"{named}: has an image; give the folder of images: --images")
        image = image_path(cell["image"][0], root, named) if cell["image"] else ""
        found[Side(cell["text"][0] if cell["text"] else "", image)] = None
    return list(found)


def parts_of(job: argparse.Namespace, pairs: list[Pair]) -> np.ndarray:
    """Which pairs are for evaluation; InputError where a given split lets a positive leak."""
    targets = numbered([pair.target for pair in pairs])
    if not pairs[0].part:
        queries = numbered([pair.query for pair in pairs])
        return held_out(queries, targets, job.eval_share, job.labelled, job.seed)
    evaluated = np.array([pair.part == "eval" for pair in pairs])
    if evaluated.all() or not evaluated.any():
        raise InputError(
            f"{job.table}: column split names one part alone; give train and test rows"
        )
    trained = {}
    for pair in pairs:
        if pair.part == "train":
            trained.setdefault(pair.query if job.labelled else pair.target, pair.row)
    for pair in pairs:
        shared = pair.query if job.labelled else pair.target
        if pair.part == "eval" and shared in trained:
            what = "query" if job.labelled else "positive"
            raise InputError(
                f"{job.table}: row {pair.row}: its {what} is in training, too (row "
                f"{trained[shared]}); leave out one, or have it split here: --columns split="
            )
    return evaluated


def text_of(side: Side, instruction: str = "") -> str:
    """As MMEB writes it: the image's mark, a line feed, instruction and text."""
    words = f"{instruction} {side.text}".strip()
    return f"{IMAGE_MARK}\n{words}" if side.image else words


def image_of(side: Side) -> str:
    return f"images/{side.image}" if side.image else ""


def training(pairs: list[Pair], instruction: str) -> pd.DataFrame:
    rows = [
        (
            text_of(pair.query, instruction),
            image_of(pair.query),
            text_of(pair.target),
            image_of(pair.target),
        )
        for pair in pairs
    ]
    return pd.DataFrame(rows, columns=["qry", "qry_image_path", "pos_text", "pos_image_path"])


def evaluation(
    pairs: list[Pair], corpus: list[Side], instruction: str, candidates: int, seed: int
) -> pd.DataFrame:
    """A row for each query: its first positive, then others' targets at random, none of its own."""
    own: dict[Side, list[Side]] = defaultdict(list)
    for pair in pairs:
        own[pair.query].append(pair.target)
    every = list(dict.fromkeys([*(pair.target for pair in pairs), *corpus]))
    generator, rows = np.random.default_rng([seed, 1]), []
    for query, its in own.items():
        theirs = set(its)
        drawn = generator.permutation(len(every))[: candidates - 1 + len(theirs)]
        others = [every[place] for place in drawn if every[place] not in theirs]
        listed = [its[0], *others[: candidates - 1]]
        rows.append(
            (
                text_of(query, instruction),
                image_of(query),
                [text_of(item) for item in listed],
                [image_of(item) for item in listed],
            )
        )
    if min(len(row[2]) for row in rows) < 2:
        raise InputError("fewer than 2 candidates are held out; give more pairs, or --corpus")
    return pd.DataFrame(rows, columns=["qry_text", "qry_img_path", "tgt_text", "tgt_img_path"])


def further(corpus: list[Side], held_out: list[Pair]) -> pd.DataFrame:
    """The corpus as candidates of mining: nothing that a held-out query is scored on."""
    scored = {pair.target for pair in held_out}
    rows = [(text_of(item), image_of(item)) for item in corpus if item not in scored]
    return pd.DataFrame(rows, columns=["text", "image_path"])


def import_table(job: argparse.Namespace) -> None:
    renamed = check_flags(job)
    pairs, counts = read_pairs(job, renamed)
    corpus = read_corpus(job, renamed)
    evaluated = parts_of(job, pairs)
    if job.labelled:  # every label is a candidate
        corpus = list(dict.fromkeys([*corpus, *(pair.target for pair in pairs)]))
    split = [[pair for pair, out in zip(pairs, evaluated, strict=True) if bool(out) is which]
             for which in (False, True)]  # fmt: skip
    frames = {
        "train": training(split[0], job.instruction),
        "eval": evaluation(split[1], corpus, job.instruction, job.candidates, job.seed),
    }
    files = {"train": f"original-{SHARD}", "eval": f"test-{SHARD}"}
    lines: list[dict[str, Any]] = []
    with whole_folder(job.out, "import_pairs.py") as out:
        for part, frame in frames.items():
            write_parquet(out / part / NAME / files[part], frame)
            if part == "train" and job.mine_corpus:
                write_parquet(out / part / NAME / FURTHER, further(corpus, split[1]))
            if job.images:
                (out / part / "images").symlink_to(Path(job.images).resolve())
            lines.append(
                {
                    "part": part, "name": NAME, "meta_task": "own", "split": "ind",
                    "labelled": str(job.labelled).lower(), "target_role": "target",
                    "rows": len(frame),
                }
            )  # fmt: skip
        write_csv(out / "datasets.csv", pd.DataFrame(lines))
        counts |= {f"{part}_rows": len(frame) for part, frame in frames.items()}
        counts |= {"pairs": len(pairs), "further_targets": len(corpus)}
        write_json(out / "imported.json", counts)
        write_text(out / "README.md", "Imported by import_pairs.py; counts: imported.json\n")
    log.info("%s", ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items()))


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), import_table, argv)


if __name__ == "__main__":
    sys.exit(main())
