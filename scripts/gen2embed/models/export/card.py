"""The exported folder's model card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gen2embed.prompts.registry import Prompt

CARD = """---
library_name: sentence-transformers
pipeline_tag: sentence-similarity
tags: [sentence-transformers, feature-extraction{tags}]
---
# {name}

A generative {kind} ({backbone}) that is read as an embedder by a prompt
(arXiv 2508.00955): the last layer's hidden state at the last token, length 1, {dim} numbers.
{trained}

## Use

In this folder, with sentence-transformers 6{torchvision}:

```python
{usage}
```

Write a text as `{{"text": ...}}`: a bare string that names a file or an address of an image is
read as one. {images}Queries and targets differ in the prompt: `encode_query` and
`encode_document`; `encode` takes everything for a target.

## Prompt

`{prompt}`: {meaning}. System level: {system}. After a query's text stands {closing}. The chat
template holds all of it; no text is cut (in evaluation here: at {max_tokens} tokens).

{training}{scores}"""
TEXT_USAGE = """from sentence_transformers import SentenceTransformer

model = SentenceTransformer(".")
queries = model.encode_query([{"text": "Which fruit is red?"}])
targets = model.encode_document([{"text": "an apple"}, {"text": "a banana"}])
print(model.similarity(queries, targets))"""
IMAGE_USAGE = """from PIL import Image
from sentence_transformers import SentenceTransformer

model = SentenceTransformer(".")
photo = Image.new("RGB", (72, 72), "red")  # or Image.open("photo.jpg").convert("RGB")
queries = model.encode_query([{"image": photo, "text": "Which color is it?"}])
targets = model.encode_document([{"text": "red"}, {"text": "green"}, {"image": photo}])
print(model.similarity(queries, targets))"""
SETTINGS = ("steps", "temperature", "rate", "rank", "alpha", "dora", "pairs_per_batch", "seed")


def render_card(
    facts: Mapping[str, Any],
    prompt: Prompt,
    adapter: Mapping[str, Any] | None,
    leaderboard: Mapping[str, Any] | None,
) -> str:
    """README.md. facts: name, backbone, dim, reads_images, needs_torchvision, resolution,
    max_tokens; adapter: its card.json; leaderboard: what write_leaderboard.py wrote."""
    pictured = facts["reads_images"]
    return CARD.format(
        **{key: facts[key] for key in ("name", "backbone", "dim", "max_tokens")},
        tags=", image-text-to-text" if pictured else "",
        kind="multimodal language model" if pictured else "language model",
        torchvision=" and torchvision" if facts["needs_torchvision"] else "",
        usage=IMAGE_USAGE if pictured else TEXT_USAGE,
        images=_images(facts) if pictured else "",
        prompt=prompt.name,
        meaning=prompt.meaning,
        system=_system(prompt),
        closing=_closing(prompt, pictured),
        trained=_trained(adapter),
        training=_training(adapter),
        scores=_scores(leaderboard),
    ).rstrip() + "\n"  # fmt: skip


def _images(facts: Mapping[str, Any]) -> str:
    return (
        "The order of a dictionary's keys decides whether image or text comes first: "
        "image first, as here. Images are scored here at the resolution "
        f"`{facts['resolution']}` (gen2embed's registry): resize likewise before encoding, where "
        "it is not `native`. "
    )


def _system(prompt: Prompt) -> str:
    levels = {role: f"`{level}`" if level else "none" for role, level in prompt.systems.items()}
    if len(set(levels.values())) == 1:
        return levels["query"]
    return ", ".join(f"of a {role} {level}" for role, level in levels.items())


def _closing(prompt: Prompt, pictured: bool) -> str:
    lines = prompt.closing["query"]
    kinds = ("with_image", "text_only") if pictured else ("text_only",)
    shown = [f"`{lines[kind]!r}`" for kind in kinds if lines[kind]]
    return " or, for text alone, ".join(shown) if shown else "nothing"


def _trained(adapter: Mapping[str, Any] | None) -> str:
    if adapter is None:
        return "Nothing was trained."
    strategies = sorted({str(mined["strategy"]) for mined in adapter["clusters"].values()})
    return (
        f"Fine-tuned with InfoNCE over clusters of the strategy `{', '.join(strategies)}`; the "
        "adapter is merged into the weights."
    )


def _training(adapter: Mapping[str, Any] | None) -> str:
    if adapter is None:
        return ""
    settings = adapter["settings"]
    named = ", ".join(f"{name} {settings[name]}" for name in SETTINGS if name in settings)
    rows = "\n".join(
        f"| {name} | {mined['strategy']} | {mined['pairs_taken']} of {mined['pairs']} |"
        for name, mined in adapter["clusters"].items()
    )
    return (
        f"## Training data\n\n{named}.\n\n| subset | strategy | pairs, taken of all |\n"
        f"|---|---|---|\n{rows}\n\n"
    )


def _scores(leaderboard: Mapping[str, Any] | None) -> str:
    if leaderboard is None:
        return "## Scores\n\nNone were given.\n"
    rows = [("mean: " + name, score) for name, score in leaderboard["aggregates"].items()]
    sets = leaderboard["metrics"]["image"].items()
    rows += [(name, facts["score"]) for name, facts in sets]
    lines = "\n".join(
        f"| {name} | {100 * score['value']:.1f} ({_bound(score['ci_low'])} to "
        f"{_bound(score['ci_high'])}) |"
        for name, score in rows
        if score["value"] is not None
    )
    return (
        "## Scores\n\nPrecision@1 in percent with 95 % bootstrap intervals; ties are misses. "
        f"Measured on this model before it was exported.\n\n| set | score |\n|---|---|\n{lines}\n"
    )


def _bound(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"
