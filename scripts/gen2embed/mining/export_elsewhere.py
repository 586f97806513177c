"""Mined clusters as FlagEmbedding, ms-swift, tevatron and sentence-transformers' cells have them.

Pure functions, records out. Each layout is the one on the package's own page; where the image
stands is said in that package's way.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from gen2embed.errors import InputError
from gen2embed.mining.clusters import ClusterTable
from gen2embed.mining.export import Texts, clusters_of
from gen2embed.prompts.mark import IMAGE_MARK

SWIFT_MARK = "<image>"


def as_flag(table: ClusterTable, texts: Texts) -> Iterator[dict[str, Any]]:
    """FlagEmbedding: query, pos, neg (lists of texts). Clusters without negatives are left out.

    Raises InputError for an item with an image. Source: FlagEmbedding, examples/finetune/embedder.
    """
    for anchor, kept, _ in clusters_of(table):
        if kept:
            yield {
                "query": _text_alone(texts.query(anchor), "FlagEmbedding"),
                "pos": [_text_alone(texts.target(anchor), "FlagEmbedding")],
                "neg": [_text_alone(texts.target(pair), "FlagEmbedding") for pair in kept],
            }


def as_tevatron(table: ClusterTable, texts: Texts) -> Iterator[dict[str, Any]]:
    """tevatron: query_id, query, positive_passages, negative_passages; docid is the target's id.

    Passages have no title, since its reader puts a title and a space in front. Likewise without
    images. Source: tevatron, docs/datasets.md, src/tevatron/retriever/dataset.py.
    """

    def passage(pair: int) -> dict[str, str]:
        text = _text_alone(texts.target(pair), "tevatron's passages")
        return {"docid": str(texts.target_id[pair]), "text": text}

    for anchor, kept, _ in clusters_of(table):
        if kept:
            yield {
                "query_id": str(texts.query_id[anchor]),
                "query": _text_alone(texts.query(anchor), "tevatron's queries"),
                "positive_passages": [passage(anchor)],
                "negative_passages": list(map(passage, kept)),
            }


def as_swift(table: ClusterTable, texts: Texts) -> Iterator[dict[str, Any]]:
    """ms-swift: messages, positive_messages, negative_messages, each with its lists of images.

    ``<image>`` stands where the image does, in front where the text does not say. Source: ms-swift,
    Best Practices: Embedding Training.
    """
    for anchor, kept, _ in clusters_of(table):
        if not kept:
            continue
        ask, answer = _message(texts.query(anchor)), _message(texts.target(anchor))
        others = [_message(texts.target(pair)) for pair in kept]
        yield {
            "messages": ask[0],
            "images": ask[1],
            "positive_messages": [answer[0]],
            "positive_images": [answer[1]],
            "negative_messages": [messages for messages, _ in others],
            "negative_images": [paths for _, paths in others],
        }


def as_cells(table: ClusterTable, texts: Texts, negatives: int) -> tuple[pd.DataFrame, int]:
    """sentence-transformers' n-tuples with images inside: anchor, positive, negative_1 ...

    A column of texts holds strings, one with images objects ``{image, text}`` (image first, as its
    chat template then puts it), without text where none has any. Clusters with fewer negatives are
    left out; their number is returned, too. Raises InputError for a column where some items have
    an image and some have none: parquet would fill the holes. Source: sentence-transformers 6,
    base/modality.py.
    """
    rows, left_out = [], 0
    for anchor, kept, _ in clusters_of(table):
        if len(kept) < negatives:
            left_out += 1
            continue
        rows.append([texts.query(anchor), *map(texts.target, [anchor, *kept[:negatives]])])
    names = ["anchor", "positive", *(f"negative_{number + 1}" for number in range(negatives))]
    columns = {}
    for index, name in enumerate(names):
        items = [row[index] for row in rows]
        columns[name] = _column(items, name)
    return pd.DataFrame(columns), left_out


def _column(items: list[dict[str, str]], name: str) -> list[Any]:
    with_image = [bool(item["image_path"]) for item in items]
    worded = [_without_mark(item["text"]) for item in items]
    if not any(with_image):
        return worded
    if not all(with_image) or len({bool(text) for text in worded}) > 1:
        raise InputError(
            f"column {name}: some items have an image and a text, some only one of them; "
            "sentence-transformers wants one kind a column: export as ms-swift or jsonl"
        )
    return [
        {"image": item["image_path"], **({"text": text} if text else {})}
        for item, text in zip(items, worded, strict=True)
    ]


def _without_mark(text: str) -> str:
    return text.replace(IMAGE_MARK, "").strip() if IMAGE_MARK in text else text


def _text_alone(item: dict[str, str], whose: str) -> str:
    if item["image_path"]:
        raise InputError(
            f"{whose} are texts, and {item['image_path']} is an image; export as ms-swift, "
            "sentence-transformers-cells, mmeb or jsonl"
        )
    return item["text"]


def _message(item: dict[str, str]) -> tuple[list[dict[str, str]], list[str]]:
    text, path = item["text"], item["image_path"]
    if SWIFT_MARK in text:
        raise InputError(
            f"the text {text!r:.60} holds {SWIFT_MARK}, which ms-swift takes for an image; "
            "write it otherwise"
        )
    if not path:
        return [{"role": "user", "content": text}], []
    text = text.replace(IMAGE_MARK, SWIFT_MARK, 1) if IMAGE_MARK in text else SWIFT_MARK + text
    return [{"role": "user", "content": text}], [path]
