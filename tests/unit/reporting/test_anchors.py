"""Estimates by published figures, worked out by hand, and marked wherever they are printed."""

import json
from pathlib import Path

import pytest
import yaml

import plan_run
from configurations import configured, merge
from gen2embed.data.model_sizes import Size, size_of
from gen2embed.data.registry import load_registry
from gen2embed.files import write_json, write_text
from gen2embed.prompts.resolutions import get_resolution
from gen2embed.reporting.pages import anchors

ROOT = Path(__file__).resolve().parents[3]
EIGHT = Size(anchors.ANCHOR_PARAMETERS, 4096)


@pytest.fixture
def plan(tmp_path, capsys):
    """plan(overlay, changes): what is printed, and the JSON; nothing is there yet."""

    def run(overlay, changes=None):
        config = merge(configured(overlay), changes or {})
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
        words = ["--config", "config.yaml", "--results", "results", "--measured", "measured"]
        words += ["--out", "plan.run.json"]
        paths = [one if one.startswith("--") else str(tmp_path / one) for one in words]
        assert plan_run.main(paths) == 0
        return capsys.readouterr().out, json.loads((tmp_path / "plan.run.json").read_text())

    return run


def test_the_published_run_is_its_own_estimate():
    """The 36 sets with an 8B model: 3.6 hours. A quarter of its size, twice the rows: half."""
    assert anchors.embedding_hours(36_000, EIGHT.parameters) == pytest.approx(3.6)
    assert anchors.embedding_hours(72_000, EIGHT.parameters // 4) == pytest.approx(1.8)


def test_nemos_own_training_is_its_estimate():
    """12.5k tokens/s of Llama3-8B (8.03e9): as published 402 TFLOP/s, 40.6 % of 989."""
    hours = anchors.training_hours(1, 12_500 * 3600, 4, 8_030_000_000)
    assert hours == pytest.approx(402 / (0.40 * 989), rel=0.01)


@pytest.mark.parametrize(
    ("caching", "checkpointing", "flops"),
    [(False, False, 4), (True, False, 6), (False, True, 6), (True, True, 8)],
)
def test_each_further_forward_pass_is_two_flops(caching, checkpointing, flops):
    assert anchors.flops_per_token(caching, checkpointing) == flops


@pytest.mark.parametrize(
    ("name", "tokens"),
    [("train_448", 16 * 16 + 200), ("mmeb_eval", 35 * 35 + 200), ("native", None)],
)
def test_tokens_of_a_pair(name, tokens):
    assert anchors.tokens_per_pair(get_resolution(name)) == tokens


def test_every_model_of_the_register_has_a_size():
    models = [one for one in load_registry() if one.kind == "model"]
    assert models
    for one in models:
        size = size_of(one.name)
        assert size == size_of(one.repo) and 1e9 < size.parameters < 1e10 and size.width % 512 == 0
    assert size_of("Qwen2-VL-2B-Instruct").width == 1536
    assert size_of("Qwen2-VL-7B-Instruct").width == 3584
    assert size_of("generator") is None and size_of("some/model") is None


def test_the_register_counts_what_transformers_builds():
    """Qwen2-VL-2B by its published configuration, without a single weight."""
    import torch
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration

    config = Qwen2VLConfig(
        text_config={
            **{"hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28},
            **{"num_attention_heads": 12, "num_key_value_heads": 2, "vocab_size": 151936},
            "tie_word_embeddings": True,
        },
        vision_config={"depth": 32, "embed_dim": 1280, "mlp_ratio": 4, "hidden_size": 1536},
        tie_word_embeddings=True,
    )
    with torch.device("meta"):
        model = Qwen2VLForConditionalGeneration(config)
    model.tie_weights()
    counted = sum(one.numel() for one in {id(one): one for one in model.parameters()}.values())
    assert counted == size_of("Qwen2-VL-2B-Instruct").parameters


def test_released_2b_before_anything_is_there(plan):
    """48,268 rows (36,000 and 12,268 of compositions), one prompt; by hand 1.2 hours, 0.6 GB."""
    printed, found = plan("released_2b")
    by_name = {one["what"]: one for one in found["anchors, not measurements"]}
    assert list(by_name) == [
        "to download for the model", "vectors, at least", "hours of one H100: embedding"
    ]  # fmt: skip
    rows = 48_268
    assert by_name["vectors, at least"]["value"] == 2 * rows * 1536 * 4
    hours = by_name["hours of one H100: embedding"]["value"]
    assert hours == pytest.approx(3.6 * 2.209 / 8.767 * rows / 36_000, rel=1e-3)
    lines = [line for line in printed.splitlines() if anchors.MARK in line]
    assert len(lines) == 2 * len(by_name)  # in the table, and how it was reckoned
    assert "hours of one device: embedding" in printed and "not known yet" in printed


@pytest.mark.parametrize("overlay", ["paper_2b", "paper_7b", "released_7b"])
def test_every_estimate_is_marked_and_has_its_source(plan, overlay):
    printed, found = plan(overlay)
    for one in found["anchors, not measurements"]:
        [line] = [line for line in printed.splitlines() if line.startswith(f"| {one['what']} ")]
        assert f"{anchors.MARK}: {one['source']}" in line and one["value"] > 0
        assert f"{one['what']}: {one['formula']} ({anchors.MARK})" in printed.splitlines()
    trains = overlay.startswith("paper")
    assert ("training, at least" in printed) == trains
    assert (f"{8 if overlay == 'paper_7b' else 6} FLOPs x" in printed) == trains


def test_measured_rates_take_the_place_of_estimates(plan, tmp_path):
    record = {"items": 100, "seconds": 10}
    write_json(tmp_path / "measured/embeddings/base/p/eval_query.run.json", record)
    printed, _ = plan("paper_2b")
    assert "hours of one H100: embedding" not in printed and "training, at least" in printed
    write_text(
        tmp_path / "measured/adapters/saha_seed0/p/training_log.run.jsonl",
        json.dumps({"pairs_per_second": 1}) + "\n",
    )
    printed, _ = plan("paper_2b")
    assert "hours of one H100" not in printed and "pairs_per_second" in printed


@pytest.mark.parametrize(
    ("overlay", "changes"),
    [("ci", None), ("paper_2b", {"model": {"name": "some/model"}})],
)
def test_nothing_is_estimated_of_what_the_register_does_not_know(plan, overlay, changes):
    printed, found = plan(overlay, changes)
    assert found["anchors, not measurements"] == [] and anchors.MARK not in printed


def test_caps_of_rows_count(plan):
    whole = plan("released_2b")[1]["anchors, not measurements"]
    capped = plan("released_2b", {"data": {"eval_row_cap": 10}})[1]["anchors, not measurements"]
    assert capped[1]["value"] < whole[1]["value"] and capped[2]["value"] < whole[2]["value"]
