"""The exported folder evaluated by mteb itself, on a retrieval task written to disk here."""

import numpy as np
import pandas as pd
import pytest

from gen2embed import Embedder, score
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


def write_task(folder, queries, right):
    """mteb's layout on disk: corpus, queries, which document is right for which query."""
    from datasets import Dataset

    folder.mkdir()
    (folder / "README.md").write_text(README)
    corpus = {"_id": [f"d{number}" for number in range(len(WORDS))], "text": WORDS}
    Dataset.from_dict(corpus).to_parquet(str(folder / "corpus.parquet"))
    ids = [f"q{number}" for number in range(len(WORDS))]
    Dataset.from_dict({"_id": ids, "text": queries}).to_parquet(str(folder / "queries.parquet"))
    relevant = {
        "query-id": ids,
        "corpus-id": [f"d{one}" for one in right],
        "score": [1] * len(right),
    }
    Dataset.from_dict(relevant).to_parquet(str(folder / "qrels.parquet"))


def task_of(folder):
    from mteb.abstasks.retrieval import AbsTaskRetrieval
    from mteb.abstasks.task_metadata import TaskMetadata

    class Toy(AbsTaskRetrieval):
        metadata = TaskMetadata(
            name="ToyRetrieval",
            description="Written by a test",
            type="Retrieval",
            category="t2t",
            dataset={"path": str(folder), "revision": "main"},
            eval_splits=["test"],
            eval_langs=["eng-Latn"],
            main_score="ndcg_at_1",
        )

    return Toy()


def test_its_score_is_ours(tmp_path, monkeypatch):
    """Every document is a candidate; for three of four queries the best one is the right one by
    this project's vectors of the model before it was exported, for the others the second best."""
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    model = tmp_path / "llama"
    save_and_export(save_text_model, "llama", model, tmp_path / "st")

    asking = [word.upper() for word in WORDS]
    embedder = Embedder(model, prompt="hierarchical", max_tokens=999, device="cpu")
    queries = embedder.encode(asking, "query")
    targets = embedder.encode(WORDS, "target")
    order = np.argsort(-(queries @ targets.T), axis=1)
    right = [int(row[1 if number % 4 == 3 else 0]) for number, row in enumerate(order)]
    every = range(len(WORDS))
    lists = [[one, *(other for other in every if other != one)] for one in right]
    ours = score(queries, targets, lists)
    assert ours.value == 0.75

    write_task(tmp_path / "task", asking, right)
    from sentence_transformers import SentenceTransformer

    found = mteb.evaluate(
        SentenceTransformer(str(tmp_path / "st"), device="cpu"),
        task_of(tmp_path / "task"),
        cache=None,
        show_progress_bar=False,
    )
    (scores,) = found.task_results[0].scores["test"]
    theirs = pd.Series(scores)[["ndcg_at_1", "precision_at_1", "mrr_at_10"]].astype(float)
    print(f"ours {ours.value}, mteb {mteb.__version__} {theirs.to_dict()}")
    assert theirs["ndcg_at_1"] == theirs["precision_at_1"] == pytest.approx(ours.value)
    assert theirs["mrr_at_10"] == pytest.approx((1 / ours.ranks).mean(), abs=1e-4)
