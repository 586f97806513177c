"""The generator's training: dialogues, labels, Muon, and two equal runs."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from gen2embed.files import write_npy, write_parquet
from gen2embed.mini.generator.batches import IGNORED, Collator, PatchStore
from gen2embed.mini.generator.instructions import Dialogue, Instructor, content_words
from gen2embed.mini.generator.muon import Muon, orthogonalise

SCRIPT = Path(__file__).resolve().parents[4] / "scripts" / "train_generator.py"
spec = importlib.util.spec_from_file_location("train_generator", SCRIPT)
train_generator = importlib.util.module_from_spec(spec)
sys.modules["train_generator"] = train_generator
spec.loader.exec_module(train_generator)


def test_content_words_by_hand():
    assert content_words("flag of the isle of man") == ["isle", "man"]
    assert content_words("on") == ["on"]


def test_dialogues_are_decided_by_the_seed_and_end_in_an_answer(metadata):
    seen = metadata[metadata["split"] == "train"].reset_index(drop=True)
    one, two = ([Instructor(seen, seed).dialogue() for _ in range(50)] for seed in (0, 0))
    assert one[0] == two[0]
    instructor = Instructor(seen, 3)
    kinds = [instructor.dialogue() for _ in range(300)]
    assert {len(dialogue.photos) for dialogue in kinds} == {0, 1, 2}
    for dialogue in kinds:
        text, is_answer = dialogue.segments[-1]
        assert is_answer and text.endswith("<|im_end|>\n")
        shown = "".join(text for text, _ in dialogue.segments).count("<|image_pad|>")
        assert shown == (1 if dialogue.photos else 0)  # a pair is one canvas
    systems = ["system" in dialogue.segments[0][0] for dialogue in kinds]
    assert 0.5 < np.mean(systems) < 0.8  # a third has no system turn


def test_only_answers_are_learnt(tiny, photos):
    store = PatchStore(photos, tiny.processor.image_processor)
    collate = Collator(tiny.tokenizer, store)
    image = "<|vision_start|><|image_pad|><|vision_end|>"
    asked = (f"<|im_start|>user\n{image}\n<|im_end|>\n<|im_start|>assistant\n", False)
    batch = collate(
        [Dialogue((2,), (asked, ("red apple<|im_end|>\n", True))),
         Dialogue((), (("<|im_start|>user\nred<|im_end|>\n", False), ("tram<|im_end|>\n", True)))]
    )  # fmt: skip
    for labels, answer in zip(batch["labels"], ("red apple", "tram"), strict=True):
        learnt = labels[labels != IGNORED]
        assert tiny.tokenizer.convert_ids_to_tokens(learnt) == [*answer.split(), "<|im_end|>", "\n"]
    assert (batch["attention_mask"][1] == 0).sum() > 0  # left-padded
    assert batch["attention_mask"][1][-1] == 1
    assert batch["mm_token_type_ids"].sum() == 9


def test_newton_schulz_brings_singular_values_near_one():
    matrix = torch.randn(3, 12, 30, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonalise(matrix))
    assert values.min() > 0.6 and values.max() < 1.3


def test_muon_goes_downhill():
    weight = torch.nn.Parameter(torch.randn(8, 6, generator=torch.Generator().manual_seed(1)))
    optimiser = Muon([weight], lr=0.05)
    losses = []
    for _ in range(60):
        loss = (weight**2).sum()
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert losses[-1] < 0.2 * losses[0]


@pytest.fixture
def inputs(tmp_path, photos, metadata):
    write_npy(tmp_path / "photos.npy", photos)
    write_parquet(tmp_path / "photos.parquet", metadata)
    return tmp_path


def run(inputs, out, **changed):
    flags = {
        "photos": inputs / "photos.npy", "metadata": inputs / "photos.parquet", "out": inputs / out,
        "seed": 0, "hidden": 32, "layers": 2, "heads": 4, "kv-heads": 2, "intermediate": 48,
        "vision-width": 16, "vision-depth": 1, "vision-heads": 2, "patch": 12, "vision-steps": 3,
        "vision-batch": 4, "joint-steps": 3, "joint-batch": 4, "muon-rate": 0.02,
        "adam-rate": 0.003, "held-out": 4, "threads": 1,
    } | changed  # fmt: skip
    return train_generator.main([f"--{key}={value}" for key, value in flags.items()])


def test_two_trainings_agree_and_the_card_is_true(inputs):
    assert run(inputs, "one") == 0 and run(inputs, "two") == 0
    names = {path.name for path in (inputs / "one").iterdir()}
    assert names == {path.name for path in (inputs / "two").iterdir()}
    for name in names:
        assert (inputs / "one" / name).read_bytes() == (inputs / "two" / name).read_bytes(), name
    card = json.loads((inputs / "one" / "card.json").read_text())
    assert card["data"]["photos"] == card["data"]["held-out photos"] == 6
    assert len(card["samples"]) == 16
    text = (inputs / "one" / "README.md").read_text()
    assert f"{card['held_out_loss']['all']}" in text and "Sample answers" in text
    run(inputs, "other", seed=1)
    weights = "model.safetensors"
    assert (inputs / "other" / weights).read_bytes() != (inputs / "one" / weights).read_bytes()


def test_photos_that_do_not_fit_their_table_are_one_line(inputs, capsys):
    write_npy(inputs / "photos.npy", np.zeros((3, 72, 72, 3), np.uint8))
    assert run(inputs, "none") == 2
    error = capsys.readouterr().err
    assert "photos.npy: holds uint8 of shape (3, 72, 72, 3)" in error and error.count("\n") == 1
    assert not (inputs / "none").exists()
