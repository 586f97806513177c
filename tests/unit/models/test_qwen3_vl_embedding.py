"""Qwen3-VL-Embedding's own form on a tiny random Qwen3-VL, against transformers' own processor.

The released weights and the template file beside them are not to be had here: the template is
written out, in the words that the model's card describes.
"""

import json

import numpy as np
import pytest
import torch
from transformers import Qwen3VLForConditionalGeneration

from configurations import configured
from gen2embed.models.backbones import load_backbone
from gen2embed.models.encoding.encoder import encode, plan_items
from gen2embed.models.pixel_limits import PixelLimits
from gen2embed.prompts.images import load_rgb
from gen2embed.prompts.input_form import InputForm
from gen2embed.prompts.items import Item
from gen2embed.prompts.registry import get_prompt
from gen2embed.prompts.resolutions import get_resolution
from gen2embed.study.configuration import check_configuration
from gen2embed.study.jobs import Jobs
from gen2embed.study.study import Study
from unit.backbones import save_backbone, save_images
from workflow.conftest import ROOT

CONFIG = configured("qwen3_vl_embedding_2b")
QUERY = "Retrieve images or text relevant to the user's query."
TARGET = "Represent the user's input."
# Qwen3-VL's turns: contents in their order, an image between its start and end, nothing added
TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message.role + '\n' }}"
    "{% for part in message.content %}{% if part.type == 'image' %}"
    "{{ '<|vision_start|><|image_pad|><|vision_end|>' }}{% else %}{{ part.text }}{% endif %}"
    "{% endfor %}{{ '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
ITEMS = {  # item -> what its user turn holds, in the model's own words
    Item("<|image_1|>\nWhich color is the background?", "wide.png", "query"): (
        QUERY, ["image", "\nWhich color is the background?"],
    ),
    Item("a red apple  on\n\ta table ", "", "query"): (QUERY, ["a red apple  on\n\ta table "]),
    Item("no mark, so the image goes first", "small.png", "target"): (
        TARGET, ["image", "no mark, so the image goes first"],
    ),
    Item("<|image_1|>", "square.png", "target"): (TARGET, ["image"]),
    Item("<|image_1|>\nas in WebQA: there is none", "", "target"): (
        TARGET, ["as in WebQA: there is none"],
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return save_images(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_backbone("qwen3_vl", tmp_path_factory.mktemp("qwen3_vl"))


@pytest.fixture(scope="module")
def backbone(folder):
    limits = PixelLimits(CONFIG["embed"]["min_pixels"], CONFIG["embed"]["max_pixels"])
    form = InputForm(**CONFIG["input"])
    return load_backbone(str(folder), None, "fp32", "cpu", form=form, limits=limits)


@pytest.fixture(scope="module")
def planned(backbone, images):
    prompt = get_prompt("qwen3_vl_embedding", ROOT / CONFIG["embed"]["prompt_file"])
    native = get_resolution(CONFIG["embed"]["resolution"])
    limit = CONFIG["embed"]["max_tokens"]
    return plan_items(backbone, list(ITEMS), prompt, native, images, limit, "items")


def dialogue(level, content):
    parts = [
        {"type": part} if part == "image" else {"type": "text", "text": part} for part in content
    ]
    system = {"role": "system", "content": [{"type": "text", "text": level}]}
    return [system, {"role": "user", "content": parts}]


def test_the_dialogue_is_the_processors_own_to_the_byte(backbone, planned):
    for plan, (level, content) in zip(planned, ITEMS.values(), strict=True):
        theirs = backbone.processor.apply_chat_template(
            dialogue(level, content), chat_template=TEMPLATE, tokenize=False,
            add_generation_prompt=True,
        )  # fmt: skip
        assert plan.rendered == theirs
        assert theirs.startswith(f"<|im_start|>system\n{level}<|im_end|>\n<|im_start|>user\n")
        assert theirs.endswith("<|im_end|>\n<|im_start|>assistant\n")


def test_the_vector_is_the_last_attended_tokens_state_at_unit_length(
    backbone, planned, folder, images
):
    """Of transformers' own class, given the processor's own batch of one, images in its limits."""
    native = get_resolution("native")
    ours = encode(backbone, planned, native, 100_000, "cpu", "test")
    model = Qwen3VLForConditionalGeneration.from_pretrained(folder).eval()
    for vector, plan in zip(ours, planned, strict=True):
        pictures = [load_rgb(images / plan.image.name, native)] if plan.image else None
        batch = backbone.processor(text=[plan.rendered], images=pictures, return_tensors="pt")
        with torch.no_grad():
            states = model.model(**batch, use_cache=False).last_hidden_state[0]
        last = states[int(batch["attention_mask"][0].nonzero().max())].numpy()
        np.testing.assert_allclose(vector, last / np.linalg.norm(last), atol=2e-5)
        if plan.image:
            grid = batch["image_grid_thw"][0].prod().item()
            side = backbone.processor.image_processor.patch_size
            assert CONFIG["embed"]["min_pixels"] * 0.9 <= grid * side**2 <= 1800 * 32 * 32


def test_the_configuration_is_whole_and_embeds_under_that_form():
    check_configuration(CONFIG, ROOT / "schemas" / "config.schema.yaml")
    study = Study(CONFIG)
    jobs = json.loads(Jobs(study).embedding("qwen3_vl_embedding", study.evaluated))
    facts = {(job["prompt_file"], job["max_tokens"], job["min_pixels"], job["max_pixels"])
             for job in jobs}  # fmt: skip
    file = "configs/prompts/qwen3_vl_embedding.yaml"
    assert facts == {(file, 8192, 4 * 32**2, 1800 * 32**2)}
    assert f"--prompt-file {file}" in " ".join(Jobs(study).analysing())


def test_a_study_without_such_a_file_tells_its_programs_nothing_of_it():
    """So that no job of another study changes for it."""
    study = Study(configured("ci"))
    assert "prompt_file" not in Jobs(study).embedding("plain", study.evaluated)
    assert "--prompt-file" not in Jobs(study).analysing() and study.prompt_files == []
