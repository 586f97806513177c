"""Models in GGUF files: de-quantised by transformers, through the package ``gguf``."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence

from gen2embed.errors import InputError

ENDING = ".gguf"
READERS_FAULTS = (  # what transformers and gguf raise for a file that is broken or strange
    *(ValueError, LookupError, OSError, EOFError, NotImplementedError, struct.error),
)


def is_gguf(model: str | Path) -> bool:
    """Whether a model is named by a GGUF file."""
    return Path(model).suffix == ENDING and Path(model).is_file()


def at(model: str | Path) -> tuple[str, dict[str, str]]:
    """Where transformers finds a model: folder or hub id, and what it is to be told besides."""
    if not is_gguf(model):
        return str(model), {}
    path = Path(model).absolute()
    return str(path.parent), {"gguf_file": path.name}


@contextmanager
def told_in_one_line(path: str | Path) -> Iterator[None]:
    """What goes wrong in reading a GGUF file, as InputError; nothing changes for other models."""
    if not is_gguf(path):
        yield
        return
    try:
        yield
    except InputError:
        raise
    except ImportError:
        raise InputError(f"{path}: reading it needs the package gguf; pip install gguf") from None
    except READERS_FAULTS as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"{path}: is no GGUF file of a model known here ({reason})") from None


def read_model(path: str | Path, dtype: torch.dtype, attention: str) -> torch.nn.Module:
    """The causal language model of a GGUF file, all weights de-quantised.

    attention: transformers' name of an implementation. Raises InputError for a file that is broken,
    of an architecture that transformers does not know, or without some of the model's weights.
    """
    from transformers import AutoModelForCausalLM, GgufConfig

    folder, more = at(path)
    with told_in_one_line(path):
        read, found = AutoModelForCausalLM.from_pretrained(
            folder,
            **more,
            dtype=dtype,
            attn_implementation=attention,
            quantization_config=GgufConfig(dequantize=True),
            output_loading_info=True,
            trust_remote_code=False,
        )
    absent = sorted({*found["missing_keys"], *(name for name, *_ in found["mismatched_keys"])})
    if absent:
        raise InputError(f"{path}: lacks {len(absent)} of the model's weights, such as {absent[0]}")
    read.config._name_or_path = ""
    return read


def complete_tokenizer(tokenizer: Any, path: str | Path) -> None:
    """Split text as the file says (``tokenizer.ggml.pre``) where transformers does not yet.

    smollm: every digit is a piece of its own, then as GPT-2. Source: llama.cpp's table of names.
    """
    from gguf import GGUFReader

    with told_in_one_line(path):
        said = GGUFReader(path).get_field("tokenizer.ggml.pre")
    if said is not None and said.contents() == "smollm":
        digits, gpt2 = Digits(individual_digits=True), ByteLevel(add_prefix_space=False)
        tokenizer.backend_tokenizer.pre_tokenizer = Sequence([digits, gpt2])


def quantisation(path: str | Path) -> dict[str, int]:
    """How many tensors of a file are of which type, such as Q4_1. Raises InputError."""
    from gguf import GGUFReader

    with told_in_one_line(path):
        types = Counter(one.tensor_type.name for one in GGUFReader(path).tensors)
    return dict(sorted(types.items()))
