"""The generator judged by its own task, text generation, on photos it was not trained on.

Every choice of the recipe was made on these figures, never on the benchmark (docs/mini.md).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from gen2embed.mini.generator.batches import Collator
from gen2embed.mini.generator.instructions import IMAGE, Dialogue, Instructor, Turn
from gen2embed.mini.generator.training import dialogue_loss

ONE_WORD_KINDS = ("describe", "group", "subgroup", "background", "tone", "country")
BATCH = 64


def _chunks(items: list, size: int) -> list[list]:
    return [items[start : start + size] for start in range(0, len(items), size)]


@torch.inference_mode()
def held_out_loss(
    model: Any, instructor: Instructor, collator: Collator, dialogues: int
) -> dict[str, float]:
    """Mean next-token loss on fresh dialogues, per kind of dialogue and over their usual mix."""
    losses = {}
    for kind in ("image", "text", "pair", None):
        drawn = [instructor.dialogue(kind) for _ in range(dialogues)]
        values = [dialogue_loss(model, collator(chunk)).item() for chunk in _chunks(drawn, BATCH)]
        losses[kind or "all"] = round(float(np.mean(values)), 6)
    return losses


@torch.inference_mode()
def first_word_accuracy(
    model: Any, instructor: Instructor, collator: Collator, questions: int
) -> dict[str, float]:
    """Share of one-word questions, per kind, whose likeliest first token is a right answer."""
    accuracy = {}
    for kind in (*ONE_WORD_KINDS, "left", "right"):
        asked = [_one_word_question(instructor, kind) for _ in range(questions)]
        hits = []
        for chunk in _chunks(asked, BATCH):
            batch = collator([dialogue for dialogue, _ in chunk])
            batch.pop("labels")
            hidden = model.model(**batch, use_cache=False).last_hidden_state[:, -1]
            best = model.lm_head(hidden).argmax(-1).tolist()
            words = collator.tokenizer.convert_ids_to_tokens(best)
            hits += [word in turn.right_words for word, (_, turn) in zip(words, chunk, strict=True)]
        accuracy[kind] = round(float(np.mean(hits)), 6)
    return accuracy


def _one_word_question(instructor: Instructor, kind: str) -> tuple[Dialogue, Turn]:
    pick = instructor.random
    photos = instructor.photos
    rows = [pick.randrange(len(photos))]
    if kind in ("left", "right"):
        rows.append(pick.randrange(len(photos)))
        side = ("left", "right").index(kind)
        turn = instructor.pair_turn(photos[rows[side]], side, "word")
    else:
        needs = {"tone": "tone", "country": "country"}.get(kind)
        if needs:
            rows = [pick.choice([row for row, photo in enumerate(photos) if photo[needs]])]
        turn = instructor.image_turn(photos[rows[0]], kind, "word")
    system = pick.choice(instructor.templates["systems"]["word"])
    text = (
        f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n{IMAGE}\n{turn.question}"
        "<|im_end|>\n<|im_start|>assistant\n"
    )
    return Dialogue(tuple(rows), ((text, False),)), turn


@torch.inference_mode()
def sample_answers(
    model: Any, instructor: Instructor, collator: Collator, count: int
) -> list[dict[str, str]]:
    """Greedy answers to the first question of fresh dialogues, beside the taught answer."""
    samples = []
    for _ in range(count):
        dialogue = instructor.dialogue()
        asked = next(i for i, (_, is_answer) in enumerate(dialogue.segments) if is_answer)
        batch = collator([Dialogue(dialogue.photos, dialogue.segments[:asked])])
        batch.pop("labels")
        out = model.generate(
            **batch, max_new_tokens=16, do_sample=False, pad_token_id=0, use_cache=False
        )
        answer = out[0, batch["input_ids"].shape[1] :]
        samples.append(
            {
                "prompt": "".join(text for text, _ in dialogue.segments[:asked]),
                "photos": " | ".join(instructor.photos[row]["name"] for row in dialogue.photos),
                "answer": collator.tokenizer.decode(answer, skip_special_tokens=True),
                "taught": dialogue.segments[asked][0].removesuffix("<|im_end|>\n"),
            }
        )
    return samples
