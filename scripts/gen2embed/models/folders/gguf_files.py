"""Models in GGUF files: de-quantised by transformers, through the package ``gguf``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence

ENDING = ".gguf"


def is_gguf(model: str | Path) -> bool:
    """Whether a model is named by a GGUF file."""
    return Path(model).suffix == ENDING and Path(model).is_file()


def at(model: str | Path) -> tuple[str, dict[str, Any]]:
    """Where transformers finds a model: folder or hub id, and what it is to be told besides."""
    if not is_gguf(model):
        return str(model), {}
    path = Path(model).absolute()
    return str(path.parent), {"gguf_file": path.name}


def weights_at(model: str | Path) -> tuple[str, dict[str, Any]]:
    """``at`` for weights: those of a GGUF file are de-quantised, so that they train and save."""
    from transformers import GgufConfig

    folder, more = at(model)
    return folder, more | ({"quantization_config": GgufConfig(dequantize=True)} if more else {})


def complete_tokenizer(tokenizer: Any, path: str | Path) -> None:
    """Split text as the file says (``tokenizer.ggml.pre``) where transformers does not yet.

    smollm: every digit is a piece of its own, then as GPT-2. Source: llama.cpp's table of names.
    """
    from gguf import GGUFReader

    field = GGUFReader(path).get_field("tokenizer.ggml.pre")
    if field is not None and field.contents() == "smollm":
        digits, gpt2 = Digits(individual_digits=True), ByteLevel(add_prefix_space=False)
        tokenizer.backend_tokenizer.pre_tokenizer = Sequence([digits, gpt2])


def quantisation(path: str | Path) -> dict[str, int]:
    """How many tensors of a file are of which type, such as Q4_1."""
    from gguf import GGUFReader

    types = Counter(tensor.tensor_type.name for tensor in GGUFReader(path).tensors)
    return dict(sorted(types.items()))
