"""The processor survives saving; grouped attention is stock attention; no unknown words."""

import re

import numpy as np
import pytest
import torch
from PIL import Image

from gen2embed.mini.emoji import load_entries, plain_glyphs
from gen2embed.mini.generator.instructions import TEMPLATES, Instructor, corpus
from gen2embed.mini.render import BACKGROUNDS
from gen2embed.mini.tasks import ANY_TONE, CAPTIONS, INSTRUCTIONS
from gen2embed.models.processor import load_processor
from gen2embed.prompts.registry import load_prompts

TEXT = "<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>\nred?<|im_end|>\n"


def test_a_saved_processor_gives_the_same_tokens_and_pixels(tiny):
    loaded = load_processor(str(tiny.folder), None)
    image = Image.open(tiny.images / "0.png")
    arguments = {"text": [TEXT, "x"], "images": [image], "padding": True, "return_tensors": "pt"}
    for name, tensor in tiny.processor(**arguments).data.items():
        assert torch.equal(tensor, loaded(**arguments).data[name]), name
    assert loaded.tokenizer.padding_side == "left"


def test_an_image_becomes_nine_tokens(tiny, backbone):
    batch = backbone.collate([TEXT], [Image.open(tiny.images / "0.png")])
    placeholder = tiny.tokenizer.convert_tokens_to_ids("<|image_pad|>")
    assert (batch["input_ids"] == placeholder).sum() == 9 == backbone.image_tokens(72, 72)
    assert backbone.image_tokens(144, 72) == 18


def test_grouped_attention_is_stock_attention_on_mixed_sizes(tiny, backbone):
    names = ["0.png", "wide.png", "1.png", "wide.png", "2.png"]
    images = [Image.open(tiny.images / name).convert("RGB") for name in names]
    batch = backbone.collate([TEXT] * len(images), images)
    with torch.inference_mode():
        grouped = backbone.last_hidden(batch)
        assert "grouped" in backbone.model.model.visual.config._attn_implementation
        backbone.model.model.visual.config._attn_implementation = "sdpa"
        stock = backbone.last_hidden(batch)
    torch.testing.assert_close(grouped, stock, atol=1e-5, rtol=1e-4)


def test_padding_side_changes_nothing(tiny, backbone):
    """A short prompt beside a long one, padded on the left, is what it is alone."""
    long = TEXT.replace("red?", "a red apple and a waving hand and a dog face and a tram")
    image = Image.open(tiny.images / "0.png")
    with torch.inference_mode():
        alone = backbone.last_hidden(backbone.collate([TEXT], [image]))
        padded = backbone.last_hidden(backbone.collate([TEXT, long], [image, image]))
    torch.testing.assert_close(alone[0], padded[0], atol=1e-5, rtol=1e-4)


@pytest.fixture(scope="module")
def words(metadata):
    """The vocabulary of a tokenizer built as the mini experiment's is, names aside."""
    from gen2embed.mini.generator.architecture import build_tokenizer

    glyphs = plain_glyphs(load_entries())
    names = metadata.iloc[: len(metadata)].copy()
    texts = [*corpus(names), *(glyph.name for glyph in glyphs)]
    return build_tokenizer(texts)


def prompt_texts():
    prompts = load_prompts().values()
    texts = [prompt.system or "" for prompt in prompts]
    for prompt in prompts:
        texts += [text for by_kind in prompt.closing.values() for text in by_kind.values()]
    return texts


def test_the_generator_knows_every_word_it_will_be_asked(words):
    """Evaluation prompts and task instructions hold no unknown word."""
    texts = [*prompt_texts(), *INSTRUCTIONS.values(), *CAPTIONS, ANY_TONE]
    texts = [text.format(name="tram", concept="tram", color="red", side="left") for text in texts]
    unknown = words.unk_token_id
    for text in [*texts, "Represent the given image."]:
        ids = words(text)["input_ids"]
        assert unknown not in ids, (text, words.convert_ids_to_tokens(ids))
    assert unknown in words("zyzzyva")["input_ids"]


def plain(text):
    return " ".join(re.findall(r"\w+", text.lower()))


@pytest.fixture(scope="module")
def taught(metadata):
    """Every line of 4000 rendered dialogues, systems' and answers' included, and the templates'."""
    instructor = Instructor(metadata, 0)
    dialogues = [instructor.dialogue() for _ in range(4000)]
    rendered = "\n".join(text for one in dialogues for text, _ in one.segments)
    lines = [*rendered.splitlines(), *TEMPLATES.read_text(encoding="utf-8").splitlines()]
    return "\n".join(f" {line} " for line in dict.fromkeys(map(plain, lines)))


def test_the_generator_never_saw_the_evaluation_prompts_or_instructions_verbatim(taught):
    """Letter case and punctuation aside, no such sentence stands in what it is taught, whatever
    colour or side is asked for. Their words do, in other sentences."""
    asked = prompt_texts() + [
        text.replace("{color}", color).replace("{side}", side)
        for text in INSTRUCTIONS.values()
        for color in BACKGROUNDS
        for side in ("left", "right")
    ]
    sentences = {plain(part) for text in asked for part in re.split(r"[.?:\n]", text)}
    sentences = {one for one in sentences if len(one.split()) >= 3}
    assert len(sentences) > 20
    assert not [one for one in sorted(sentences) if f" {one} " in taught]
    assert " answer in one word " in taught  # a sentence that is taught is found


def test_joined_photos_are_the_patches_of_a_real_canvas(tiny, photos):
    from gen2embed.mini.generator.batches import PatchStore

    store = PatchStore(photos, tiny.processor.image_processor)
    canvas = np.concatenate([photos[3], photos[8]], axis=1)
    real = tiny.processor.image_processor(images=[canvas], return_tensors="pt")
    torch.testing.assert_close(store.join([3, 8]), real["pixel_values"], atol=2e-3, rtol=1e-3)
    assert real["image_grid_thw"].tolist() == [store.grid(2)]
    assert store.tokens(2) == 18
