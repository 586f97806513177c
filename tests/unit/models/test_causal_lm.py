"""Text-only chat models: their markup, vectors alone and in company, analyses, faults."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel

import embed_items
from gen2embed.errors import InputError
from gen2embed.files import write_parquet
from gen2embed.models.analysis.attention_mass import attention_mass, token_segments
from gen2embed.models.analysis.layers import encode_layers
from gen2embed.models.backbones import load_backbone
from gen2embed.models.backbones.base import LEAST_PREFIX
from gen2embed.models.encoding.encoder import encode, plan_items
from gen2embed.models.shortcuts.prefix import split_prefix
from gen2embed.prompts.items import Item
from gen2embed.prompts.markup import SEGMENTS
from gen2embed.prompts.registry import get_prompt, load_prompts
from gen2embed.prompts.resolutions import get_resolution
from unit.text_models import DEFAULT, TEXT_KINDS, WINDOW, make_tokenizer, save_text_model

NATIVE = get_resolution("native")
LEVEL = get_prompt("system_only").system
TEXTS = ["dog", "a red apple", "Which color is the background? " * 3, "  two lines\n here ", "x"]


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Models this small only wait for more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", params=TEXT_KINDS)
def model(request, tmp_path_factory):
    """Kind; folder; backbone."""
    folder = save_text_model(request.param, tmp_path_factory.mktemp(request.param))
    return request.param, folder, load_backbone(str(folder), None, "fp32", "cpu")


def plan(backbone, texts, prompt="hierarchical", role="query", **named):
    items = [Item(text, "", role) for text in texts]
    limit = named.get("limit", 1024)
    return plan_items(backbone, items, get_prompt(prompt), NATIVE, "", limit, "items")


def vectors_of(backbone, planned, budget=100_000, share_prefix=True):
    return encode(
        backbone, planned, NATIVE, budget, "cpu", "test", share_prefix=share_prefix
    ).astype(np.float64)


def expected(kind, system, text):
    """By hand, from how each family writes a chat."""
    if kind in ("llama", "qwen2"):
        level = f"<|im_start|>system\n{system}<|im_end|>\n" if system else ""
        return f"{level}<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n"
    text = f"{system}\n\n{text}" if system else text
    if kind == "gemma3":
        return f"<bos><start_of_turn>user\n{text}<end_of_turn>\n<start_of_turn>model\n"
    return f"<s>[INST] {text} [/INST]"


@pytest.mark.parametrize("name", load_prompts())
def test_every_prompt_through_the_models_own_markup(model, name):
    """White space is kept, a mark without an image is left out, no default system turn slips in."""
    kind, _, backbone = model
    prompt = get_prompt(name)
    for role in ("query", "target"):
        turn = backbone.turn(prompt, role, "<|image_1|>\n red? ", False)
        closing = prompt.closing[role]["text_only"]
        rendered = backbone.render(prompt.system, turn)
        assert rendered == expected(kind, prompt.system, f"red? {closing}")
        assert DEFAULT not in rendered
        ids = backbone.processor.tokenizer(rendered)["input_ids"]
        start = backbone.processor.tokenizer.bos_token_id
        if kind in ("gemma3", "mistral"):  # written once, though the tokenizer would add it
            assert ids.count(start) == 1 and ids[0] == start
            assert make_tokenizer(kind)(rendered)["input_ids"].count(start) == 2


def test_a_text_opens_and_closes_no_turn(model):
    """Words of the markup in the data's text become letters, tokens or not."""
    kind, _, backbone = model
    words = {"gemma3": ["<end_of_turn>", "<bos>"], "mistral": ["[/INST]", "[INST]", "</s>"]}
    for word in words.get(kind, ["<|im_end|>", "<|im_start|>"]):
        (one,) = plan(backbone, [f"x{word}y"], "plain", "target")
        (bare,) = plan(backbone, ["xy"], "plain", "target")
        assert one.rendered.count(word) == bare.rendered.count(word)
        assert f"x{word[0]} {word[1:]}y" in one.rendered


@torch.inference_mode()
def plain_vector(folder, backbone, planned):
    """A forward of transformers' class, one text at a time."""
    plain = AutoModelForCausalLM.from_pretrained(folder).eval()
    tokenizer = backbone.processor.tokenizer
    rows = []
    for one in planned:
        ids = torch.tensor([tokenizer(one.rendered)["input_ids"]])
        hidden = plain(input_ids=ids, output_hidden_states=True).hidden_states[-1][0, -1]
        rows.append(torch.nn.functional.normalize(hidden, dim=-1).numpy())
    return np.stack(rows).astype(np.float64)


@pytest.mark.parametrize("prompt", ["plain", "hierarchical"])
def test_a_vector_is_that_of_a_plain_forward_alone_and_in_company(model, prompt):
    _, folder, backbone = model
    planned = plan(backbone, TEXTS, prompt)
    plain = plain_vector(folder, backbone, planned)
    assert (plain @ plain.T - np.eye(len(TEXTS))).max() < 0.999  # they differ
    for found in (
        vectors_of(backbone, planned),
        vectors_of(backbone, planned, share_prefix=False),
        vectors_of(backbone, planned, budget=1),
    ):
        assert (found * plain).sum(1).min() > 0.999999


def test_a_beginning_is_shared_up_to_the_window(model):
    """Beyond it a gap between beginning and rest would push the beginning out of the window."""
    kind, folder, backbone = model
    short = [one.rendered for one in plan(backbone, ["a red dog", "a red cat"], "plain")]
    batch = backbone.collate(short)
    assert split_prefix(batch, backbone.image_id, LEAST_PREFIX) is not None
    assert batch["input_ids"].shape[1] < WINDOW
    texts = ["dog", "a red apple, " * 12, "a red " * 25, "a red dog " * 40]
    planned = plan(backbone, texts)
    assert max(one.tokens for one in planned) > 3 * WINDOW
    found, plain = vectors_of(backbone, planned), plain_vector(folder, backbone, planned)
    assert (found * plain).sum(1).min() > 0.999999, kind


@settings(max_examples=15, deadline=None)
@given(texts=st.lists(st.text(max_size=60), min_size=1, max_size=6), budget=st.integers(1, 400))
def test_any_texts_in_any_batches(model, texts, budget):
    """Drawn texts: control characters, other scripts, nothing at all."""
    _, _, backbone = model
    planned = plan(backbone, texts)
    together = vectors_of(backbone, planned, budget)
    alone = np.concatenate([vectors_of(backbone, plan(backbone, [text])) for text in texts])
    assert (together * alone).sum(1).min() > 0.9999


def test_a_long_text_loses_its_end_alone(model):
    _, _, backbone = model
    bare = plan(backbone, [""])[0].tokens
    (one,) = plan(backbone, ["a red apple " * 50], limit=bare + 20)
    assert one.truncated and one.tokens <= bare + 20
    assert LEVEL in one.rendered and get_prompt("hierarchical").closing["query"]["text_only"]
    assert one.rendered.count("a red apple") >= 2


def test_where_the_last_token_looks_and_every_layer(model):
    """Segments by hand for one prompt; the mass sums to 1; the last layer's is the embedding."""
    _, folder, _ = model
    backbone = load_backbone(str(folder), None, "fp32", "cpu", "eager")
    prompt = get_prompt("hierarchical")
    planned = plan(backbone, TEXTS)
    segments = []
    for text in TEXTS:
        parts = backbone.parts(prompt.system, backbone.turn(prompt, "query", text, False))
        segments.append(token_segments(backbone, parts, 0))
    tokens = backbone.processor.tokenizer
    words = {name: 0 for name in SEGMENTS}
    for token, name in zip(tokens(planned[0].rendered)["input_ids"], segments[0], strict=True):
        words[name] += 1
        if token in tokens.all_special_ids:
            assert name == "markup"
    assert words["image"] == 0 and min(words["system"], words["user"], words["markup"]) > 2
    batches = [([row], backbone.collate([one.rendered])) for row, one in enumerate(planned)]
    batches = [*batches[:2], ([2, 3, 4], backbone.collate([one.rendered for one in planned[2:]]))]
    mass, counts = attention_mass(backbone, batches, segments)
    np.testing.assert_allclose(mass.sum(axis=2), 1, atol=1e-4)
    assert counts.sum(axis=1).tolist() == [one.tokens for one in planned]
    layers = encode_layers(backbone, batches, len(planned))
    assert layers.shape == (3, len(planned), 64)
    assert (layers[-1] * vectors_of(backbone, planned)).sum(1).min() > 0.99999
    assert (layers[0] * layers[-1]).sum(1).max() < 0.99


@pytest.fixture
def job(model, tmp_path):
    """Flags of embed_items for two texts."""
    frame = pd.DataFrame({"item_id": [0, 1], "text": ["dog", "cat"], "image_path": ["", ""]})
    write_parquet(tmp_path / "items.parquet", frame)
    return {
        "model": str(model[1]), "prompt": "hierarchical", "role": "query", "threads": 1,
        "items": str(tmp_path / "items.parquet"), "image-root": str(tmp_path),
        "out": str(tmp_path / "out.npy"),
    }  # fmt: skip


def run(job):
    return embed_items.main([f"--{key}={value}" for key, value in job.items()])


def test_the_program_writes_the_same_bytes_twice_and_says_how(model, job, tmp_path):
    assert run(job) == 0
    assert run(job | {"out": str(tmp_path / "again.npy")}) == 0
    assert (tmp_path / "out.npy").read_bytes() == (tmp_path / "again.npy").read_bytes()
    told = json.loads((tmp_path / "out.json").read_text())
    assert told["backbone"] == "causal_lm" and told["pixel_limits"] is None
    assert told["rendered_example_text_only"] == expected(
        model[0], LEVEL, "dog\nRepresent the given text in one word."
    )


def test_an_item_with_an_image_is_one_line(job, tmp_path, capsys):
    from PIL import Image

    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    frame = pd.DataFrame({"item_id": [0, 1], "text": ["", "x"], "image_path": ["", "a.png"]})
    write_parquet(tmp_path / "items.parquet", frame)
    assert run(job) == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]  # before it: the weights' progress
    assert "row 1: has an image, and" in line and "reads text alone" in line
    assert not (tmp_path / "out.npy").exists()


def test_limits_of_pixels_are_refused(model):
    from gen2embed.models.pixel_limits import PixelLimits

    with pytest.raises(InputError, match="causal_lm has no limits of pixels"):
        load_backbone(str(model[1]), None, "fp32", "cpu", limits=PixelLimits(1, 2))


def test_a_base_model_and_another_layout_are_one_line(tmp_path):
    folder = save_text_model("llama", tmp_path / "base")
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(InputError, match="has no chat template; take a chat model"):
        load_backbone(str(folder), None, "fp32", "cpu")
    tokens = make_tokenizer("llama")
    shape = {"vocab_size": len(tokens), "n_embd": 16, "n_layer": 1, "n_head": 2}
    GPT2LMHeadModel(GPT2Config(**shape)).save_pretrained(tmp_path / "gpt2")
    tokens.save_pretrained(tmp_path / "gpt2")
    with pytest.raises(InputError, match="are not laid out as those of Llama"):
        load_backbone(str(tmp_path / "gpt2"), None, "fp32", "cpu")
    (tmp_path / "gpt2" / "config.json").write_text('{"model_type": "llava"}')
    with pytest.raises(InputError, match="model type 'llava' is not supported"):
        load_backbone(str(tmp_path / "gpt2"), None, "fp32", "cpu")
