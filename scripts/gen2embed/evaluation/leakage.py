"""What evaluation shares with training: images by their bytes, texts by their words. Ours.

An image that was encoded anew, scaled or cropped has other bytes and is not found.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable
from pathlib import Path

import pandas as pd

from gen2embed.below import below
from gen2embed.files import digest_file
from gen2embed.prompts.mark import IMAGE_MARK

KINDS = ("images", "texts", "items")


def text_key(text: str) -> str:
    """The words of a text, without the image mark, case and spacing; "" if none are left."""
    return re.sub(r"\s+", " ", text.replace(IMAGE_MARK, " ")).strip().casefold()


def content_keys(items: pd.DataFrame, root: str | Path) -> pd.DataFrame:
    """SHA-256 of each item's image, its text's words, and both together; row = item.

    items: text, image_path ("" = none, otherwise below ``root``). Columns images, texts, items; ""
    where an item has no image, or no words.
    """
    digests = {path: digest_file(below(root, path)) for path in set(items["image_path"]) if path}
    images = items["image_path"].map(lambda path: digests.get(path, ""))
    texts = items["text"].map(text_key)
    contents = [
        hashlib.sha256(f"{image}\n{text}".encode()).hexdigest()
        for image, text in zip(images, texts, strict=True)
    ]
    return pd.DataFrame({"images": images, "texts": texts, "items": contents})


def shared(keys: Iterable[str], trained: Collection[str]) -> tuple[int, int]:
    """How many different keys there are (without ""), and how many of them training has, too."""
    different = {key for key in keys if key}
    return len(different), len(different & set(trained))
