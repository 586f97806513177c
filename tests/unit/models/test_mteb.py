"""The exported folder evaluated by mteb itself, on retrieval tasks written to disk here."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from gen2embed import Embedder, score
from gen2embed.prompts.mark import IMAGE_MARK
from unit.backbones import save_backbone
from unit.exported import save_and_export
from unit.text_models import save_text_model

mteb = pytest.importorskip("mteb", reason="mteb is not installed (pip install mteb)")
pytestmark = pytest.mark.slow
WORDS = ["red", "green", "two trams", "a big dog", "why?", "apple pie", "x", "a flag"]
README = """---
configs:
- config_name: corpus
  data_files: [{split: test, path: corpus.parquet}]
- config_name: queries
  data_files: [{split: test, path: queries.parquet}]
- config_name: qrels
  data_files: [{split: test, path: qrels.parquet}]
---
"""
MODALITIES = {"t": "text", "i": "image"}


def pictures(folder):
    """Paths of as many photos as there are words, of two shapes."""
    for number in range(len(WORDS)):
        shape = (60, 60 + 30 * (number % 2), 3)
        pixels = np.random.default_rng(number).integers(0, 256, shape, dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return [str(folder / f"{number}.png") for number in range(len(WORDS))]


def columns_of(kinds, texts, photos):
    """kinds: "t", "i", "it" or "ti", in the order in which the file has them."""
    values = {"text": texts, "image": photos}
    return {MODALITIES[kind]: values[MODALITIES[kind]] for kind in kinds}


def own_items(kinds, texts, photos):
    """The same for this project: an image without a mark stands first."""
    mark = IMAGE_MARK if kinds == "ti" else ""
    texts = [text + mark if "t" in kinds else "" for text in texts]
    images = [Path(photo).name if "i" in kinds else "" for photo in photos]
    return [{"text": text, "image": image} for text, image in zip(texts, images, strict=True)]


def write_table(path, ids, columns):
    from datasets import Dataset, Features, Value
    from datasets import Image as Picture

    kinds = {name: Picture() if name == "image" else Value("string") for name in columns}
    features = Features({"_id": Value("string"), **kinds})
    Dataset.from_dict({"_id": ids, **columns}, features=features).to_parquet(str(path))


def write_task(folder, queries, documents, right):
    """mteb's layout on disk: corpus, queries, which document is right for which query."""
    from datasets import Dataset

    folder.mkdir()
    (folder / "README.md").write_text(README)
    names = [f"d{number}" for number in range(len(WORDS))]
    ids = [f"q{number}" for number in range(len(WORDS))]
    write_table(folder / "corpus.parquet", names, documents)
    write_table(folder / "queries.parquet", ids, queries)
    relevant = {
        "query-id": ids,
        "corpus-id": [names[one] for one in right],
        "score": [1] * len(right),
    }
    Dataset.from_dict(relevant).to_parquet(str(folder / "qrels.parquet"))


def own_cache(tmp_path, monkeypatch):
    """datasets keeps what it has read of a folder, by the folder's name: not by its files."""
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


def task_of(folder, asked, found):
    """category tells mteb which columns of queries and documents it may look at."""
    from mteb.abstasks.retrieval import AbsTaskRetrieval
    from mteb.abstasks.task_metadata import TaskMetadata

    kinds = sorted({*asked, *found})

    class Toy(AbsTaskRetrieval):
        metadata = TaskMetadata(
            name="ToyRetrieval",
            description="Written by a test",
            type="Any2AnyRetrieval" if "i" in kinds else "Retrieval",
            category=f"{''.join(sorted(asked))}2{''.join(sorted(found))}",
            modalities=[MODALITIES[kind] for kind in kinds],
            dataset={"path": str(folder), "revision": "main"},
            eval_splits=["test"],
            eval_langs=["eng-Latn"],
            main_score="ndcg_at_1",
        )

    return Toy()


def as_the_page_has_it(folder, images):
    """docs/export.md: mteb takes a folder for a model of text alone, until it is told."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu")
    if not images:
        return model
    from mteb.models import SentenceTransformerEncoderWrapper

    model = SentenceTransformerEncoderWrapper(model)
    told = {"modalities": ["text", "image"]}
    model.mteb_model_meta = model.mteb_model_meta.model_copy(update=told)
    return model


def vectors_of(folder, kinds, texts, photos, role):
    embedder = Embedder(folder, prompt="hierarchical", max_tokens=999, device="cpu")
    return embedder.encode(own_items(kinds, texts, photos), role, image_root=folder.parent)


def their_scores(model, task):
    told = mteb.evaluate(model, task, cache=None, show_progress_bar=False)
    (scores,) = told.task_results[0].scores["test"]
    return pd.Series(scores)[["ndcg_at_1", "precision_at_1", "mrr_at_10"]].astype(float)


def ours_of(queries, targets, right):
    """Every document is a candidate."""
    every = range(len(WORDS))
    return score(queries, targets, [[one, *(o for o in every if o != one)] for one in right])


@pytest.mark.parametrize(
    ("asked", "found"),
    [("t", "t"), ("i", "t"), ("it", "t"), ("ti", "t"), ("t", "i"), ("it", "it"), ("i", "i")],
)
def test_its_score_is_ours(tmp_path, monkeypatch, asked, found):
    """For three of four queries the best document is the right one by this project's vectors of the
    model before it was exported, for the others the second best."""
    own_cache(tmp_path, monkeypatch)
    images = "i" in asked + found
    save = (save_backbone, "llava_mistral") if images else (save_text_model, "llama")
    save_and_export(*save, tmp_path / "model", tmp_path / "st")
    photos, asking = pictures(tmp_path), [word.upper() for word in WORDS]
    turned = photos[1:] + photos[:1]  # another than the query's
    queries = vectors_of(tmp_path / "model", asked, asking, photos, "query")
    targets = vectors_of(tmp_path / "model", found, WORDS, turned, "target")
    order = np.argsort(-(queries @ targets.T), axis=1)
    right = [int(row[1 if number % 4 == 3 else 0]) for number, row in enumerate(order)]
    ours = ours_of(queries, targets, right)
    assert ours.value == 0.75

    columns = columns_of(asked, asking, photos), columns_of(found, WORDS, turned)
    write_task(tmp_path / "task", *columns, right)
    task = task_of(tmp_path / "task", asked, found)
    theirs = their_scores(as_the_page_has_it(tmp_path / "st", images), task)
    print(f"ours {ours.value}, mteb {mteb.__version__} {theirs.to_dict()}")
    assert theirs["ndcg_at_1"] == theirs["precision_at_1"] == pytest.approx(ours.value)
    assert theirs["mrr_at_10"] == pytest.approx((1 / ours.ranks).mean(), abs=1e-4)


@pytest.mark.parametrize("untold", ["category", "modalities"])
def test_what_it_leaves_out_until_it_is_told(tmp_path, monkeypatch, untold):
    """Queries of image and text in a task that says t2t, or by a model whose modalities mteb does
    not know: it scores the text alone, without a word. The right documents are those that are best
    for image and text and are not for the text."""
    own_cache(tmp_path, monkeypatch)
    save_and_export(save_backbone, "llava_mistral", tmp_path / "model", tmp_path / "st")
    photos, asking = pictures(tmp_path), [word.upper() for word in WORDS]
    whole, texts = (
        vectors_of(tmp_path / "model", kinds, asking, photos, "query") for kinds in ("it", "t")
    )
    targets = vectors_of(tmp_path / "model", "t", WORDS, photos, "target")
    right = (whole @ targets.T).argmax(axis=1).tolist()
    assert ours_of(whole, targets, right).value == 1
    of_texts = ours_of(texts, targets, right)
    assert of_texts.value < 0.9
    write_task(tmp_path / "task", columns_of("it", asking, photos), {"text": WORDS}, right)
    task = task_of(tmp_path / "task", "t" if untold == "category" else "it", "t")
    theirs = their_scores(as_the_page_has_it(tmp_path / "st", untold == "category"), task)
    assert theirs["ndcg_at_1"] == pytest.approx(of_texts.value)
    assert theirs["mrr_at_10"] == pytest.approx((1 / of_texts.ranks).mean(), abs=1e-4)
