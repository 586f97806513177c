"""Work out one anchor's mining with SaHa again, step by step, from what it was mined from.

Which anchor is decided by rule, not by what SaHa did: of the clusters of pass 1 with all k·m
candidates, in subsets that are not labelled, the one with most known false negatives among its
candidates; the first where several have as many, or where none are known.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from gen2embed.artifacts.described import SEARCHED, read_described
from gen2embed.artifacts.embedding_files import EmbeddingFiles
from gen2embed.artifacts.ids import read_pairs, whole_number
from gen2embed.artifacts.known_pairs import read_known
from gen2embed.artifacts.origin import check_mined_from, check_strategy
from gen2embed.command_line import run_each
from gen2embed.errors import InputError
from gen2embed.files import write_parquet
from gen2embed.mining.clusters import read_clusters
from gen2embed.mining.inputs import read_inputs
from gen2embed.mining.vectors import SideVectors
from gen2embed.mining.worked import DISCARDED, KEPT, Worked, Workings
from gen2embed.outputs import add_output
from gen2embed.study.layout import facts_file, set_file

STRATEGY = "saha"
LOOKED_AT = 500  # clusters of each subset, at most
RESIDENT = 1e8  # bytes of vectors that are copied to be side by side
SCHEMA = pa.schema(
    [
        ("rank", pa.int64()),
        ("target_id", pa.int64()),
        ("target_cosine", pa.float64()),
        ("state", pa.string()),
        ("owner_query_id", pa.int64()),
        ("owner_cosine", pa.float64()),
        ("order", pa.int64()),
        ("pair_id", pa.int64()),
        ("false_negative", pa.bool_()),
    ]
)


@dataclass(frozen=True)
class Found:
    """A cluster that may be shown."""

    worked: Worked
    frame: pd.DataFrame
    facts: dict[str, str]

    @property
    def false(self) -> int:
        return int(self.frame["false_negative"].sum())


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="trace_anchor", description=__doc__)
    add = parser.add_argument
    add("--pairs", required=True, nargs="+", help="pairs parquet of each subset")
    add("--equivalences", nargs="+", help="known positives of each subset, where they are known")
    add("--query-embeddings", required=True, help="npy that mining read, row = query_id")
    add("--target-embeddings", required=True, help="npy that mining read, row = target_id")
    add("--clusters", required=True, help=f"folder with {STRATEGY}/<subset>.parquet and .json")
    add_output(parser, "--out", ".parquet", help="the anchor's pool, a row for each target")
    return parser


def tabulate(worked: Worked, subset, known: tuple[np.ndarray, np.ndarray] | None) -> pd.DataFrame:
    """The columns of SCHEMA, by item ids; a candidate is false by the target of its own pair."""
    at = worked.candidates
    count = len(worked.targets)
    ids = {name: np.full(count, -1) for name in ("owner_query_id", "pair_id")}
    ids["owner_query_id"][at] = subset.query_ids[worked.owners[at]]
    ids["pair_id"][at] = subset.pair_ids[worked.pairs[at]]
    false = np.zeros(count, dtype=bool)
    if known is not None:
        right = known[1][known[0] == subset.query_ids[subset.query[worked.row]]]
        false[at] = np.isin(subset.target_ids[subset.target[worked.pairs[at]]], right)
    return pd.DataFrame(
        {
            "rank": np.arange(count) + 1,
            "target_id": subset.target_ids[worked.targets],
            "target_cosine": worked.scores,
            "state": worked.states,
            **ids,
            "owner_cosine": worked.overlap,
            "order": np.where(worked.order < 0, 0, worked.order + 1),
            "false_negative": false,
        }
    )[SCHEMA.names]


def work_subset(
    job: argparse.Namespace, pairs: str, known_path: str | None, embeddings: EmbeddingFiles
) -> list[Found]:
    """Clusters with all their candidates, each checked against the mined one."""
    vectors = (job.query_embeddings, job.target_embeddings)
    inputs = read_inputs(pairs, *vectors, None, embeddings)
    if inputs.labelled:
        return []
    *ids, metadata = read_pairs(pairs)
    path = set_file(Path(job.clusters) / STRATEGY, inputs.name)
    table, mined_as = read_clusters(path, len(ids[0]))
    check_mined_from(path, mined_as, pairs, metadata, *ids)
    check_strategy(path, mined_as, STRATEGY)
    facts_of = read_described(facts_file(path.parent, inputs.name), SEARCHED, "mine again")
    exact = facts_of["search"]["exact"]
    k, m = (whole_number(path, mined_as, key) for key in ("k", "m"))
    subset = inputs.subset
    sides = [
        SideVectors(of_side, its_ids, RESIDENT)
        for of_side, its_ids in (
            (inputs.queries, subset.query_ids),
            (inputs.targets, subset.target_ids),
        )
    ]
    known = read_known(known_path, pairs, metadata) if known_path else None
    workings = Workings(subset, *sides, table, k, m)
    found = []
    for number, worked in enumerate(workings.first_pass()):
        if number == LOOKED_AT:
            break
        if not np.array_equal(worked.kept, workings.mined(worked.cluster)):
            if exact:
                raise InputError(
                    f"{path}: cluster {worked.cluster} is not what SaHa makes of these pairs and "
                    "vectors; mine the clusters again"
                )
            continue  # an index passed something over
        if len(worked.candidates) == k * m:
            anchor = int(subset.pair_ids[worked.row])
            facts = {"subset": inputs.name, "cluster": worked.cluster, "k": k, "m": m}
            facts |= {
                "anchor_pair": anchor,
                "query_id": ids[0][anchor],
                "target_id": ids[1][anchor],
            }
            facts["known"] = "yes" if known is not None else "no"
            texts = {name: str(value) for name, value in facts.items()}
            found.append(Found(worked, tabulate(worked, subset, known), texts))
    return found


def trace(job: argparse.Namespace) -> None:
    known = job.equivalences or [None] * len(job.pairs)
    if len(known) != len(job.pairs):
        raise InputError("--equivalences: give one file for each of --pairs, in their order")
    embeddings = EmbeddingFiles()
    found = []
    for pairs, known_path in zip(job.pairs, known, strict=True):
        found += work_subset(job, pairs, known_path, embeddings)
    chosen = max(found, key=lambda anchor: anchor.false, default=None)  # of equals the first
    frame = chosen.frame if chosen else pd.DataFrame(columns=SCHEMA.names)
    facts = {"strategy": STRATEGY, "anchors": str(len(found))}
    if chosen:
        left_out = [
            int((anchor.frame["false_negative"] & (anchor.frame["state"] == DISCARDED)).sum())
            for anchor in found
        ]
        stayed = [
            int((anchor.frame["false_negative"] & (anchor.frame["state"] == KEPT)).sum())
            for anchor in found
        ]
        facts |= chosen.facts | {
            "false_discarded_of_all": str(sum(left_out)),
            "false_kept_of_all": str(sum(stayed)),
        }
    table = pa.Table.from_pandas(frame, SCHEMA, preserve_index=False)
    write_parquet(job.out, table.replace_schema_metadata(None), facts)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), trace, argv)


if __name__ == "__main__":
    sys.exit(main())
