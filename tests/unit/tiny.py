"""A tiny Qwen2-VL: random weights, true architecture; its processor, photos and folder."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from gen2embed.mini.generator.architecture import (
    Shape,
    build_model,
    build_processor,
    build_tokenizer,
)
from gen2embed.mini.generator.instructions import corpus

SHAPE = Shape(
    hidden=32, layers=2, heads=4, kv_heads=2, intermediate=48,
    vision_width=16, vision_depth=2, vision_heads=2, patch=12,
)  # fmt: skip


@pytest.fixture(scope="session")
def metadata():
    """12 photos of 6 things, with all the columns of photos.parquet."""
    names = ["red apple", "waving hand", "flag of belgium", "dog face", "tram", "waving hand"]
    facts = {
        "emoji_id": range(6),
        "name": [*names[:5], "waving hand with dark skin tone"],
        "concept": names,
        "group": ["food", "people", "flags", "animals", "travel", "people"],
        "subgroup": ["fruit", "hand open", "country flag", "mammal", "ground", "hand open"],
        "tone": ["", "default", "", "", "", "dark"],
        "country": ["", "", "belgium", "", "", ""],
        "background": ["red", "blue", "white", "gray", "green", "yellow"],
    }
    one = pd.DataFrame(facts)
    return pd.concat([one.assign(split="train"), one.assign(split="validation")], ignore_index=True)


@pytest.fixture(scope="session")
def photos():
    return np.random.default_rng(0).integers(0, 256, (12, 72, 72, 3), dtype=np.uint8)


@pytest.fixture(scope="session")
def tiny(metadata, photos, tmp_path_factory):
    """folder: the saved model; images: a folder with 0.png ... 5.png and one wide.png."""
    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("tiny")
    tokenizer = build_tokenizer(corpus(metadata))
    processor = build_processor(tokenizer, SHAPE.patch)
    model = build_model(SHAPE, len(tokenizer), seed=0).eval()
    model.save_pretrained(root / "model")
    processor.save_pretrained(root / "model")
    images = root / "images"
    images.mkdir()
    for number in range(6):
        Image.fromarray(photos[number]).save(images / f"{number}.png")
    Image.fromarray(np.concatenate([photos[0], photos[1]], axis=1)).save(images / "wide.png")
    return SimpleNamespace(
        folder=root / "model", images=images, model=model, processor=processor, tokenizer=tokenizer
    )


@pytest.fixture
def backbone(tiny):
    from gen2embed.models.backbones import load_backbone

    return load_backbone(str(tiny.folder), None, "fp32", "cpu")


def save_adapter(tiny, folder):
    """A PEFT folder for the tiny model whose weights do something."""
    from gen2embed.models.backbones import load_backbone
    from gen2embed.training.adapter import AdapterShape, add_adapter

    torch.manual_seed(0)
    backbone = load_backbone(str(tiny.folder), None, "fp32", "cpu")
    model = add_adapter(backbone, AdapterShape(rank=4, alpha=8, dropout=0.0, dora=True))
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.3)
    model.save_pretrained(folder)
    return folder
