"""Train the mini experiment's generator from scratch and save it as a transformers folder."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# threads that wait sleep: spinning ones made a step 12 times slower beside other work
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np

from gen2embed.command_line import run_each
from gen2embed.errors import InputError
from gen2embed.files import (
    package_versions,
    read_npy,
    read_parquet,
    run_record,
    write_json,
    write_text,
)
from gen2embed.flag_types import rate, seed, whole
from gen2embed.mini.generator.card import render_card
from gen2embed.mini.generator.instructions import Instructor, corpus
from gen2embed.mini.generator.shape import Shape
from gen2embed.models.folders.sums import CARD, SUMS, sums_of
from gen2embed.outputs import add_output, whole_folder

PHOTO_COLUMNS = (
    "emoji_id split name concept group subgroup tone country background".split()  # noqa: SIM905
)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="train_generator", description=__doc__)
    add = parser.add_argument
    add("--photos", required=True, help="photos.npy: uint8, shape (n, size, size, 3)")
    add("--metadata", required=True, help="photos.parquet: what each photo shows")
    add_output(
        parser, "--out", whole=True, help="folder for weights, processor, tokenizer, card, log"
    )
    add("--seed", type=seed, required=True, help="decides weights, data order and dialogues")
    for shape in fields(Shape):
        flag = "--" + shape.name.replace("_", "-")
        add(flag, type=whole(), required=True, help="size of the model (mini/generator)")
    for stage in ("vision", "joint"):
        add(f"--{stage}-steps", type=whole(), required=True, help=f"{stage} stage: optimiser steps")
        add(f"--{stage}-batch", type=whole(), required=True, help=f"{stage} stage: samples a step")
    add("--muon-rate", type=rate, required=True, help="peak learning rate of the matrices")
    add("--adam-rate", type=rate, required=True, help="peak learning rate of everything else")
    add("--held-out", type=whole(), required=True, help="held-out dialogues and questions per kind")
    add(
        "--threads",
        type=whole(most=1024),
        required=True,
        help="CPU threads (fixed: they decide the last bits)",
    )
    return parser


def load_photos(args: argparse.Namespace) -> tuple[np.ndarray, Any]:
    metadata, _ = read_parquet(args.metadata, PHOTO_COLUMNS)
    photos = read_npy(args.photos)
    if photos.ndim != 4 or photos.dtype != np.uint8 or len(photos) != len(metadata):
        raise InputError(
            f"{args.photos}: holds {photos.dtype} of shape {photos.shape}; expected uint8 photos, "
            f"one per row of {args.metadata} ({len(metadata)})"
        )
    return photos, metadata


def train(args: argparse.Namespace) -> None:
    photos, metadata = load_photos(args)

    import torch  # once the inputs are known to be right: it takes seconds

    from gen2embed.mini.generator.architecture import build_model, build_processor, build_tokenizer
    from gen2embed.mini.generator.batches import Collator, PatchStore, batches
    from gen2embed.mini.generator.training import train_joint, train_vision, word_targets
    from gen2embed.mini.generator.validation import (
        first_word_accuracy,
        held_out_loss,
        sample_answers,
    )
    from gen2embed.models.shortcuts.grouped_attention import use_grouped_attention

    torch.set_num_threads(args.threads)
    torch.use_deterministic_algorithms(True)
    shape = Shape(**{field.name: getattr(args, field.name) for field in fields(Shape)})
    out = Path(args.out)
    with run_record(out.parent / f"{out.name}.run.json") as record:
        tokenizer = build_tokenizer(corpus(metadata))
        processor = build_processor(tokenizer, shape.patch)
        model = build_model(shape, len(tokenizer), args.seed)
        use_grouped_attention(model.model.visual)
        fresh = (metadata["split"] == "validation").to_numpy()
        seen = metadata[~fresh].reset_index(drop=True)
        store = PatchStore(photos[~fresh], processor.image_processor)
        collator = Collator(tokenizer, store)
        stages = (
            train_vision(
                model,
                store,
                word_targets(seen, tokenizer),
                args.vision_steps,
                args.vision_batch,
                args.muon_rate,
                args.adam_rate,
                args.seed,
            ),
            train_joint(
                model,
                batches(Instructor(seen, args.seed), collator, args.joint_batch),
                args.joint_steps,
                args.muon_rate,
                args.adam_rate,
            ),
        )
        log = [line for stage in stages for line in stage]
        model.eval()
        unseen = metadata[fresh].reset_index(drop=True)
        judge = Collator(tokenizer, PatchStore(photos[fresh], processor.image_processor))
        instructor = Instructor(unseen, args.seed + 1)
        card = {
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "settings": {
                "seed": args.seed,
                "vision stage": f"{args.vision_steps} steps of {args.vision_batch} photos",
                "joint stage": f"{args.joint_steps} steps of {args.joint_batch} dialogues",
                "learning rates": f"Muon {args.muon_rate}, AdamW {args.adam_rate}",
                "threads": args.threads,
            }
            | asdict(shape)
            | package_versions("torch", "transformers"),
            "data": {"photos": len(seen), "held-out photos": len(unseen), "words": len(tokenizer)},
            "held_out_loss": held_out_loss(model, instructor, judge, args.held_out),
            "first_word_accuracy": first_word_accuracy(model, instructor, judge, args.held_out),
            "samples": sample_answers(model, instructor, judge, 16),
        }
        with whole_folder(out, "train_generator") as folder:
            model.save_pretrained(folder)
            processor.save_pretrained(folder)
            write_text(
                folder / "training_log.jsonl", "".join(json.dumps(line) + "\n" for line in log)
            )
            write_json(folder / CARD, card | {SUMS: sums_of(folder)})
            write_text(folder / "README.md", render_card(card))
        record["parameters"] = card["parameters"]


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), train, argv)


if __name__ == "__main__":
    sys.exit(main())
