"""What Snakemake must know of GPUs before it starts jobs on this machine itself."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from gen2embed.errors import InputError
from gen2embed.machine.gpus import visible_gpus

FLAGS = ("--resources", "--res")


def check_local_gpus(asked: Mapping[str, int], given: int | None, words: Sequence[str]) -> None:
    """Raise InputError unless Snakemake was told of as many GPUs as every single job asks for.

    Without a number it starts as many jobs as there are cores, and jobs share GPUs; with one that
    is too small it starts a training whose processes do.
    asked: GPUs of a job, by rule; told: of ``--resources gpu=N``; words: Snakemake's own, for the
    command to type.
    """
    if not asked:
        return
    if not given or given < 1:
        visible = len(visible_gpus())
        known = f", it shows {visible}" if visible else ""
        raise InputError(
            f"hardware: gpu needs the number of GPUs: add --resources gpu=N (N: how many this "
            f"machine has{known}), that is: {with_gpus(words, str(visible or 'N'))} (on a cluster: "
            "--profile profiles/slurm instead)"
        )
    rule = max(sorted(asked), key=lambda job: asked[job])
    if asked[rule] > given:
        raise InputError(
            f"{rule} asks for {asked[rule]} GPUs, and --resources gpu={given} says that there are "
            f"not as many: set train.processes to at most {given}, or lay configs/single_gpu.yaml "
            "over the configuration"
        )


def with_gpus(words: Sequence[str], count: str) -> str:
    """The call of Snakemake with ``--resources gpu=<count>``, as one types it."""
    words = [word for word in words if not word.startswith("gpu=")]
    gpus = f"gpu={count}"
    position = next((i for i, word in enumerate(words) if word in FLAGS), None)
    if position is not None:
        words[position + 1 : position + 1] = [gpus]
    elif words and not words[0].startswith("-"):  # a target, which the flag would swallow
        words += [FLAGS[0], gpus]
    else:
        words = [FLAGS[0], gpus, *words]
    return shlex.join(["snakemake", *words])
