"""Ask a generator in words what its embedding is scored on: greedy answers, right or wrong.

A low score of its embedding can so be told from a model that does not know.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from gen2embed.artifacts.described import QUESTIONS, read_described
from gen2embed.command_line import progress, run_each
from gen2embed.files import run_record, write_json
from gen2embed.flag_types import whole
from gen2embed.outputs import add_output
from gen2embed.prompts.markup import join
from gen2embed.prompts.registry import get_prompt
from gen2embed.settings import add_settings

if TYPE_CHECKING:
    from gen2embed.models.backbones.base import Backbone

ONE_WORD = "Answer with one word."
TOGETHER = 20  # questions in a batch


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ask_generator", description=__doc__)
    add = parser.add_argument
    add("--model", required=True, help="model folder, hub id or GGUF file")
    add("--questions", required=True, help="JSON list of task, text, right (all right answers)")
    # a small model begins "The opposite of the given word is ...": 8 tokens end before the word
    add("--tokens", type=whole(most=100_000), default=24, help="of an answer, at most")
    add_settings(parser, "embed", ("dtype", "threads"))
    add("--device", default="auto", help="auto, cpu, cuda, ...")
    add_output(parser, "--out", ".json", help="questions with answers")
    return parser


def is_right(answer: str, right: list[str]) -> bool:
    """Whether a right word is said at all: small models answer in sentences, whatever is asked."""
    return bool({*re.findall(r"[a-z]+", answer.lower())} & {*right})


def read_questions(path: str) -> list[dict[str, Any]]:
    return read_described(path, QUESTIONS, "give a list of questions with task, text and right")


def answers(backbone: Backbone, texts: list[str], tokens: int, device: str) -> list[str]:
    """What the model says in its own chat markup without a system turn, likeliest token first.

    The texts are one batch, padded on the left.
    """
    import torch

    asked = [f"{text}\n{ONE_WORD}" for text in texts]
    turns = [backbone.turn(get_prompt("plain"), "query", text, False) for text in asked]
    rendered = [join(backbone.parts(None, turn)) for turn in turns]
    batch = backbone.to_device(backbone.collate(rendered, []), device)
    tokenizer = backbone.processor.tokenizer
    with torch.inference_mode():
        found = backbone.model.generate(
            **batch, max_new_tokens=tokens, do_sample=False, pad_token_id=tokenizer.pad_token_id
        )
    new = found[:, batch["input_ids"].shape[1] :]
    return [text.strip() for text in tokenizer.batch_decode(new, skip_special_tokens=True)]


def ask(job: argparse.Namespace) -> None:
    questions = read_questions(job.questions)
    with run_record(Path(job.out).with_suffix(".run.json")):
        import torch

        from gen2embed.models.backbones import load_backbone
        from gen2embed.models.device import resolve_device

        if job.threads:
            torch.set_num_threads(job.threads)
        device = resolve_device(job.device)
        backbone = load_backbone(job.model, None, job.dtype, device)
        texts = [question["text"] for question in questions]
        batches = [texts[start : start + TOGETHER] for start in range(0, len(texts), TOGETHER)]
        given: list[str] = []
        for batch in progress(batches, len(batches), "ask", "batch"):
            given += answers(backbone, batch, job.tokens, device)
        found = [
            {**question, "answer": answer, "is_right": is_right(answer, question["right"])}
            for question, answer in zip(questions, given, strict=True)
        ]
        write_json(Path(job.out), found)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), ask, argv)


if __name__ == "__main__":
    sys.exit(main())
