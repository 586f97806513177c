"""Files of vectors with the manifest beside them, as mining and scoring read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from gen2embed.errors import InputError
from gen2embed.files import load_embeddings, load_valid, read_json
from gen2embed.prompts.input_form import check_same


class EmbeddingFiles:
    """Embedding files, each checked once however many jobs name it."""

    def __init__(self) -> None:
        self.loaded: dict[Path, tuple[np.ndarray, np.ndarray]] = {}

    def get(self, path: str) -> tuple[np.ndarray, np.ndarray]:
        """Mapped vectors, shape (n_items, dim), and which are valid: bool, shape (n_items,)."""
        key = Path(path).resolve()
        if key not in self.loaded:
            vectors = load_embeddings(path)
            self.loaded[key] = vectors, load_valid(path, len(vectors))
        return self.loaded[key]

    def check_one_space(self, query: str, target: str) -> dict[str, str] | None:
        """The form of input of both files, where a manifest tells it.

        Raises InputError where the two differ in dimension, or in the form of input.
        """
        of_queries, of_targets = (self.get(path)[0].shape[1] for path in (query, target))
        if of_queries != of_targets:
            raise InputError(
                f"{target}: has {of_targets} dimensions, {query} has {of_queries}; embed both "
                "sides with one model"
            )
        forms = [manifest(path).get("input") for path in (query, target)]
        check_same(*forms, f"{query} and {target}")
        return forms[0] or forms[1]


def manifest(path: str) -> dict[str, Any]:
    """The embedding file's own manifest; empty for vectors that have none, as a user's own."""
    beside = Path(path).with_suffix(".json")
    return read_json(beside) if beside.is_file() else {}
