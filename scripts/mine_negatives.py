"""Mine hard negatives: pairs and their vectors in, clusters of pairs out (SaHa and others)."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from dataclasses import fields
from pathlib import Path

from gen2embed.artifacts.embedding_files import EmbeddingFiles
from gen2embed.artifacts.further_targets import check_ownerless
from gen2embed.artifacts.judged import check_judged
from gen2embed.command_line import run_program
from gen2embed.errors import InputError
from gen2embed.files import run_record, write_json
from gen2embed.flag_types import seed, whole
from gen2embed.mining.approximate import Approximation, Index
from gen2embed.mining.backends import Neighbours, threads
from gen2embed.mining.clusters import write_clusters
from gen2embed.mining.filters import Recipe
from gen2embed.mining.gpu import neighbours_on
from gen2embed.mining.inputs import MiningInputs, read_inputs
from gen2embed.mining.mine import BLOCK_ROWS, GIGABYTE, mine_subset
from gen2embed.mining.revealed import check_dose
from gen2embed.mining.statistics import describe
from gen2embed.mining.strategies import STRATEGIES, get_strategy
from gen2embed.outputs import add_output
from gen2embed.settings import add_settings

LOG = logging.getLogger("gen2embed.mine_negatives")
ALIKE = 0.5  # of the searches
FILTERED = "filtered"
FILTERS = tuple(field.name for field in fields(Recipe))
JUDGED = ("greatest_judged", "judged_margin")
SETTINGS = (
    *("round", "k", "m", "memory_gb"),
    *("index", "index_parameters", "index_from", "least_recall"),
)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mine_negatives", description=__doc__)
    add = parser.add_argument
    add("--pairs", required=True, help="pairs parquet of one subset (docs/data_dictionary.md)")
    add("--query-embeddings", required=True, help="npy of unit vectors, row = query_id")
    add("--target-embeddings", required=True, help="npy of unit vectors, row = target_id")
    add("--strategy", required=True, help=", ".join(STRATEGIES))
    add_settings(parser, "mine", [*SETTINGS, *FILTERS])
    add(
        "--labelled",
        action=argparse.BooleanOptionalAction,
        help="the labels leave no unlabelled positives (default: as the pairs file says)",
    )
    add("--equivalences", help="parquet of query_id, target_id: known positives, struck as well")
    add_settings(parser, "train", ["hidden"])
    add("--hidden-seed", type=seed, default=0, help="which of them are hidden")
    add("--corpus", help="parquet of target_id: candidates that are nobody's positive")
    add_settings(parser, "mine", ["ownerless"])
    add_settings(parser, "mine", ["scores", *JUDGED])
    add("--seed", type=seed, default=0, help="of the random strategies")
    add("--device", default="auto", choices=("auto", "cpu", "cuda"), help="who searches")
    add_settings(parser, "embed", ["threads"])
    add(
        "--block-rows",
        type=whole(),
        default=BLOCK_ROWS,
        help="most anchors searched at once; likewise",
    )
    add_output(
        parser,
        "--out",
        ".parquet",
        beside=(".json",),
        help="clusters .parquet; statistics beside it as .json",
    )
    return parser


def check_flags(job: argparse.Namespace) -> None:
    if get_strategy(job.strategy).name == FILTERED:
        recipe_of(job).check(job.k)
    elif recipe_of(job) != Recipe():
        raise InputError(
            f"--{next(iter(recipe_of(job).facts())).replace('_', '-')} is of the strategy "
            f"{FILTERED}, not of {job.strategy}; leave it out, or name that one"
        )
    check_judged(job.scores, *(getattr(job, name) for name in JUDGED))
    check_ownerless(job.ownerless, job.corpus)
    check_dose(job.equivalences, job.hidden, job.hidden_seed)


def recipe_of(job: argparse.Namespace) -> Recipe:
    return Recipe(**{name: getattr(job, name) for name in FILTERS})


def approximation(job: argparse.Namespace) -> Approximation | None:
    if not job.index:
        return None
    index = Index(job.index, job.index_parameters)
    return Approximation(index, job.index_from, job.least_recall)


def mine(job: argparse.Namespace, inputs: MiningInputs, neighbours: Neighbours) -> None:
    out = Path(job.out)
    subset = inputs.subset
    with run_record(out.with_suffix(".run.json")) as record, threads(job.threads):
        mined = mine_subset(
            subset,
            inputs.queries,
            inputs.targets,
            get_strategy(job.strategy),
            k=job.k,
            m=job.m,
            labelled=inputs.labelled,
            seed=job.seed,
            block_rows=job.block_rows,
            memory=job.memory_gb * GIGABYTE,
            neighbours=neighbours,
            approximation=approximation(job),
            recipe=recipe_of(job) if job.strategy == FILTERED else None,
            ownerless=job.ownerless,
        )
        mined_as = {
            "subset": inputs.name,
            "strategy": job.strategy,
            "k": job.k,
            "m": job.m,
            "seed": job.seed,
            "labelled": inputs.labelled,
        }
        if job.round:
            mined_as |= {"round": job.round}
        if job.strategy == FILTERED:
            mined_as |= recipe_of(job).facts()
        if inputs.revealed is not None:
            mined_as |= {"hidden": job.hidden, "hidden_seed": job.hidden_seed}
            mined_as |= {"revealed": inputs.revealed}
        if inputs.further is not None:
            mined_as |= {"ownerless": job.ownerless, "further": inputs.further}
        if inputs.struck is not None:
            mined_as |= {
                name: getattr(job, name) for name in JUDGED if getattr(job, name) is not None
            }
            mined_as |= {"struck": inputs.struck}
        statistics = mined_as | {
            "pairs": len(subset.pair_ids),
            "left_out_pairs": inputs.rows - len(subset.pair_ids),
            **inputs.dropped,
            "queries": len(subset.query_ids),
            "targets": len(subset.target_ids),
            "dropped_queries": mined.dropped_queries,
            "search": mined.search,
            **describe(mined.clusters, mined.tally),
        }
        if inputs.further is not None:
            ownerless = mined.clusters.negative_pairs >= inputs.rows
            statistics["ownerless_negatives"] = int(ownerless.sum())
        metadata = {name: str(value) for name, value in mined_as.items()}
        metadata["labelled"] = metadata["labelled"].lower()
        metadata |= inputs.pairs
        if inputs.prompt:
            metadata["prompt"] = inputs.prompt
        if inputs.form:
            metadata["input"] = json.dumps(inputs.form, sort_keys=True)
        write_clusters(out, mined.clusters, metadata)
        write_json(out.with_suffix(".json"), statistics)
        record["prefetched_searches"] = mined.prefetched
        record["widened_searches"] = mined.widened
        if mined.crowded > ALIKE * mined.searched:
            LOG.warning(
                "%s: vectors are (nearly) all alike: in %d of %d searches far more targets than a "
                "pool holds are within float32's error; look at the model and its prompt",
                out, mined.crowded, mined.searched,
            )  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    def work(jobs: list[argparse.Namespace]) -> None:
        for job in jobs:
            check_flags(job)
        embeddings = EmbeddingFiles()
        inputs = [
            read_inputs(
                job.pairs,
                job.query_embeddings,
                job.target_embeddings,
                job.labelled,
                embeddings,
                job.equivalences,
                job.hidden,
                job.hidden_seed,
                job.corpus,
                job.scores or None,
                *(getattr(job, name) for name in JUDGED),
            )
            for job in jobs
        ]
        for job in jobs:
            manifest = embeddings.manifest(job.query_embeddings)
            if job.round and manifest and not manifest.get("adapter"):
                raise InputError(
                    f"--round {job.round}: {job.query_embeddings} are of the model as it is; "
                    "embed with the adapter that was trained, or leave --round out"
                )
        for job, of_job in zip(jobs, inputs, strict=True):
            mine(job, of_job, neighbours_on(job.device))

    return run_program(build_parser(), work, argv)


if __name__ == "__main__":
    sys.exit(main())
