"""What mining reads of one subset: its pairs, the vectors of both sides, what their files tell."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gen2embed.artifacts.embedding_files import EmbeddingFiles
from gen2embed.artifacts.further_targets import read_further
from gen2embed.artifacts.ids import check_ids, read_pairs
from gen2embed.artifacts.judged import read_judged, too_relevant
from gen2embed.artifacts.known_pairs import read_known
from gen2embed.artifacts.origin import pairs_metadata
from gen2embed.artifacts.register_file import is_yes
from gen2embed.artifacts.rows_taken import dropped_from_metadata
from gen2embed.errors import InputError
from gen2embed.mining.revealed import revealed
from gen2embed.mining.subset import Subset


@dataclass(frozen=True)
class MiningInputs:
    subset: Subset
    name: str
    labelled: bool
    prompt: str | None  # of the query vectors, where their manifest tells
    form: dict[str, str] | None  # of the inputs of both sides, likewise
    rows: int
    pairs: dict[str, str]  # what the pairs are, for the cluster file's metadata
    dropped: dict[str, int]  # bad rows that the pairs were made without; empty: none
    revealed: int | None  # known equivalences that mining was told; None: no file of them
    further: int | None  # targets of the corpus; None: no file of one
    struck: int | None  # pairs that a judge's scores strike; None: no file of them
    queries: np.ndarray
    targets: np.ndarray


def labelled_of(path: str, metadata: dict[str, str]) -> bool:
    """What the pairs' own metadata say; not labelled where they do not tell."""
    return is_yes(metadata.get("labelled", ""), f"{path}: labelled in its metadata")


def read_inputs(
    pairs: str,
    query_embeddings: str,
    target_embeddings: str,
    labelled: bool | None,
    embeddings: EmbeddingFiles,
    equivalences: str | None = None,
    hidden: float = 1.0,
    hidden_seed: int = 0,
    corpus: str | None = None,
    scores: str | None = None,
    greatest_judged: float | None = None,
    judged_margin: float | None = None,
) -> MiningInputs:
    """Read and compare; labelled: None is what the pairs' own metadata say.

    equivalences: known positives beyond the annotated ones, of which the share ``hidden`` is hidden
    (see ``revealed``). corpus: targets that are candidates without owner. scores: of a
    judge, of which ``too_relevant`` says which pairs are struck like positives. Raises InputError
    for files that are missing, broken or not of one set.
    """
    query_id, target_id, metadata = read_pairs(pairs)
    queries, query_valid = embeddings.get(query_embeddings)
    targets, target_valid = embeddings.get(target_embeddings)
    form = embeddings.check_one_space(query_embeddings, target_embeddings)
    embeddings.check_items(pairs, metadata, "query", query_embeddings)
    embeddings.check_items(pairs, metadata, "target", target_embeddings)
    check_ids(pairs, "query_id", query_id, query_embeddings, len(queries))
    check_ids(pairs, "target_id", target_id, target_embeddings, len(targets))
    shown = None
    if equivalences is not None:
        shown = revealed(read_known(equivalences, pairs, metadata), hidden, hidden_seed)
    struck = None
    if scores is not None:
        judged = read_judged(scores, len(queries), len(targets))
        struck = too_relevant(judged, query_id, target_id, greatest_judged, judged_margin)
    further = None
    if corpus is not None:
        further = read_further(corpus, pairs, metadata, target_embeddings, len(targets))
    known = [pairs_of for pairs_of in (shown, struck) if pairs_of is not None]
    excluded = tuple(np.concatenate(sides) for sides in zip(*known, strict=True)) if known else None
    subset = Subset.of(query_id, target_id, query_valid, target_valid, excluded, further)
    if not len(subset.pair_ids):
        raise InputError(f"{pairs}: every pair has an item that could not be embedded")
    return MiningInputs(
        subset=subset,
        name=metadata.get("subset", Path(pairs).stem),
        labelled=labelled_of(pairs, metadata) if labelled is None else labelled,
        prompt=embeddings.manifest(query_embeddings).get("prompt"),
        form=form,
        rows=len(query_id),
        pairs=pairs_metadata(query_id, target_id),
        dropped=dropped_from_metadata(metadata),
        revealed=None if shown is None else len(shown[0]),
        further=None if further is None else len(further),
        struck=None if struck is None else len(struck[0]),
        queries=queries,
        targets=targets,
    )
