"""What a training reads: pairs and clusters of all subsets, the items of both sides."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gen2embed.artifacts.further_targets import check_corpus, read_further, with_further
from gen2embed.artifacts.ids import check_ids, read_pairs
from gen2embed.artifacts.known_pairs import read_known
from gen2embed.artifacts.origin import check_items, check_mined_from
from gen2embed.artifacts.rows_taken import from_metadata
from gen2embed.errors import InputError
from gen2embed.files import digest_file, reading
from gen2embed.mining.clusters import ClusterTable, read_clusters
from gen2embed.mining.revealed import revealed
from gen2embed.prompts.input_form import check_same
from gen2embed.prompts.items import Items, read_items
from gen2embed.training.batches import PairCluster, take_clusters


@dataclass(frozen=True)
class TrainingInputs:
    """Pairs of all subsets, numbered through; their clusters; the items; what was mined."""

    query_id: (
        np.ndarray
    )  # item of each pair, shape (n_pairs,); -1: a corpus' target, which none asks
    target_id: np.ndarray
    clusters: list[PairCluster]
    mined: dict[str, dict[str, Any]]  # by subset: strategy, prompt, pairs, clusters, ...
    query_items: Items
    target_items: Items
    revealed: tuple[np.ndarray, np.ndarray] | None = None  # ids of further positives, masked


def read_inputs(
    pairs: Sequence[str],
    clusters: Sequence[str],
    query_items: str,
    target_items: str,
    prompt: str | None,
    form: Mapping[str, str],
    fraction: float,
    row_cap: int,
    seed: int,
    equivalences: Sequence[str] | None = None,
    hidden: float = 1.0,
    hidden_seed: int = 0,
    corpora: Sequence[str] | None = None,
) -> TrainingInputs:
    """Read and check; of each subset's clusters a sample (see ``take_clusters``).

    pairs, clusters: a file per subset, in the same order. prompt: the one trained under, if
    clusters that were mined under another one shall be refused; form: of the inputs
    (``input_form.py``), of which there is one in a study. Raises InputError for a file that
    is missing, empty, or does not fit the others. equivalences: a file per subset of known
    positives beyond the annotated ones, of which the share ``hidden`` is hidden (``revealed``);
    corpora: a file per subset of targets without owner, where clusters were mined with one.
    """
    paths = {"query": query_items, "target": target_items}
    items = {side: read_items(path, side) for side, path in paths.items()}
    digests = {side: digest_file(path) for side, path in paths.items()}
    ids: dict[str, list[np.ndarray]] = {"query": [], "target": []}
    taken: list[PairCluster] = []
    mined: dict[str, dict[str, Any]] = {}
    shown: list[tuple[np.ndarray, np.ndarray]] = []
    start = 0
    known_files = equivalences or [None] * len(pairs)
    corpus_files = corpora or [None] * len(pairs)
    for pairs_file, clusters_file, known, corpus in zip(
        pairs, clusters, known_files, corpus_files, strict=True
    ):
        *of_pairs, metadata = read_pairs(pairs_file)
        n_pairs = len(of_pairs[0])
        for (side, path), its in zip(paths.items(), of_pairs, strict=True):
            check_items(pairs_file, metadata, side, digests[side], path)
            check_ids(pairs_file, f"{side}_id", its, path, len(items[side]))
        further = np.empty(0, dtype=np.int64)
        if corpus is not None:
            further = read_further(corpus, pairs_file, metadata, target_items, len(items["target"]))
        for of_side, its in zip(ids.values(), with_further(*of_pairs, further), strict=True):
            of_side.append(its)
        if known is not None:
            of_subset = read_known(known, pairs_file, metadata)
            shown.append(revealed(of_subset, hidden, hidden_seed))
        table, mined_as = read_clusters(clusters_file, n_pairs, further=True)
        check_corpus(clusters_file, mined_as, corpus, len(further))
        check_mined_from(clusters_file, mined_as, pairs_file, metadata, *of_pairs)
        _check_mined(clusters_file, table, mined_as, prompt)
        if len(table.negative_pairs):
            check_same(form, form_in(clusters_file, mined_as), f"this training and {clusters_file}")
        sample = take_clusters(_clusters_of(table, start), fraction, row_cap, seed)
        subset = metadata.get("subset", Path(pairs_file).stem)
        if subset in mined:
            raise InputError(f"{pairs_file}: is of {subset!r}, as one before it; give it once")
        mined[subset] = {
            "strategy": mined_as.get("strategy"),
            "prompt": mined_as.get("prompt"),
            **({"round": int(mined_as["round"])} if "round" in mined_as else {}),
            **from_metadata(metadata),
            "pairs": n_pairs,
            "clusters": len(table),
            "clusters_taken": len(sample),
            "pairs_taken": len(np.unique(np.concatenate(sample))),
        }
        taken += sample
        start += n_pairs + len(further)
    joined = (np.concatenate(of_side) for of_side in ids.values())
    further = None
    if shown:
        query, target = (np.concatenate(of_side) for of_side in zip(*shown, strict=True))
        further = query, target
    return TrainingInputs(*joined, taken, mined, *items.values(), further)


def form_in(path: str, mined_as: Mapping[str, str]) -> dict[str, str] | None:
    """The form of input that a cluster file's metadata tell; None: they do not."""
    with reading(path, "clusters"):
        form = json.loads(mined_as.get("input", "null"))
        if not (form is None or isinstance(form, dict)):
            raise ValueError("input in its metadata is no object")
    return form


def _clusters_of(table: ClusterTable, start: int) -> list[PairCluster]:
    negatives = np.split(table.negative_pairs, table.starts[1:-1])
    return [
        start + np.concatenate([[anchor], others]).astype(np.int64)
        for anchor, others in zip(table.anchor_pair, negatives, strict=True)
    ]


def _check_mined(
    path: str, table: ClusterTable, mined_as: dict[str, str], prompt: str | None
) -> None:
    if not len(table):
        raise InputError(f"{path}: holds no clusters; mine it again, or leave this subset out")
    mined_under = mined_as.get("prompt")
    if prompt and mined_under and mined_under != prompt and len(table.negative_pairs):
        raise InputError(
            f"{path}: was mined under the prompt {mined_under!r}, but {prompt!r} is trained: other "
            "negatives would be hard; mine with that prompt's vectors, or say --allow-other-prompt"
        )
