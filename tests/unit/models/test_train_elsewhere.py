"""Exported model and exported negatives in sentence-transformers' own trainer: its cached loss."""

import json
import re

import numpy as np
import pandas as pd
import pytest
import torch
from datasets import Dataset
from PIL import Image
from torch.nn.functional import cross_entropy

import export_negatives
from gen2embed.files import write_parquet
from gen2embed.mining.clusters import ClusterTable, write_clusters
from gen2embed.models.backbones import load_backbone
from gen2embed.prompts.registry import get_prompt
from unit.backbones import save_backbone, save_images
from unit.exported import save_and_export
from unit.text_models import save_text_model
from workflow.conftest import ROOT

WORDS = ["red", "green", "two trams", "a big dog", "why?", "apple pie"]
NAMES = ["anchor", "positive", "negative_1", "negative_2"]
BATCH, SCALE = 3, 20.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Six pairs, each anchor with its two next pairs as negatives; targets as texts and images."""
    root = tmp_path_factory.mktemp("elsewhere")
    save_images(root)
    ids = np.arange(6)
    pairs = pd.DataFrame({"pair_id": ids, "query_id": ids, "target_id": ids})
    write_parquet(root / "pairs.parquet", pairs, {"subset": "Toy"})
    items = pd.DataFrame({"item_id": ids, "text": WORDS, "image_path": [""] * 6})
    write_parquet(root / "q.parquet", items)
    write_parquet(root / "texts.parquet", items.assign(text=[word.upper() for word in WORDS]))
    names = ["square", "wide", "tall", "small"]
    present = [name for name in names if (root / f"{name}.png").is_file()]
    images = [f"{present[number % len(present)]}.png" for number in ids]
    write_parquet(root / "images.parquet", items.assign(image_path=images))
    table = ClusterTable(
        anchor_pair=ids,
        phase=np.ones(6, dtype=np.int8),
        starts=2 * np.arange(7),
        negative_pairs=np.stack([(ids + 1) % 6, (ids + 2) % 6], axis=1).ravel(),
        hardness=np.full(12, 0.5),
        overlap=np.full(12, 0.1),
    )
    write_clusters(root / "c.parquet", table, {"strategy": "saha"})
    for kind, save in (("llama", save_text_model), ("llava_mistral", save_backbone)):
        save_and_export(save, kind, root / kind, root / f"{kind}-st")
    return root


def negatives(folder, targets, layout):
    out = folder / f"{targets}-{layout}.parquet"
    files = {"pairs": "pairs", "clusters": "c", "query-items": "q", "target-items": targets}
    words = [f"--{flag}={folder / name}.parquet" for flag, name in files.items()]
    assert export_negatives.main([*words, f"--format={layout}", "--negatives=2",
                                  f"--out={out}"]) == 0  # fmt: skip
    return out


def rendered(backbone, role, text, pictured):
    prompt = get_prompt("hierarchical")
    return backbone.render(prompt.system, backbone.turn(prompt, role, text, pictured))


@pytest.mark.parametrize(
    ("kind", "targets", "layout"),
    [
        ("llama", "texts", "sentence-transformers"),
        ("llama", "texts", "sentence-transformers-cells"),
        ("llava_mistral", "images", "sentence-transformers-cells"),
    ],
)
def test_two_steps_of_the_cached_loss(folder, tmp_path, monkeypatch, kind, targets, layout):
    """As docs/mining.md says: columns as they are, the system level, the role of the anchor.

    The first batch's prompts are this project's to the byte, its loss is that of the vectors by
    hand, with every negative in it; and two steps change the weights.
    """
    from sentence_transformers import (
        SentenceTransformer,
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.sentence_transformer.losses import (
        CachedMultipleNegativesRankingLoss,
    )

    monkeypatch.chdir(folder)  # image paths start here
    data = Dataset.from_parquet(str(negatives(folder, targets, layout)), cache_dir=str(tmp_path))
    assert data.column_names == NAMES
    model = SentenceTransformer(str(folder / f"{kind}-st"), device="cpu")
    loss = CachedMultipleNegativesRankingLoss(model, scale=SCALE, mini_batch_size=2)
    given, plain = [], loss.forward

    def noted(features, labels):
        given.append((list(features), plain(features, labels)))
        return given[-1][1]

    monkeypatch.setattr(loss, "forward", noted)
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(tmp_path / "out"), max_steps=2, per_device_train_batch_size=BATCH,
        learning_rate=1e-2, use_cpu=True, report_to="none", save_strategy="no", seed=0,
        prompts=model.prompts["query"], router_mapping={"anchor": "query"},
        disable_tqdm=True, logging_steps=1,
    )  # fmt: skip
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    trainer = SentenceTransformerTrainer(model=model, args=arguments, train_dataset=data, loss=loss)
    order = [row for rows in trainer.get_train_dataloader().batch_sampler for row in rows][:BATCH]
    with torch.no_grad():
        vectors = [
            torch.stack(
                [torch.as_tensor(call(data[row][name], show_progress_bar=False)) for row in order]
            )
            for name, call in zip(
                NAMES, [model.encode_query, *[model.encode_document] * 3], strict=True
            )
        ]
        wanted = cross_entropy(
            SCALE * vectors[0] @ torch.cat(vectors[1:]).T, torch.arange(BATCH)
        ).item()
    trainer.train()
    assert trainer.state.global_step == 2 and len(given) == 2
    features, first = given[0]
    assert len(features) == len(NAMES)
    assert first.item() == pytest.approx(wanted, abs=2e-3)
    moved = sum(not torch.equal(before[name], weight) for name, weight in model.named_parameters())
    assert moved > len(before) / 2
    if kind == "llama":
        backbone = load_backbone(str(folder / kind), None, "fp32", "cpu")
        for column, role, name in ((0, "query", "anchor"), (3, "target", "negative_2")):
            texts = [rendered(backbone, role, data[row][name], False) for row in order]
            ours = backbone.processor.tokenizer(texts)["input_ids"]
            theirs = [
                ids[mask.bool()].tolist()
                for ids, mask in zip(
                    features[column]["input_ids"], features[column]["attention_mask"], strict=True
                )
            ]
            assert theirs == ours, name


def test_the_pages_example_runs(folder, tmp_path, monkeypatch):
    """docs/export.md, on a model that reads images without torchvision."""
    page = (ROOT / "docs" / "export.md").read_text(encoding="utf-8")
    code = next(
        one for one in re.findall(r"```python\n(.*?)```", page, re.S) if "my_embedder" in one
    )
    (tmp_path / "my_embedder").symlink_to(folder / "llava_mistral-st")
    with Image.open(folder / "wide.png") as image:
        image.save(tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(compile(code, "docs/export.md", "exec"), names)  # noqa: S102  the page's own
    queries, targets = names["queries"], names["targets"]
    assert queries.shape == (1, 48) and targets.shape == (2, 48)
    assert np.abs(np.linalg.norm(np.concatenate([queries, targets]), axis=1) - 1).max() < 1e-5


def test_columns_of_image_paths_are_inputs_of_the_loss_and_said_to_be(folder, caplog):
    """What earlier versions of this project wrote for any sentence-transformers: each column is
    taken for an input, so a path would be trained on as a text."""
    from sentence_transformers.sentence_transformer.data_collator import (
        SentenceTransformerDataCollator,
    )

    with caplog.at_level("WARNING", logger="gen2embed.export_negatives"):
        frame = pd.read_parquet(negatives(folder, "images", "sentence-transformers"))
    assert "sentence-transformers-cells" in caplog.text and "anchor_image" in caplog.text
    seen = []
    collate = SentenceTransformerDataCollator(lambda inputs, **_: seen.append(inputs) or {})
    collate(frame.to_dict("records")[:2])
    assert len(seen) == len(frame.columns) == 2 * len(NAMES)
    assert json.dumps(seen[3]).count(".png") == 2
