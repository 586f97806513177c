"""How many processes train together, and which of them this is: as their launcher tells each."""

from __future__ import annotations

import os
import signal

ENDED_BY_SIGTERM = 128 + signal.SIGTERM
LOST_THE_OTHERS = 69  # exit status of a process that ends only because another has


def count() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    return int(os.environ.get("RANK", "0"))


def local_rank() -> int:
    """The rank among the processes of this machine."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def leave() -> None:
    """Say goodbye to the other processes, where torch has been in touch with them."""
    if count() > 1:
        from torch import distributed

        if distributed.is_initialized():
            distributed.destroy_process_group()


def lost_the_others(error: RuntimeError) -> bool:
    """Whether it is about the connection to the others: NCCL's has a type, gloo's its name."""
    from torch import distributed

    return isinstance(error, distributed.DistError) or "gloo" in str(error)
