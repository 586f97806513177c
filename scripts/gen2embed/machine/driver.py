"""Whether NVIDIA's driver is new enough for the installed torch, known without starting either.

A CUDA 12.x program runs with every driver of CUDA 12.0 or later, and so on for each major version:
"minor version compatibility" in NVIDIA's CUDA Compatibility guide, whose table of least drivers
(Linux, x86-64) is ``LEAST``. Only its forward compatibility package (``cuda-compat``) goes below.
"""

from __future__ import annotations

import ast
import os
import re
import sys
from importlib.util import find_spec
from pathlib import Path

from gen2embed.errors import InputError
from gen2embed.machine import gpus

LEAST = {11: (450, 80, 2), 12: (525, 60, 13), 13: (580,)}  # driver by CUDA's major version
UNDERSTOOD = ("cu126", "cu128")  # builds of torch for CUDA 12, as PyTorch's index names them


def numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version: "535.104.05" is (535, 104, 5); () if there are none."""
    found = re.match(r"\d+(\.\d+)*", version.strip())
    return tuple(map(int, found[0].split("."))) if found else ()


def too_old(driver: str | None, cuda: str | None) -> str | None:
    """What is wrong and the remedy, in one line without a full stop, or None.

    driver: version of NVIDIA's driver; cuda: version of CUDA that torch was built with. None:
    unknown, or a build without CUDA; nothing is said of these, nor of a CUDA newer than ``LEAST``.
    """
    have, wanted = numbers(driver or ""), LEAST.get((numbers(cuda or "") or (0,))[0])
    if not have or wanted is None or have >= wanted:
        return None
    least = ".".join(f"{number:02d}" for number in wanted)
    other = " or ".join(UNDERSTOOD)
    older = f", or install a torch for CUDA 12 ({other})" if LEAST[13] == wanted else ""
    return (
        f"NVIDIA's driver {driver} is too old for this torch, which was built with CUDA {cuda} and "
        f"needs driver {least} or newer: update the driver{older}; see docs/environments.md"
    )


def driver_version() -> str | None:
    """Version of the driver, by ``nvidia-smi`` or the kernel's file; None where none is found."""
    answer = gpus.ask_smi("driver_version")
    if answer and numbers(answer):
        return answer.split()[0]
    return of_kernel(gpus.ROOT / "proc/driver/nvidia/version")


def of_kernel(path: Path) -> str | None:
    """The version in the kernel module's line "NVRM version: NVIDIA ... 535.104.05 ..."."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return None
    found = re.search(r"^NVRM version:.*?\s(\d+(?:\.\d+)+)\s", text, flags=re.M)
    return found[1] if found else None


def version_file_of_torch() -> Path | None:
    """The file that says how the installed torch was built; None where there is no torch."""
    try:  # it may be missing: mining with FAISS does without
        spec = find_spec("torch")
    except ImportError:
        return None
    path = Path(spec.origin).with_name("version.py") if spec and spec.origin else None
    return path if path and path.is_file() else None


def cuda_of_torch() -> str | None:
    """Version of CUDA that the installed torch was built with; None of a CPU build, or no torch.

    Read from its version.py, since importing torch takes seconds.
    """
    path = version_file_of_torch()
    if path is None:
        return None
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        if any(isinstance(target, ast.Name) and target.id == "cuda" for target in targets):
            return node.value.value if isinstance(node.value, ast.Constant) else None
    return None


def forward_compatible() -> bool:
    """Whether programs are given another libcuda than the driver's, as cuda-compat does."""
    folders = os.environ.get("LD_LIBRARY_PATH", "").split(":")
    return any(
        "compat" in folder and list(Path(folder).glob("libcuda.so*"))
        for folder in folders
        if folder
    )


def driver_fault() -> str | None:
    """What is wrong with this machine's driver for this environment's torch, in one line; or None.

    None, too, where it cannot be known.
    """
    cuda = cuda_of_torch()
    if cuda is None or forward_compatible():
        return None
    return too_old(driver_version(), cuda)


def check_driver(needed: bool) -> None:
    """Raise InputError for a driver that is too old; where no GPU is needed yet, a line on stderr.

    Called before anything is downloaded.
    """
    fault = driver_fault()
    if fault and needed:
        raise InputError(fault)
    if fault:
        print(f"gen2embed: {fault}", file=sys.stderr)


def why_no_gpu() -> str:
    """Why torch may see no GPU, to be added to an error's line: "" or "; ..."."""
    fault = driver_fault()
    if fault:
        return f"; {fault}"
    if version_file_of_torch() and cuda_of_torch() is None:
        return "; this torch is a build without CUDA (see docs/environments.md)"
    return ""
