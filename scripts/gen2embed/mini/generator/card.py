"""The generator's model card: what it is, what it saw, how well it answers."""

from __future__ import annotations

from typing import Any

INTRODUCTION = """\
---
library_name: transformers
pipeline_tag: image-text-to-text
license: apache-2.0
---
# The mini experiment's generator

A `Qwen2VLForConditionalGeneration` of {parameters:,} parameters, trained from scratch on rendered
Twemoji photos (graphics CC-BY 4.0) to *generate text*: it was never trained to embed. It stands in
for Qwen2-VL where there is no GPU; its answers are of no use outside the mini experiment.
"""


def _table(header: tuple[str, str], rows: dict[str, Any]) -> str:
    lines = [f"| {header[0]} | {header[1]} |", "|---|---|"]
    lines += [f"| {key} | {value} |" for key, value in rows.items()]
    return "\n".join(lines)


def _one_line(text: str) -> str:
    return text.replace("\n", "⏎").replace("|", "\\|")


def render_card(card: dict[str, Any]) -> str:
    """Markdown of ``card.json`` (keys: parameters, settings, data, losses, accuracy, samples)."""
    samples = [
        f"- `{_one_line(sample['prompt'])}` (photo: {sample['photos'] or 'none'})\n"
        f"  answers **{sample['answer']}**, taught: {sample['taught']}"
        for sample in card["samples"]
    ]
    parts = [
        INTRODUCTION.format(parameters=card["parameters"]),
        "## Training\n" + _table(("setting", "value"), card["settings"] | card["data"]),
        "## Held-out loss\nNext-token loss on fresh photos and dialogues.\n\n"
        + _table(("dialogues", "loss"), card["held_out_loss"]),
        "## Held-out answers\nShare of one-word questions whose likeliest first word is right.\n\n"
        + _table(("question", "accuracy"), card["first_word_accuracy"]),
        "## Sample answers\n" + "\n".join(samples),
    ]
    return "\n\n".join(parts) + "\n"
