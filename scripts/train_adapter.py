"""Fine-tune a model on mined clusters: a LoRA adapter, its checkpoints, log and card."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy as np

from gen2embed.errors import InputError
from gen2embed.files import (
    digest_file,
    digest_folder,
    package_versions,
    read_parquet,
    run_record,
    write_json,
    write_text,
)
from gen2embed.mining.clusters import read_clusters
from gen2embed.models.items import read_items
from gen2embed.models.prompts import get_prompt
from gen2embed.models.resolutions import get_resolution
from gen2embed.program import run_program
from gen2embed.training.batches import form_batches

if TYPE_CHECKING:
    from gen2embed.training.trainer import ContrastiveTrainer

ADAPTERS = "adapters"  # of named steps, among the states until the training is done


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="train_adapter", description=__doc__)
    add = parser.add_argument
    add("--model", required=True, help="model folder or hub id")
    add("--revision", help="revision of a hub model (a commit)")
    add("--prompt", required=True, help="name in the prompt registry")
    add("--prompt-file", help="YAML file with further prompts")
    add("--pairs", required=True, nargs="+", help="pairs parquet of each subset")
    add("--clusters", required=True, nargs="+", help="cluster files, in the same order")
    add("--query-items", required=True, help="items parquet of the query side")
    add("--target-items", required=True, help="items parquet of the target side")
    add("--image-root", required=True, help="folder that the items' image paths start from")
    add("--resolution", required=True, help="name in the resolution registry")
    add("--max-tokens", type=int, required=True, help="longest prompt in tokens, image included")
    add("--seed", type=int, required=True, help="decides initial weights, batches and dropout")
    add("--steps", type=int, required=True, help="optimiser steps (paper: 1500)")
    add("--save-adapters-at", type=int, nargs="*", default=[], help="steps to keep adapters of")
    add("--pairs-per-batch", type=int, required=True, help="at most (paper: 2048)")
    add("--chunk", type=int, required=True, help="items per forward pass (paper: 4)")
    add("--caching", action=argparse.BooleanOptionalAction, default=True, help="gradient caching")
    add("--temperature", type=float, required=True, help="of InfoNCE (paper: 0.02)")
    add(
        "--mask-duplicates",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="targets equal to a query's own are no negatives of it",
    )
    add("--rate", type=float, required=True, help="peak learning rate (paper: 5e-5), linear decay")
    add("--warm-up", type=int, required=True, help="steps of linear warm-up (paper: 100)")
    add("--max-grad-norm", type=float, default=1.0, help="gradients are clipped to this norm")
    add("--rank", type=int, required=True, help="of LoRA (paper: 8)")
    add("--alpha", type=int, required=True, help="of LoRA (paper: 64)")
    add("--dropout", type=float, required=True, help="of the adapter's input (paper: 0.1)")
    add("--dora", action=argparse.BooleanOptionalAction, default=True, help="DoRA (paper: on)")
    add("--dtype", default="fp32", choices=("fp32", "bf16"), help="precision of frozen weights")
    add("--device", default="auto", help="auto, cpu, cuda, ...")
    add("--threads", type=int, help="CPU threads (they decide the last bits of sums)")
    add("--save-every", type=int, default=20, help="steps between states to resume from")
    add("--partial", help="folder for states to resume from; none: an interrupted run starts anew")
    add("--out", required=True, help="PEFT folder")
    return parser


def check_flags(job: argparse.Namespace) -> None:
    get_prompt(job.prompt, job.prompt_file)
    get_resolution(job.resolution)
    for flag in ("steps", "pairs_per_batch", "chunk", "rank", "save_every"):
        if getattr(job, flag) < 1:
            name = flag.replace("_", "-")
            raise InputError(f"--{name} is {getattr(job, flag)}; give at least 1")
    if len(job.pairs) != len(job.clusters):
        raise InputError(
            f"--pairs names {len(job.pairs)} files, --clusters {len(job.clusters)}; "
            "give one cluster file per pairs file, in the same order"
        )
    late = [step for step in job.save_adapters_at if not 0 < step < job.steps]
    if late:
        raise InputError(f"--save-adapters-at {late[0]}: give steps from 1 to {job.steps - 1}")


@dataclass(frozen=True)
class Inputs:
    """Pairs of all subsets, numbered through; their clusters; the items; what was mined."""

    query_id: np.ndarray  # item of each pair, shape (n_pairs,)
    target_id: np.ndarray
    clusters: list[np.ndarray]  # pair numbers, anchor first
    mined: dict[str, dict[str, Any]]  # by subset: strategy, pairs, clusters
    query_items: list[Any]
    target_items: list[Any]


def read_inputs(job: argparse.Namespace) -> Inputs:
    queries, targets, clusters = [], [], []
    mined: dict[str, dict[str, Any]] = {}
    start = 0
    for pairs_file, clusters_file in zip(job.pairs, job.clusters, strict=True):
        frame, metadata = read_parquet(pairs_file, ["query_id", "target_id"])
        table, mined_as = read_clusters(clusters_file, len(frame))
        negatives = np.split(table.negative_pairs, table.starts[1:-1])
        for anchor, others in zip(table.anchor_pair, negatives, strict=True):
            clusters.append(start + np.concatenate([[anchor], others]).astype(np.int64))
        queries.append(frame["query_id"].to_numpy())
        targets.append(frame["target_id"].to_numpy())
        mined[metadata.get("subset", Path(pairs_file).stem)] = {
            "strategy": mined_as.get("strategy"),
            "pairs": len(frame),
            "clusters": len(table),
        }
        start += len(frame)
    items = [
        read_items(path, side)
        for path, side in ((job.query_items, "query"), (job.target_items, "target"))
    ]
    ids = [np.concatenate(of_side) for of_side in (queries, targets)]
    for side, of_side, its_items, path in zip(
        ("query", "target"), ids, items, (job.query_items, job.target_items), strict=True
    ):
        if of_side.min() < 0 or of_side.max() >= len(its_items):
            raise InputError(
                f"{path}: holds {len(its_items)} items, but the pairs name {side}_id "
                f"{of_side.min() if of_side.min() < 0 else of_side.max()}; "
                "prepare items and pairs together"
            )
    return Inputs(*ids, clusters, mined, *items)


def digest_of(job: argparse.Namespace) -> str:
    """Of everything that determines the result: flags, the files they name, library versions."""
    irrelevant = ("out", "partial", "save_every")
    told = {key: value for key, value in vars(job).items() if key not in irrelevant}
    files = [*job.pairs, *job.clusters, job.query_items, job.target_items]
    told["files"] = [digest_file(path) for path in files]
    told["model_digest"] = digest_folder(job.model)
    told["prompt_text"] = repr(get_prompt(job.prompt, job.prompt_file))
    told["versions"] = package_versions("torch", "transformers", "peft")
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]


SETTINGS = (
    "seed", "steps", "pairs_per_batch", "chunk", "caching", "temperature", "mask_duplicates",
    "rate", "warm_up", "max_grad_norm", "rank", "alpha", "dropout", "dora", "dtype", "resolution",
    "max_tokens", "threads",
)  # fmt: skip


def build_trainer(
    job: argparse.Namespace, inputs: Inputs, batches: list[np.ndarray], states: Path
) -> ContrastiveTrainer:
    """The backbone with a fresh adapter, its data and settings; states go to ``states``."""
    from transformers import set_seed

    from gen2embed.models.backbones import load_backbone
    from gen2embed.models.device import resolve_device
    from gen2embed.models.encoder import plan_items
    from gen2embed.training.adapter import AdapterShape, add_adapter
    from gen2embed.training.pairs import Batches, PairCollator
    from gen2embed.training.trainer import (
        ContrastiveTrainer,
        SaveAdapters,
        ShowProgress,
        training_arguments,
    )

    device = resolve_device(job.device)
    backbone = load_backbone(job.model, job.revision, job.dtype, device)
    prompt = get_prompt(job.prompt, job.prompt_file)
    resolution = get_resolution(job.resolution)
    queries, targets = (
        plan_items(
            backbone, items, prompt, resolution, Path(job.image_root), job.max_tokens, path
        )
        for items, path in (
            (inputs.query_items, job.query_items),
            (inputs.target_items, job.target_items),
        )
    )  # fmt: skip
    set_seed(job.seed)
    model = add_adapter(backbone, AdapterShape(job.rank, job.alpha, job.dropout, job.dora))
    out = Path(job.out)
    return ContrastiveTrainer(
        backbone=backbone,
        temperature=job.temperature,
        mask_duplicates=job.mask_duplicates,
        caching=job.caching,
        model=model,
        args=training_arguments(
            states,
            steps=job.steps,
            rate=job.rate,
            warm_up=job.warm_up,
            max_grad_norm=job.max_grad_norm,
            seed=job.seed,
            bf16=job.dtype == "bf16",
            on_cpu=device == "cpu",
            save_every=job.save_every if job.partial else None,
        ),
        train_dataset=Batches(batches),
        data_collator=PairCollator(
            backbone, inputs.query_id, inputs.target_id, queries, targets, resolution, job.chunk
        ),
        callbacks=[
            SaveAdapters(job.save_adapters_at, states / ADAPTERS),
            ShowProgress(f"train {out.parent.name} {out.name}"),
        ],
    )


def write_adapter(
    job: argparse.Namespace, inputs: Inputs, trainer: ContrastiveTrainer, pairs_seen: int
) -> None:
    """Adapter, adapters of named steps, log and card, from a trainer that is done."""
    from gen2embed.training.card import render_card
    from gen2embed.training.trainer import save_adapter

    out = Path(job.out)
    save_adapter(trainer.model, out)
    shutil.rmtree(out / "checkpoints", ignore_errors=True)
    for step in job.save_adapters_at:
        place = f"step-{step}"
        shutil.copytree(
            Path(trainer.args.output_dir) / ADAPTERS / place, out / "checkpoints" / place
        )
    log = [line for line in trainer.state.log_history if "loss" in line]
    names = {"step": "step", "loss": "loss", "learning_rate": "lr", "grad_norm": "grad_norm"}
    lines = [{to: line[of] for of, to in names.items()} for line in log]
    write_text(out / "training_log.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    trained = sum(one.numel() for one in trainer.model.parameters() if one.requires_grad)
    card = {
        "model": job.model,
        "model_digest": digest_folder(job.model),
        "revision": job.revision,
        "prompt": job.prompt,
        "clusters": inputs.mined,
        "settings": {name: getattr(job, name) for name in SETTINGS},
        "trained_parameters": trained,
        "pairs_seen": pairs_seen,
        "first_loss": lines[0]["loss"],
        "last_loss": lines[-1]["loss"],
        "versions": package_versions("torch", "transformers", "peft"),
    }
    write_json(out / "card.json", card)
    write_text(out / "README.md", render_card(card))


def train(job: argparse.Namespace, inputs: Inputs) -> None:
    import torch

    from gen2embed.training.states import last_whole_state

    if job.threads:
        torch.set_num_threads(job.threads)
    torch.use_deterministic_algorithms(True, warn_only=job.device != "cpu")
    out = Path(job.out)
    batches = form_batches(inputs.clusters, job.pairs_per_batch, job.steps, job.seed)
    states = (Path(job.partial) if job.partial else out.parent) / digest_of(job)
    with run_record(out.parent / f"{out.name}.run.json") as record:
        trainer = build_trainer(job, inputs, batches, states)
        last = last_whole_state(states)
        trainer.train(resume_from_checkpoint=last)
        write_adapter(job, inputs, trainer, pairs_seen=sum(map(len, batches)))
        shutil.rmtree(states, ignore_errors=True)
        record["resumed_from"] = Path(last).name if last else None


def main(argv: list[str] | None = None) -> int:
    def work(jobs: list[argparse.Namespace]) -> None:
        for job in jobs:
            check_flags(job)
        inputs = [read_inputs(job) for job in jobs]
        for job, of_job in zip(jobs, inputs, strict=True):
            train(job, of_job)

    return run_program(build_parser(), work, argv)


if __name__ == "__main__":
    sys.exit(main())
