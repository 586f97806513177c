"""The layouts in which triplets lie on disk: how each is known, read, and written without some.

A layout is one class with a line in ``LAYOUTS``. ``read`` makes a ``Row`` of a record; ``keep``
makes the record again with some of its negatives alone. Sources are the packages' own pages.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from gen2embed.errors import InputError
from gen2embed.triplets.items import Item, Row

Record = dict[str, Any]
IMAGE_TAG = "<image>"
NO_INPUTS = {"label", "score", "scores", "dataset_name"}  # columns that are no inputs of a loss


class Layout(Protocol):
    name: str
    source: str
    fixed: bool  # every row has the same number of negatives

    def fits(self, keys: set[str]) -> bool: ...

    def read(self, record: Record, corpus: Mapping[str, Item]) -> Row: ...

    def keep(self, record: Record, kept: Sequence[int]) -> Record: ...


def text(value: Any, named: str) -> str:
    """A text, "" for null; numbers are none, since 1 and "1" and 1.0 would be mixed up."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InputError(f"{named} is {value!r:.40}, no text; write it in quotes")
    return value


def images(value: Any, named: str) -> tuple[str, ...]:
    """Paths; stored bytes by their digest. None, "" and empty lists are no image."""
    if value is None or value == "":
        return ()
    if isinstance(value, str):
        return (value,)
    if isinstance(value, dict):
        if isinstance(value.get("bytes"), bytes) and value["bytes"]:
            return ("sha256:" + hashlib.sha256(value["bytes"]).hexdigest(),)
        return images(value.get("path") or value.get("url"), named)
    if isinstance(value, list | tuple):
        return tuple(path for entry in value for path in images(entry, named))
    raise InputError(f"{named} is {value!r:.40}, no image; give a path")


def listed(record: Record, name: str) -> list[Any]:
    value = record.get(name)
    if not isinstance(value, list):
        raise InputError(f"{name} is {value!r:.40}; it must be a list, also of one")
    return value


def scores(record: Record, name: str, count: int) -> tuple[float, ...] | None:
    value = record.get(name)
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != count:
        raise InputError(f"{name} must hold {count} numbers, one for each")
    for number in value:
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise InputError(f"{name} holds {number!r:.40}, which is no number")
    return tuple(map(float, value))


def taken(record: Record, name: str, kept: Sequence[int]) -> Record:
    """The record's list with these places alone, where it has one."""
    value = record.get(name)
    return {name: [value[at] for at in kept]} if isinstance(value, list) else {}


class SentenceTransformers:
    """Columns anchor, positive, negative_1 ...; a cell is a text or {text, image}.

    Names are free there and the order counts: the first column asks, the second answers, the rest
    are negatives, but for label and scores. ``x_image`` is the image of column ``x``, and
    ``scores`` holds the positive's and then the negatives'.
    """

    name = "sentence-transformers"
    source = "sentence-transformers, Dataset Overview and mine_hard_negatives"
    fixed = True

    def fits(self, keys: set[str]) -> bool:
        asks = {"anchor", "query", "question"} & keys
        return bool(asks) and any(re.fullmatch(r"negative(_\d+)?", name) for name in keys)

    def columns(self, record: Record) -> list[str]:
        names = [name for name in record if name not in NO_INPUTS]
        names = [name for name in names if name.removesuffix("_image") not in set(names) - {name}]
        if len(names) < 3:
            raise InputError("has fewer than 3 columns: anchor, positive, negative")
        return names

    def item(self, record: Record, name: str) -> Item:
        value, beside = record[name], images(record.get(f"{name}_image"), f"{name}_image")
        if isinstance(value, dict):
            return Item(text(value.get("text"), name), images(value.get("image"), name))
        return Item(text(value, name), beside)

    def read(self, record: Record, corpus: Mapping[str, Item]) -> Row:  # noqa: ARG002
        names = self.columns(record)
        ask, answer, *others = (self.item(record, name) for name in names)
        of_all = scores(record, "scores", 1 + len(others))
        split = (of_all[:1], of_all[1:]) if of_all else (None, None)
        return Row(ask, (answer,), tuple(others), *split)

    def keep(self, record: Record, kept: Sequence[int]) -> Record:
        _, _, *negatives = self.columns(record)
        made = {
            name: value
            for name, value in record.items()
            if name.removesuffix("_image") not in negatives and name not in negatives
        }
        for name, at in zip(negatives, kept, strict=False):
            for ending in ("", "_image"):
                if name + ending in record:
                    made[name + ending] = record[negatives[at] + ending]
        return made | taken(record, "scores", [0, *(at + 1 for at in kept)])


class Mmeb:
    """MMEB's training rows, one negative each: qry, pos_text, neg_text and their image paths."""

    name = "mmeb"
    source = "TIGER-Lab/MMEB-train, with neg_text and neg_image_path as VLM2Vec reads them"
    fixed = False

    def fits(self, keys: set[str]) -> bool:
        return {"qry", "pos_text"} <= keys and bool({"neg_text", "neg_image_path"} & keys)

    def read(self, record: Record, corpus: Mapping[str, Item]) -> Row:  # noqa: ARG002
        def item(name: str, image: str) -> Item:
            return Item(text(record.get(name), name), images(record.get(image), image))

        negative = item("neg_text", "neg_image_path")
        return Row(
            item("qry", "qry_image_path"),
            (item("pos_text", "pos_image_path"),),
            () if negative.empty else (negative,),
        )

    def keep(self, record: Record, kept: Sequence[int]) -> Record:
        return record if kept else {**record, "neg_text": "", "neg_image_path": ""}


class FlagEmbedding:
    """query, pos, neg (lists of texts), optionally pos_scores and neg_scores; texts alone."""

    name = "flagembedding"
    source = "FlagEmbedding, examples/finetune/embedder/README.md"
    fixed = False

    def fits(self, keys: set[str]) -> bool:
        return {"query", "pos", "neg"} <= keys

    def read(self, record: Record, corpus: Mapping[str, Item]) -> Row:  # noqa: ARG002
        sides = {
            name: tuple(Item(text(entry, name)) for entry in listed(record, name))
            for name in ("pos", "neg")
        }
        return Row(
            Item(text(record["query"], "query")),
            sides["pos"],
            sides["neg"],
            scores(record, "pos_scores", len(sides["pos"])),
            scores(record, "neg_scores", len(sides["neg"])),
        )

    def keep(self, record: Record, kept: Sequence[int]) -> Record:
        return record | taken(record, "neg", kept) | taken(record, "neg_scores", kept)


class MsSwift:
    """messages, positive_messages, negative_messages, each with images: an ``<image>`` a place."""

    name = "ms-swift"
    source = "ms-swift, Best Practices: Embedding Training (InfoNCE)"
    fixed = False

    def fits(self, keys: set[str]) -> bool:
        return {"messages", "positive_messages"} <= keys

    def item(self, messages: Any, pictures: Any, named: str) -> Item:
        if not isinstance(messages, list) or not all(
            isinstance(message, dict) for message in messages
        ):
            raise InputError(f"{named} must be a list of messages with role and content")
        content = "\n".join(
            text(message.get("content"), named)
            for message in messages
            if message.get("role") != "system"
        )
        paths = images(pictures, named)
        if content.count(IMAGE_TAG) != len(paths):
            raise InputError(
                f"{named} has {content.count(IMAGE_TAG)} {IMAGE_TAG} and {len(paths)} images; "
                "give as many of both"
            )
        return Item(content, paths)

    def items(self, record: Record, which: str) -> tuple[Item, ...]:
        messages = record.get(f"{which}_messages") or []
        pictures = record.get(f"{which}_images") or [[]] * len(messages)
        if len(messages) != len(pictures):
            raise InputError(f"{which}_images must be as long as {which}_messages")
        illustrated = zip(messages, pictures, strict=True)
        return tuple(
            self.item(dialogue, paths, f"{which}_messages") for dialogue, paths in illustrated
        )

    def read(self, record: Record, corpus: Mapping[str, Item]) -> Row:  # noqa: ARG002
        ask = self.item(record["messages"], record.get("images"), "messages")
        return Row(ask, self.items(record, "positive"), self.items(record, "negative"))

    def keep(self, record: Record, kept: Sequence[int]) -> Record:
        return (
            record
            | taken(record, "negative_messages", kept)
            | taken(record, "negative_images", kept)
        )


class Tevatron:
    """query, positive_passages, negative_passages; or ids of documents of a corpus."""

    name = "tevatron"
    source = "tevatron, docs/datasets.md; src/tevatron/retriever/dataset.py for ids and images"
    fixed = False

    def fits(self, keys: set[str]) -> bool:
        return bool({"positive_passages", "positive_document_ids"} & keys)

    def passage(self, value: Any) -> Item:
        if not isinstance(value, dict):
            raise InputError(
                f"a passage is {value!r:.40}; it must be an object with docid and text"
            )
        title = text(value.get("title"), "title")
        return Item(f"{title} {text(value.get('text'), 'text')}".strip())

    def document(self, name: Any, corpus: Mapping[str, Item]) -> Item:
        if str(name) not in corpus:
            raise InputError(f"document {name!r:.40} is not in the corpus; give its file: --corpus")
        return corpus[str(name)]

    def read(self, record: Record, corpus: Mapping[str, Item]) -> Row:
        if "positive_passages" in record:
            return Row(
                Item(text(record.get("query"), "query")),
                tuple(map(self.passage, listed(record, "positive_passages"))),
                tuple(map(self.passage, listed(record, "negative_passages"))),
            )
        ask = text(record.get("query_text", record.get("query")), "query_text")
        sides = [
            tuple(
                self.document(document_id, corpus)
                for document_id in listed(record, f"{which}_document_ids")
            )
            for which in ("positive", "negative")
        ]
        return Row(Item(ask, images(record.get("query_image"), "query_image")), *sides)

    def keep(self, record: Record, kept: Sequence[int]) -> Record:
        return (
            record
            | taken(record, "negative_passages", kept)
            | taken(record, "negative_document_ids", kept)
        )


class Clusters:
    """This project's JSONL: anchor and negatives, each a pair of query and target."""

    name = "jsonl"
    source = "docs/mining.md"
    fixed = False

    def fits(self, keys: set[str]) -> bool:
        return {"anchor", "negatives"} <= keys

    def item(self, pair: Any, side: str) -> Item:
        if not isinstance(pair, dict) or not isinstance(pair.get(side), dict):
            raise InputError("anchor and negatives must be pairs with query and target")
        return Item(
            text(pair[side].get("text"), "text"), images(pair[side].get("image_path"), "image_path")
        )

    def read(self, record: Record, corpus: Mapping[str, Item]) -> Row:  # noqa: ARG002
        pairs = listed(record, "negatives")
        return Row(
            self.item(record["anchor"], "query"),
            (self.item(record["anchor"], "target"),),
            tuple(self.item(pair, "target") for pair in pairs),
        )

    def keep(self, record: Record, kept: Sequence[int]) -> Record:
        return record | taken(record, "negatives", kept)


LAYOUTS: dict[str, Layout] = {
    layout.name: layout
    for layout in (
        MsSwift(),
        Tevatron(),
        FlagEmbedding(),
        Mmeb(),
        Clusters(),
        SentenceTransformers(),
    )
}


def layout_of(keys: set[str], path: object) -> Layout:
    """The layout whose columns a file has; InputError where none fits."""
    for layout in LAYOUTS.values():
        if layout.fits(keys):
            return layout
    raise InputError(
        f"{path}: no known layout has the columns {', '.join(sorted(keys)):.200}; "
        f"name one with --layout ({', '.join(LAYOUTS)}), or rename the columns (docs/negatives.md)"
    )
