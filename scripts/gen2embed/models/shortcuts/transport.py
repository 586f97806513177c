"""From loader workers to the training process: few descriptors, few copies, no silent wait.

A tensor that a worker hands over is a shared memory of its own, and by torch's default an open file
in either process; a batch of hundreds of tensors meets the usual limit of 1024 open files, workers
lose it, and the main process waits for ever. So a batch travels as one tensor.
"""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from gen2embed.errors import InputError

ALIGNED = 16  # bytes
SECONDS_AFTER_SIGTERM = 120
Layout = list[tuple[int, torch.dtype, tuple[int, ...]]]  # of each tensor: offset, type, shape


def prepare_sharing() -> None:
    """Before any worker starts: as many open files as are allowed, and none for a shared tensor."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    torch.multiprocessing.set_sharing_strategy("file_system")


def outlive_sigterm(_: int) -> None:
    """In a worker: after SIGTERM it goes on for a while.

    torchrun and SLURM send it to all processes that there are, but one that is to save a state
    after the running step needs its workers until then.
    """
    signal.signal(signal.SIGTERM, lambda *_: signal.alarm(SECONDS_AFTER_SIGTERM))


def pack(tensors: Sequence[torch.Tensor]) -> tuple[torch.Tensor, Layout]:
    """Tensors on the CPU as one, uint8, and where each of them is in it."""
    layout: Layout = []
    end = 0
    for tensor in tensors:
        layout.append((end, tensor.dtype, tuple(tensor.shape)))
        end += -(-tensor.numel() * tensor.element_size() // ALIGNED) * ALIGNED
    whole = torch.empty(end, dtype=torch.uint8)
    for tensor, (start, _, _) in zip(tensors, layout, strict=True):
        flat = tensor.contiguous().reshape(-1).view(torch.uint8)
        whole[start : start + len(flat)] = flat
    return whole, layout


def unpack(whole: torch.Tensor, layout: Layout) -> list[torch.Tensor]:
    """The same tensors as views of the one; shapes and types as they were."""
    found = []
    for start, dtype, shape in layout:
        size = torch.Size(shape).numel() * dtype.itemsize
        found.append(whole[start : start + size].view(dtype).reshape(shape))
    return found


@contextmanager
def loader_faults(seconds: float) -> Iterator[None]:
    """Turn what torch's loader says of its workers into InputError.

    seconds: the loader's time-out. A worker that is late, was killed (out of memory), or had no
    room in /dev/shm; everything else passes, also what went wrong in a worker that lives on.
    """
    try:
        yield
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        if "DataLoader timed out" in reason:
            raise InputError(
                f"no batch came from the loader's workers within {seconds:g} s; fewer workers, "
                "a faster disk, or a longer --loader-seconds"
            ) from None
        if "DataLoader worker (pid" in reason or "shared memory" in reason or "shm" in reason:
            raise InputError(
                f"a worker of the loader has ended ({reason[:200]}); give the job more memory and "
                "/dev/shm (docs/training.md), or fewer workers"  # noqa: S108  named, not written to
            ) from None
        raise
