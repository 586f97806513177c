"""The exported folder against this project's own way: rendered prompts to the byte, vectors."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gen2embed.errors import InputError
from gen2embed.models.backbones.base import Backbone
from gen2embed.models.export.folder import needs_video
from gen2embed.models.export.template import content_of, message_of
from gen2embed.prompts.mark import IMAGE_MARK
from gen2embed.prompts.registry import ROLES, Prompt

LOG = logging.getLogger("gen2embed.export_model")
LEAST_COSINE = 0.99999
FILMS = "torchvision"  # in no lock of ours: its builds fit one build of torch each
TASKS = {"query": "query", "target": "document"}
TEXTS = ("a red apple", " two  lines\n\n here \n", "{{ braces }} \U0001f34e \\n", "x")
PICTURED = ("", "Which color?", "\nWhich color?", f"{IMAGE_MARK}\n a ", f"is {IMAGE_MARK}\n red?")
SIZES = ((60, 40), (30, 90))
NEEDS_TORCHVISION = (
    "sentence-transformers reads this model only where torchvision is installed: the stock "
    "processor of its kind has a part for films (pip install torchvision, the build for this torch)"
)


def probes(backbone: Backbone) -> Iterator[tuple[str, Image.Image | None]]:
    """Texts, images and both, with white space where templates lose it, and words of the markup."""
    for text in (*TEXTS, *(f"a{word}b" for word in backbone.control_words[:4])):
        yield text, None
    if backbone.image_token:
        draws = np.random.default_rng(0)
        for number, text in enumerate(PICTURED):
            width, height = SIZES[number % len(SIZES)]
            pixels = draws.integers(0, 256, (height, width, 3), dtype=np.uint8)
            yield text, Image.fromarray(pixels)


def check_rendering(backbone: Backbone, prompt: Prompt, template: str) -> int:
    """How many prompts the template was found to write to the byte, every probe in both roles.

    Raises InputError with the first that differs.
    """
    count = 0
    for role in ROLES:
        system = prompt.systems[role]
        level = [{"role": "system", "content": [{"type": "text", "text": system}]}]
        for text, image in probes(backbone):
            turn = backbone.turn(prompt, role, text, image is not None)
            ours = backbone.render(system, turn)
            user = [{"role": "user", "content": content_of(text, image)}]
            theirs = backbone.processor.tokenizer.apply_chat_template(
                (level if system else []) + user, chat_template=template, tokenize=False,
                task=TASKS[role], add_generation_prompt=True,
            )  # fmt: skip
            if ours != theirs:
                raise InputError(
                    f"the chat template writes {theirs!r} where this project writes {ours!r}; "
                    "this backbone's markup cannot be exported"
                )
            count += 1
    return count


def check_vectors(backbone: Backbone, prompt: Prompt, folder: Path) -> dict[str, Any]:
    """``least_cosine`` between both programs' vectors of every probe in both roles, or ``reason``.

    Raises InputError below LEAST_COSINE.
    """
    reason = not_loadable(backbone)
    if reason:
        LOG.warning("vectors not compared: %s", reason)
        return {"least_cosine": None, "reason": reason}
    theirs = load(folder)
    least = 1.0
    for role in ROLES:
        texts, images = zip(*probes(backbone), strict=True)
        ours = own_vectors(backbone, prompt, role, texts, images)
        inputs = [message_of(text, image) for text, image in zip(texts, images, strict=True)]
        call = theirs.encode_query if role == "query" else theirs.encode_document
        found = np.asarray(call(inputs, show_progress_bar=False), dtype=np.float64)
        least = min(least, float((ours.astype(np.float64) * found).sum(1).min()))
    if least < LEAST_COSINE and backbone.model.dtype.itemsize == 4:
        raise InputError(
            f"sentence-transformers' vectors are not this project's (least cosine {least:.6f}); "
            "compare step by step: scripts/compare_embedders.py"
        )
    return {"least_cosine": round(least, 9), "reason": ""}


def not_loadable(backbone: Backbone) -> str:
    """Why sentence-transformers cannot load the folder here; "": it can."""
    if find_spec("sentence_transformers") is None:
        return "sentence-transformers is not installed (pip install sentence-transformers)"
    if needs_video(backbone) and find_spec(FILMS) is None:
        return NEEDS_TORCHVISION
    return ""


def load(folder: Path) -> Any:
    """The folder as sentence-transformers loads it."""
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise InputError(f"sentence-transformers cannot be imported ({error})") from None
    return SentenceTransformer(str(folder), device="cpu", local_files_only=True)


def own_vectors(
    backbone: Backbone, prompt: Prompt, role: str, texts: Any, images: Any
) -> np.ndarray:
    """This project's unit vectors of items whose images are at hand, shape (items, dim)."""
    import torch
    from torch.nn.functional import normalize

    rows = []
    device = next(backbone.model.parameters()).device
    with torch.inference_mode():
        for text, image in zip(texts, images, strict=True):
            turn = backbone.turn(prompt, role, text, image is not None)
            rendered = [backbone.render(prompt.systems[role], turn)]
            shown = [image is not None]
            batch = backbone.collate(rendered, [image] if image else [], shown)
            hidden = backbone.embed(backbone.to_device(batch, device))
            rows.append(normalize(hidden.float(), dim=-1).cpu().numpy()[0])
    return np.stack(rows)
