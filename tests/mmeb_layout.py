"""A small MMEB, SugarCrepe and SugarCrepe++ in the layouts in which they are published.

``build(root)`` writes ``<root>/<repository>/...``, for a local copy (--source) or a server. It has
what the published files have: 20 training subsets in two splits (and a third, older file beside
them), ``neg_*`` columns in some subsets only, nulls, 36 evaluation sets and CIFAR-100, two shards,
zips with resource forks, train ImageNet_1K and eval ImageNet-1K, MSCOCO and MSCOCO_t2i, Visual7W
and Visual7W-Pointing; queries with an image mark and no image (MARKED), at the start and in
mid-sentence; images that no zip holds (MISSING), a row without a target (EMPTY).
"""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from gen2embed.data.composition_sets import SUBSETS
from gen2embed.data.datasets import load_register

TRAIN_REPO, EVAL_REPO = "TIGER-Lab/MMEB-train", "TIGER-Lab/MMEB-eval"
CREPE_REPO, CREPE_PP_REPO, COCO = "RAIVNLab/sugar-crepe", "Aman-J/SugarCrepe_pp", "coco"
SPLITS = {"original": "Represent the image", "diverse_instruction": "Say what this shows"}
MARK = "<|image_1|>\n"
TEXT_TO_IMAGE = ("VisDial", "VisualNews_t2i", "MSCOCO_t2i", "Wiki-SS-NQ")
IMAGE_TO_TEXT = ("VisualNews_i2t", "MSCOCO_i2t")
TWO_SHARDS = ("VisDial", "GQA")
MARKED = ("WebQA", "EDIS")  # text-only queries of both parts
MISSING = {"train": ("DocVQA", 5), "eval": ("TextVQA", 1)}  # data set, row: of its query
MISSING_IMAGES = ("train/images/DocVQA/Train/DocVQA_q_5.png", "eval/images/TextVQA/TextVQA_q_1.png")
EMPTY = ("ChartQA", 4)  # training subset, row, in every split
LABELS = ("red apple", "blue bird", "green tree", "white house")
WORDS = ("apple", "bird", "tree", "house", "hand", "dog", "flag", "tram")


def picture(number):
    """A PNG of 24 x 20 pixels, different for each number."""
    rng = np.random.default_rng(number)
    pixels = np.full((20, 24, 3), rng.integers(0, 256, 3), dtype=np.uint8)
    pixels[4:12, 6:18] = rng.integers(0, 256, 3)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG", compress_level=1)
    return file.getvalue()


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def write_zip(path, members):
    """members: name -> bytes; not compressed, with fixed dates, so that digests agree."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)


def write_shards(folder, split, table, shards):
    folder.mkdir(parents=True, exist_ok=True)
    size = -(-table.num_rows // shards)
    for shard in range(shards):
        name = f"{split}-{shard:05d}-of-{shards:05d}.parquet"
        pq.write_table(table.slice(shard * size, size), folder / name)


def texts_and_images(entry, row, split, image, target_image):
    """(query text, query image, target text, target image) of one row, by what the set asks."""
    instruction = f"{SPLITS.get(split, 'Represent the image')} of {entry.name}"
    word = f"{WORDS[row % len(WORDS)]} {row}"
    if entry.name in MARKED:
        start, middle = f"{MARK}{instruction}: {word}", f"{instruction} in <|image_1|> now: {word}"
        query = middle if row % 2 else start
        return query, "", f"{MARK}Represent the given image.\n", target_image
    if entry.meta_task == "classification":
        return f"{MARK}{instruction}\n", image, LABELS[row % len(LABELS)], ""
    if entry.meta_task == "vqa":
        return f"{MARK}{instruction}: what is number {row}?\n", image, word, ""
    if entry.name in TEXT_TO_IMAGE:
        return f"{instruction}: {word}", "", f"{MARK}Represent the given image.\n", target_image
    if entry.name in IMAGE_TO_TEXT:
        return f"{MARK}{instruction}\n", image, f"a photo of {word}", ""
    return f"{MARK}{instruction}: {word}\n", image, f"{MARK}Represent the image.\n", target_image


def build_train(root, rows, number):
    for place, entry in enumerate(one for one in load_register("mmeb") if one.part == "train"):
        name, images = entry.name, {}
        names = [
            f"images/{name}/Train/{name}_{side}_{row}.png" for side in "qt" for row in range(rows)
        ]
        for path in names:
            images[path.removeprefix("images/")] = picture(next(number))
        for split in SPLITS:
            data = [
                texts_and_images(entry, row, split, names[row], names[rows + row])
                for row in range(rows)
            ]
            columns = dict(zip(("qry", "qry_image_path", "pos_text", "pos_image_path"),
                               map(list, zip(*data, strict=True)), strict=True))  # fmt: skip
            if name == EMPTY[0]:
                columns["pos_text"][EMPTY[1]] = None
            if place % 3 == 1:  # some have negatives, some of them null
                columns |= {"neg_text": ["none of it"] * rows, "neg_image_path": [None] * rows}
            if place % 3 == 2:
                empty_is_null = {"": None}
                for key in ("qry_image_path", "pos_image_path"):
                    columns[key] = [empty_is_null.get(one, one) for one in columns[key]]
            table = pa.table({key: pa.array(one, pa.string()) for key, one in columns.items()})
            shards = 2 if name in TWO_SHARDS else 1
            write_shards(root / TRAIN_REPO / name, split, table, shards)
        write_shards(root / TRAIN_REPO / name, "train", table, 1)
        for path in MISSING_IMAGES:
            images.pop(path.removeprefix("train/images/"), None)
        images |= {f"{name}/Train/._{name}_q_0.png": b"fork", f"__MACOSX/{name}/._Train": b"fork"}
        write_zip(root / TRAIN_REPO / "images_zip" / f"{name}.zip", images)


def build_eval(root, rows, candidates, number):
    images = {}
    sets = [one for one in load_register("mmeb") if one.part == "eval"]
    for entry in sets:
        name, data = entry.name, []
        for row in range(rows):
            paths = [f"{name}/{name}_{side}_{row}.png" for side in "qt"]
            data.append(texts_and_images(entry, row, "test", *paths))
            images |= {path: picture(next(number)) for path in paths}
        targets = list(dict.fromkeys(row[2:] for row in data))
        lists = [
            [row[2:], *[one for one in targets if one != row[2:]][: candidates - 1]] for row in data
        ]
        table = pa.table(
            {
                "qry_text": [row[0] for row in data],
                "qry_img_path": [row[1] for row in data],
                "tgt_text": [[text for text, _ in one] for one in lists],
                "tgt_img_path": [[image for _, image in one] for one in lists],
            }
        )
        shards = 2 if name in TWO_SHARDS else 1
        write_shards(root / EVAL_REPO / name, "test", table, shards)
    write_shards(root / EVAL_REPO / "CIFAR-100", "test", table, 1)
    for path in MISSING_IMAGES:
        images.pop(path.removeprefix("eval/images/"), None)
    images |= {"CIFAR-100/0.png": picture(0), "GQA/._GQA_q_0.png": b"fork"}
    write_zip(root / EVAL_REPO / "images.zip", images)


def build_compositions(root, rows, number):
    images = {}
    for benchmark, subsets in SUBSETS.items():
        repo = CREPE_REPO if benchmark == "sugarcrepe" else CREPE_PP_REPO
        for subset in subsets:
            content = []
            for row in range(rows):
                name = f"{row:012d}.jpg"
                images.setdefault(f"val2017/{name}", picture(10_000 + row))
                line = {
                    "filename": name,
                    "caption": f"a {WORDS[row]} of {subset}\n",
                    "negative_caption": f"a {WORDS[row + 1]} of {subset}",
                }
                if benchmark != "sugarcrepe":
                    line |= {"id": row, "caption2": f"it is a {WORDS[row]} of {subset}"}
                content.append(line)
            if benchmark == "sugarcrepe":
                content = {str(place): line for place, line in enumerate(content)}
            write(root / repo / "data" / f"{subset}.json", json.dumps(content).encode())
    write_zip(root / COCO / "val2017.zip", images)
    next(number)


def build(root, train_rows=8, eval_rows=4, candidates=4, composition_rows=3):
    """Everything below ``root``; returns it. About 500 images and 1 MB as called in tests."""
    root, number = Path(root), iter(range(1, 100_000))
    build_train(root, train_rows, number)
    build_eval(root, eval_rows, candidates, number)
    build_compositions(root, composition_rows, number)
    for repo in (TRAIN_REPO, EVAL_REPO, CREPE_PP_REPO):
        write(root / repo / "README.md", f"# {repo}\n".encode())
    return root
