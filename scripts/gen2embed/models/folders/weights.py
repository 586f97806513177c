"""Weights in files: safetensors, or torch's pickles (.bin) of which tensors alone are read.

A pickle can run any program when it is loaded. torch's ``weights_only`` unpickler builds tensors
and plain containers and refuses all else before it is built; so nothing of a stranger's is run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from gen2embed.errors import InputError
from gen2embed.files import check_file, reading, weight_names

ADAPTER = ("adapter_model.safetensors", "adapter_model.bin")  # PEFT's names, the first goes first


def adapter_weights(folder: str) -> dict[str, Any]:
    """Weights of a PEFT folder by name, on the CPU; InputError where there are none to be read."""
    path = next((file for name in ADAPTER if (file := Path(folder) / name).is_file()), None)
    if path is None:
        raise InputError(f"{folder}: no adapter of this model (no {' or '.join(ADAPTER)} in it)")
    return read_tensors(path)


def read_tensors(path: Path, device: str = "cpu") -> dict[str, Any]:
    """Tensors of a file by name; on the device "meta" without their values.

    Raises InputError for a file that is broken, or that holds anything but tensors.
    """
    import torch
    from safetensors.torch import load_file

    check_file(path)
    if path.suffix == ".safetensors":
        with reading(path, "safetensors"):
            return load_file(path, device=device)
    try:
        found = torch.load(path, map_location=device, weights_only=True)
    except UnpicklingError as error:
        raise InputError(_refused(path, error)) from None
    except Exception as error:  # torch raises whatever it meets in a broken file
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"{path}: is no readable file of torch's ({reason})") from None
    values = found.values() if isinstance(found, dict) else [None]
    if not all(isinstance(value, torch.Tensor) for value in values):
        raise InputError(_refused(path, "it holds more than tensors by name"))
    return found


@contextmanager
def tensors_alone(model: str) -> Iterator[None]:
    """Around loading a model: pickles that hold more than tensors are one line, and never run.

    A folder's are looked through before; transformers refuses those of a hub id, which it fetches.
    """
    folder = Path(model)
    if folder.is_dir():
        for name in weight_names(path.name for path in folder.iterdir()):
            if name.endswith(".bin") and name not in ADAPTER:
                read_tensors(folder / name, "meta")
    try:
        yield
    except UnpicklingError as error:
        raise InputError(_refused(model, error)) from None


def _refused(where: str | Path, reason: object) -> str:
    fault = next((line for line in str(reason).splitlines() if "GLOBAL" in line), str(reason))
    return (
        f"{where}: holds more than tensors, and nothing of it was run ({fault.strip()[:200]}); ask "
        "for safetensors, or make them, where you trust the file: load the model or adapter with "
        "weights_only=False and save it with save_pretrained"
    )
