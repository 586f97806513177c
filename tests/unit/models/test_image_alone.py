"""An image without any text, as SugarCrepe's targets are: read, rendered and embedded."""

import json

import numpy as np
import pandas as pd
import pytest

import embed_items
from gen2embed.files import write_parquet
from gen2embed.prompts.items import Item, read_items
from gen2embed.prompts.registry import get_prompt, load_prompts, user_turn


@pytest.mark.parametrize("name", load_prompts())
def test_the_image_and_the_closing_line_are_all_of_the_user_level(name):
    turn = user_turn(get_prompt(name), "target", "", True)
    assert (turn.before, turn.after, turn.has_image) == ("", "", True)
    assert turn == user_turn(get_prompt(name), "target", "<|image_1|>", True)


def test_it_is_embedded_alone_in_a_batch_and_as_a_mark_alone(tiny, tmp_path):
    """Rows: a bare image, a mark alone, words with an image, words, another bare image."""
    texts = ["", "<|image_1|>", "<|image_1|>\na red flag", "a red flag", ""]
    images = ["0.png", "0.png", "0.png", "", "wide.png"]
    frame = pd.DataFrame({"item_id": range(5), "text": texts, "image_path": images})
    write_parquet(tmp_path / "items.parquet", frame)
    write_parquet(tmp_path / "one.parquet", frame[:1])
    (only,) = read_items(str(tmp_path / "one.parquet"), "target")
    assert only == Item("", "0.png", "target")
    vectors = {}
    for name in ("items", "one"):
        flags = {"model": tiny.folder, "prompt": "hierarchical", "role": "target", "threads": 1}
        flags |= {"items": tmp_path / f"{name}.parquet", "image-root": tiny.images}
        flags["out"] = tmp_path / f"{name}.npy"
        assert embed_items.main([f"--{key}={value}" for key, value in flags.items()]) == 0
        vectors[name] = np.load(flags["out"])
    assert np.abs(vectors["items"][0] - vectors["one"][0]).max() < 1e-5
    assert np.abs(vectors["items"][0] - vectors["items"][1]).max() < 1e-5
    for other in (2, 3, 4):
        assert np.abs(vectors["items"][0] - vectors["items"][other]).max() > 1e-4
    said = json.loads((tmp_path / "one.json").read_text())["rendered_example"]
    assert (
        said.split("<|im_start|>user\n")[1].count("\n")
        == said.split("<|im_start|>user\n")[1].strip().count("\n") + 1
    )  # no words, and no line, but the image
