"""Files of vectors with the manifest beside them: read once, and compared with what it tells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from gen2embed.artifacts.origin import check_items, check_one_run
from gen2embed.errors import InputError
from gen2embed.files import digest_file, load_embeddings, load_valid, read_json_object
from gen2embed.prompts.input_form import check_same

CHECKSUMS = {"vectors_sha256": ".npy", "valid_sha256": ".valid.npy"}  # of the files beside it
KINDS = {"items": int, "dim": int, "shard": dict, "input": dict, "items_digest": str}
SHARD_ROWS = ("first_row", "end_row")


class EmbeddingFiles:
    """Embedding files, each checked once however many jobs name it."""

    def __init__(self) -> None:
        self.loaded: dict[Path, tuple[np.ndarray, np.ndarray, dict[str, Any]]] = {}

    def _load(self, path: str | Path) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
        key = Path(path).resolve()
        if key not in self.loaded:
            self.loaded[key] = load_with_manifest(path)
        return self.loaded[key]

    def get(self, path: str | Path) -> tuple[np.ndarray, np.ndarray]:
        """Mapped vectors, shape (n_items, dim), and which are valid: bool, shape (n_items,)."""
        vectors, valid, _ = self._load(path)
        return vectors, valid

    def manifest(self, path: str | Path) -> dict[str, Any]:
        return self._load(path)[2]

    def check_items(self, ids: str | Path, metadata: dict[str, str], side: str, path: str) -> None:
        """Raise InputError where the ids of a file name rows of other items than were embedded.

        ids: path of that file; metadata: its own; path: of the vectors.
        """
        check_items(ids, metadata, side, self.manifest(path).get("items_digest"), path)

    def check_one_space(self, query: str, target: str) -> dict[str, str] | None:
        """The form of input of both files, where a manifest tells it.

        Raises InputError where the two differ in dimension, in what made them, or in the form of
        input.
        """
        of_queries, of_targets = (self.get(path)[0].shape[1] for path in (query, target))
        if of_queries != of_targets:
            raise InputError(
                f"{target}: has {of_targets} dimensions, {query} has {of_queries}; embed both "
                "sides with one model"
            )
        sides = f"{query} and {target}"
        manifests = [self.manifest(path) for path in (query, target)]
        check_one_run(*manifests, sides)
        forms = [its.get("input") for its in manifests]
        check_same(*forms, sides)
        return forms[0] or forms[1]


def load_with_manifest(path: str | Path) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Vectors, which are valid, and the manifest, which is empty where there is none.

    Raises InputError where the manifest is of other vectors: another checksum, number or width.
    """
    vectors = load_embeddings(path)
    facts = manifest(path)
    check_shape(path, facts, vectors)
    check_sums(path, facts)
    return vectors, load_valid(path, len(vectors)), facts


def checksums(path: str | Path) -> dict[str, str]:
    """For the manifest, of vectors that are written: SHA-256 of each of their files."""
    files = {key: Path(path).with_suffix(ending) for key, ending in CHECKSUMS.items()}
    return {key: digest_file(file) for key, file in files.items() if file.is_file()}


def check_sums(path: str | Path, facts: dict[str, Any]) -> None:
    if not set(CHECKSUMS) & set(facts):
        return
    found = checksums(path)
    for key, ending in CHECKSUMS.items():
        if facts.get(key) != found.get(key):
            raise InputError(
                f"{Path(path).with_suffix(ending)}: is not the file that its manifest describes "
                "(another SHA-256): it was damaged, or replaced; embed again, or take the .json "
                "away from vectors of your own"
            )


def check_shape(path: str | Path, facts: dict[str, Any], vectors: np.ndarray) -> None:
    rows, dim = rows_of(facts), facts.get("dim")
    for what, stated, found in (("rows", rows, len(vectors)), ("columns", dim, vectors.shape[1])):
        if stated is not None and stated != found:
            raise InputError(
                f"{path}: holds {found} {what}, not the {stated} of its manifest; embed again, or "
                "take the .json away from vectors of your own"
            )


def rows_of(facts: dict[str, Any]) -> int | None:
    """How many vectors a manifest tells of; None: it does not."""
    shard = facts.get("shard")
    return shard["end_row"] - shard["first_row"] if shard else facts.get("items")


def manifest(path: str | Path) -> dict[str, Any]:
    """The embedding file's own manifest; empty for vectors that have none, as a user's own."""
    beside = Path(path).with_suffix(".json")
    facts = read_json_object(beside) if beside.is_file() else {}
    for key, kind in KINDS.items():
        if facts.get(key) is not None and type(facts[key]) is not kind:
            raise InputError(f"{beside}: {key} is {facts[key]!r:.40}; embed again")
    shard = facts.get("shard")
    if shard is not None and any(type(shard.get(row)) is not int for row in SHARD_ROWS):
        raise InputError(f"{beside}: shard tells no rows; embed again")
    return facts
