"""Measure the true false-negative rate of mined clusters, also at equal hardness.

Reads known equivalences and minimal pairs, which mining never sees; compares all the cluster files
it is given.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from gen2embed.artifacts.ids import read_pairs, whole_number
from gen2embed.artifacts.known_pairs import read_known
from gen2embed.artifacts.origin import check_mined_from
from gen2embed.command_line import run_program
from gen2embed.errors import InputError
from gen2embed.evaluation.false_negatives import BINS, Comparison, compare
from gen2embed.evaluation.intervals import DRAWS
from gen2embed.evaluation.negatives import Ids, Negatives, label_negatives
from gen2embed.files import run_record, write_csv, write_json
from gen2embed.flag_types import seed, whole
from gen2embed.mining.clusters import read_clusters
from gen2embed.mining.revealed import check_dose, revealed
from gen2embed.outputs import add_output
from gen2embed.settings import add_settings


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="measure_false_negatives", description=__doc__)
    add = parser.add_argument
    add(
        "--pairs", required=True, nargs="+", help="pairs parquets that the clusters were mined from"
    )
    add(
        "--equivalences",
        required=True,
        nargs="+",
        help="parquets of query_id, target_id: further positives; one per pairs file",
    )
    add(
        "--minimal-pairs",
        nargs="+",
        help="parquets of query_id, target_id: targets that show what the query asks for and are "
        "wrong in one thing; one per pairs file",
    )
    add(
        "--clusters",
        required=True,
        nargs="+",
        help="cluster files: of the first strategy one per pairs file, in their order, then of the "
        "next strategy, ...; of several subsets equal hardness is within each, then averaged",
    )
    add(
        "--standard",
        nargs="+",
        default=[],
        help="strategies at whose common hardness all are compared; default: all",
    )
    add_settings(parser, "train", ["hidden"])
    add("--hidden-seed", type=seed, default=0, help="which equivalences were hidden in mining")
    add("--bins", type=whole(most=10_000), default=BINS, help="hardness bins for the comparison")
    add(
        "--draws",
        type=whole(most=1_000_000),
        default=DRAWS,
        help="bootstrap draws of clusters for the intervals",
    )
    add("--seed", type=seed, default=0, help="of the bootstrap")
    add_output(
        parser,
        "--out",
        ".json",
        beside=(".csv",),
        help="report .json; a row per strategy beside it as .csv",
    )
    return parser


def check_flags(job: argparse.Namespace) -> None:
    if job.minimal_pairs and len(job.minimal_pairs) != len(job.pairs):
        raise InputError(
            f"--pairs names {len(job.pairs)} files, --minimal-pairs {len(job.minimal_pairs)}; give "
            "one per pairs file"
        )
    if len(job.pairs) != len(job.equivalences) or len(job.clusters) % len(job.pairs):
        raise InputError(
            f"--pairs names {len(job.pairs)} files, --equivalences {len(job.equivalences)}, "
            f"--clusters {len(job.clusters)}; give one equivalences file per pairs file, and for "
            "each strategy one cluster file per pairs file"
        )
    check_dose(job.equivalences, job.hidden, job.hidden_seed)


ROUND = "@"  # between a strategy and the round of mining
Told = dict[str, str]  # a file's metadata


def read_all_known(
    paths: list[str], job: argparse.Namespace, subsets: list[tuple[Ids, Told]]
) -> list[Ids]:
    """A file per pairs file."""
    return [
        read_known(path, pairs, metadata)
        for path, pairs, (_, metadata) in zip(paths, job.pairs, subsets, strict=True)
    ]


def read_strategies(
    job: argparse.Namespace, subsets: list[tuple[Ids, Told]], known: list[Ids]
) -> dict[str, list[Negatives]]:
    """Each strategy's labelled negatives, a part per pairs file.

    Of several rounds of mining one is named after strategy and round: ``saha@1``.
    """
    minimal: list[Ids | None] = [None] * len(subsets)
    if job.minimal_pairs:
        minimal = [*read_all_known(job.minimal_pairs, job, subsets)]
    mined: list[tuple[str, int, str, list[Negatives]]] = []
    for start in range(0, len(job.clusters), len(subsets)):
        parts, names = [], set()
        paths = job.clusters[start : start + len(subsets)]
        for path, pairs, (annotated, metadata), *of_subset in zip(
            paths, job.pairs, subsets, known, minimal, strict=True
        ):
            table, mined_as = read_clusters(path, len(annotated[0]))
            check_mined_from(path, mined_as, pairs, metadata, *annotated)
            of_round = whole_number(path, mined_as, "round", 0)
            names.add((mined_as.get("strategy", Path(path).stem), of_round))
            shown = revealed(of_subset[0], job.hidden, job.hidden_seed)
            parts.append(label_negatives(table, annotated, *of_subset, revealed=shown))
        name, of_round = names.pop()
        if names:
            second = names.pop()
            what = f"{name!r}" if second[0] != name else f"{name!r} of round {of_round}"
            raise InputError(f"{paths[0]}: strategy {what} is pooled with {second[0]!r}")
        mined.append((name, of_round, paths[0], parts))
    several = len({of_round for _, of_round, *_ in mined}) > 1
    strategies: dict[str, list[Negatives]] = {}
    for name, of_round, path, parts in mined:
        if several and of_round:
            name = f"{name}{ROUND}{of_round}"
        if name in strategies:
            raise InputError(f"{path}: strategy {name!r} is given twice; give it once")
        strategies[name] = parts
    unknown = [name for name in job.standard if name not in strategies]
    if unknown:
        raise InputError(
            f"--standard {unknown[0]}: no cluster file is of it; name some of "
            f"{', '.join(strategies)}"
        )
    return strategies


def as_json(found: Comparison, known: int) -> dict[str, Any]:
    return {
        "known": known,
        "strategies": {
            name: {**report.flat(), "by_hardness": list(report.by_hardness)}
            for name, report in found.reports.items()
        },
        "differences": found.differences,
    }


def measure(job: argparse.Namespace) -> None:
    out = Path(job.out)
    with run_record(out.with_suffix(".run.json")):
        read = [read_pairs(path) for path in job.pairs]
        subsets = [((query, target), metadata) for query, target, metadata in read]
        known = read_all_known(job.equivalences, job, subsets)
        strategies = read_strategies(job, subsets, known)
        settings = {"bins": job.bins, "draws": job.draws, "seed": job.seed}
        found = compare(strategies, job.standard, **settings)
        named = [
            metadata.get("subset", Path(path).stem)
            for path, (_, metadata) in zip(job.pairs, subsets, strict=True)
        ]
        tasks = {}
        for place, name in enumerate(named if len(named) > 1 else []):
            alone = {of: parts[place : place + 1] for of, parts in strategies.items()}
            of_subset = compare(alone, job.standard, **settings)
            tasks[name] = as_json(of_subset, len(known[place][0]))
        subset = named[0] if len(named) == 1 else "all"
        report = as_json(found, sum(len(query) for query, _ in known))
        write_json(
            out,
            {
                "subset": subset,
                "pooled": named,
                "standard": job.standard or list(strategies),
                "seed": job.seed,
                "draws": job.draws,
                "hardness_bins": {
                    name: {"share": round(standard.share, 9), "bins": standard.bins()}
                    for name, standard in zip(named, found.standards, strict=False)
                },
                **report,
                "tasks": tasks,
            },
        )
        rows = [
            {"subset": subset, "strategy": name, **report.flat()}
            for name, report in found.reports.items()
        ]
        frame = pd.DataFrame(rows)
        if frame["strategy"].str.contains(ROUND).any():
            parts_of = frame["strategy"].str.partition(ROUND)
            frame["strategy"] = parts_of[0]
            frame.insert(2, "round", parts_of[2].replace("", "0").astype(int))
        write_csv(out.with_suffix(".csv"), frame)


def main(argv: list[str] | None = None) -> int:
    def work(jobs: list[argparse.Namespace]) -> None:
        for job in jobs:
            check_flags(job)
        for job in jobs:
            measure(job)

    return run_program(build_parser(), work, argv)


if __name__ == "__main__":
    sys.exit(main())
