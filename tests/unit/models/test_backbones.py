"""Every backbone on tiny random weights: company, padding, order, workers, markup, truncation."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from gen2embed.errors import InputError
from gen2embed.models.backbones import load_backbone
from gen2embed.models.backbones.base import PIXEL_BYTES
from gen2embed.models.encoding.encoder import encode, plan_items
from gen2embed.models.pixel_limits import PixelLimits
from gen2embed.models.shortcuts.prefix import LITERAL, split_prefix
from gen2embed.prompts.images import load_rgb
from gen2embed.prompts.input_form import STOCK, InputForm
from gen2embed.prompts.items import Item
from gen2embed.prompts.registry import get_prompt, load_prompts
from gen2embed.prompts.resolutions import get_resolution
from unit.backbones import DEFAULT_SYSTEM, KINDS, save_backbone, save_images

NATIVE = get_resolution("native")
ITEMS = [
    Item("<|image_1|>\nWhich color is the background?", "wide.png", "query"),
    Item("a red apple", "", "target"),
    Item("Look at <|image_1|> and say what it is, in a word", "tall.png", "query"),
    Item("no mark, so the image goes first", "small.png", "query"),
    Item("", "", "query"),
    Item("<|image_1|>", "square.png", "target"),
    Item("a text that is much longer than the others are, so that these are padded", "", "query"),
    Item("<|image_1|>\nFind what this text means", "", "query"),  # as in WebQA: there is no image
    Item("a wall, and <|image_1|> in mid-sentence, as in EDIS", "", "query"),
]
FORMS = {"stock": STOCK, "authors": InputForm("authors", "token", "right", "stored")}


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return save_images(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("backbones")
    return {kind: save_backbone(kind, root / kind) for kind in KINDS}


@pytest.fixture(scope="module", params=KINDS)
def backbone(request, folders):
    return load_backbone(str(folders[request.param]), None, "fp32", "cpu")


@pytest.fixture
def loaded(backbone):
    backbone.form = STOCK
    return backbone


@pytest.fixture(params=FORMS)
def formed(backbone, request):
    """The backbone in either form of input."""
    backbone.form = FORMS[request.param]
    return backbone


def plan(backbone, items, images, prompt="hierarchical", max_tokens=2048):
    return plan_items(backbone, items, get_prompt(prompt), NATIVE, images, max_tokens, "items")


def run(backbone, items, images, budget=100_000, workers=0):
    planned = plan(backbone, items, images)
    return encode(backbone, planned, NATIVE, budget, "cpu", "test", workers=workers)


def batch_of(backbone, planned, compact=False):
    pictures = [load_rgb(one.image, NATIVE) for one in planned if one.image]
    shown = [one.image is not None for one in planned]
    return backbone.collate([one.rendered for one in planned], pictures, shown, compact)


def in_one_batch(backbone, planned):
    """All items in a single forward pass, text-only beside images of every size."""
    with torch.inference_mode():
        hidden = backbone.last_hidden(batch_of(backbone, planned))
    return torch.nn.functional.normalize(hidden.float(), dim=-1).numpy()


def least_cosine(one, other):
    return (one.astype(np.float64) * other).sum(axis=1).min()


def test_alone_or_in_any_company_in_any_order_with_any_workers(formed, images):
    alone = np.concatenate([run(formed, [one], images) for one in ITEMS])
    together = in_one_batch(formed, plan(formed, ITEMS, images))
    off = ~np.eye(len(ITEMS), dtype=bool)
    assert (alone @ alone.T)[off].max() < 0.999  # else the rest would say nothing
    assert least_cosine(alone, together) > 0.9999
    assert least_cosine(alone, run(formed, ITEMS[::-1], images)[::-1]) > 0.9999
    batched = run(formed, ITEMS, images)
    assert least_cosine(alone, batched) > 0.9999
    assert run(formed, ITEMS, images, workers=2).tobytes() == batched.tobytes()


def test_a_shared_prefix_changes_nothing(formed, images):
    """Half of the prompts' tokens are run through once; text-only and images in one batch."""
    planned = plan(formed, ITEMS, images)
    batch = batch_of(formed, planned)
    image_id = formed.processor.image_token_id
    shared = split_prefix(batch, image_id, 4)
    start = batch["input_ids"][0][batch["attention_mask"][0].bool()][: shared.length]
    assert torch.equal(shared.prefix[0], start) and shared.length > 20
    text = formed.processor.tokenizer.decode(start)
    assert get_prompt("hierarchical").system in text and formed.image_token not in text
    with torch.inference_mode():
        shared, plain = (
            torch.nn.functional.normalize(forward(batch), dim=-1).numpy()
            for forward in (formed.embed, formed.last_hidden)
        )
    assert least_cosine(shared, plain) > 0.99999
    np.testing.assert_allclose(shared, plain, atol=1e-4)
    alike = plan(formed, ITEMS[:1] * 3, images)  # equal prompts: the last token is no prefix
    assert least_cosine(run(formed, ITEMS[:1] * 3, images), in_one_batch(formed, alike)) > 0.9999


def test_the_padding_side_changes_nothing(formed, images):
    planned = plan(formed, ITEMS, images)
    left = in_one_batch(formed, planned)
    formed.processor.tokenizer.padding_side = "right"
    try:
        right = in_one_batch(formed, planned)
        encoded = run(formed, ITEMS, images)
    finally:
        formed.processor.tokenizer.padding_side = "left"
    assert least_cosine(left, right) > 0.9999
    assert least_cosine(left, encoded) > 0.9999


def test_half_precision(formed, images):
    """bf16 alone against bf16 in company, and against fp32."""
    half = load_backbone(formed.model.name_or_path, None, "bf16", "cpu", form=formed.form)
    planned = plan(half, ITEMS, images)
    alone = np.concatenate([in_one_batch(half, [one]) for one in planned])
    assert least_cosine(alone, in_one_batch(half, planned)) > 0.999
    assert least_cosine(alone, in_one_batch(formed, planned)) > 0.99


def test_no_language_head_is_run_and_nothing_else_is_kept(loaded, images, monkeypatch):
    def forbidden(*_):
        raise AssertionError("the language head was run")

    monkeypatch.setattr(loaded.model.lm_head, "forward", forbidden)
    planned = plan(loaded, ITEMS[:1], images)
    batch = loaded.collate([planned[0].rendered], [load_rgb(planned[0].image, NATIVE)])
    with torch.inference_mode():
        out = loaded.model.model(**batch, use_cache=False)
        assert loaded.last_hidden(batch).shape == (1, 48) == (1, loaded.dim)
    assert out.hidden_states is None and out.attentions is None and out.past_key_values is None


def chat(backbone, system, user):
    if backbone.name != "llava_next":
        level = f"<|im_start|>system\n{system}<|im_end|>\n" if system else ""
        return f"{level}<|im_start|>user\n{user}<|im_end|>\n<|im_start|>assistant\n"
    if backbone.model.config.text_config.model_type == "mistral":
        return (f"<<SYS>>\n{system}\n<</SYS>>\n\n" if system else "") + f"[INST] {user} [/INST]"
    return (f"{system} " if system else "") + f"USER: {user} ASSISTANT:"


@pytest.mark.parametrize("name", list(load_prompts()))
def test_five_prompts_to_the_letter_and_no_default_system_turn(loaded, images, name):
    prompt = get_prompt(name)
    wrapped = "<|vision_start|><|image_pad|><|vision_end|>"
    image = "<image>" if loaded.name == "llava_next" else wrapped
    for role in ("query", "target"):
        one, other, bare = plan(
            loaded,
            [
                Item("see  <|image_1|>\n now", "tall.png", role),
                Item("so", "tall.png", role),
                Item("so", "", role),
            ],
            images,
            name,
        )
        closing = prompt.closing[role]["with_image"]
        assert one.rendered == chat(loaded, prompt.system, f"see  {image}\n now{closing}")
        assert other.rendered == chat(loaded, prompt.system, f"{image}so{closing}")
        text = prompt.closing[role]["text_only"]
        assert bare.rendered == chat(loaded, prompt.system, f"so{text}")
        assert DEFAULT_SYSTEM not in one.rendered


def test_the_bare_form_and_the_wrapped_one(loaded, images):
    wrapped, vectors = plan(loaded, ITEMS[:1], images)[0], run(loaded, ITEMS, images)
    loaded.form = FORMS["authors"]
    bare, others = plan(loaded, ITEMS[:1], images)[0], run(loaded, ITEMS, images)
    has_image = np.array([bool(one.image_path) for one in ITEMS])
    same = np.einsum("ij,ij->i", vectors, others) > 0.99999
    assert same[~has_image].all()  # without an image the forms do not differ
    assert (same[has_image] == (loaded.name == "llava_next")).all()
    assert loaded.image_token in bare.rendered and "vision_start" not in bare.rendered
    fewer = 0 if loaded.name == "llava_next" else 2
    assert wrapped.tokens - bare.tokens == fewer


def test_counted_tokens_are_the_tokens(formed, images):
    for one in plan(formed, ITEMS, images):
        assert batch_of(formed, [one])["input_ids"].shape[1] == one.tokens


LONG = "a red apple, 🍎 and ein Äpfelchen; " * 60


@pytest.mark.parametrize("text", [LONG, f"<|image_1|>{LONG}", f"{LONG}<|image_1|>\nwhat?"])
def test_truncation_spares_closing_line_image_and_assistant_turn(loaded, images, text):
    with_image = "image_1" in text
    item = Item(text, "wide.png" if with_image else "", "query")
    (whole,) = plan(loaded, [item], images, max_tokens=100_000)
    (cut,) = plan(loaded, [item], images, max_tokens=300)
    assert not whole.truncated and cut.truncated
    assert 250 < cut.tokens <= 300  # no more is cut than need be
    prompt = get_prompt("hierarchical")
    kind = "with_image" if with_image else "text_only"
    ends = chat(loaded, None, "@").split("@")[1]
    assert cut.rendered.endswith(prompt.closing["query"][kind] + ends)
    assert prompt.system in cut.rendered
    assert cut.rendered.count(loaded.image_token) == with_image
    assert "\ufffd" not in cut.rendered  # no character is cut in two
    picture = [load_rgb(cut.image, NATIVE)] if with_image else []
    batch = loaded.collate([cut.rendered], picture)
    assert batch["input_ids"].shape[1] == cut.tokens
    image_id = loaded.processor.image_token_id
    width, height = cut.image_size
    expected = loaded.image_tokens(width, height) if with_image else 0
    assert (batch["input_ids"] == image_id).sum() == expected


@pytest.mark.parametrize("text", [LONG, f"<|image_1|>{LONG}", f"{LONG}<|image_1|>\nwhat?"])
def test_truncation_from_the_right_takes_the_end_as_it_comes(formed, images, text):
    formed.form = replace(formed.form, truncate="right")
    with_image = text.startswith("<")
    item = Item(text, "wide.png" if with_image else "", "query")
    (whole,) = plan(formed, [item], images, max_tokens=100_000)
    (cut,) = plan(formed, [item], images, max_tokens=300)
    assert cut.truncated and 295 < cut.tokens <= 300
    assert whole.rendered.startswith(cut.rendered)
    assert batch_of(formed, [cut])["input_ids"].shape[1] == cut.tokens
    late = Item(f"{LONG}<|image_1|>", "wide.png", "query")
    (kept,) = plan(formed, [late], images, max_tokens=300)  # the image stands behind the cut
    assert kept.truncated and 250 < kept.tokens <= 300
    assert kept.rendered.count(formed.image_token) == 1
    assert batch_of(formed, [kept])["input_ids"].shape[1] == kept.tokens
    with pytest.raises(InputError, match="row 0: the prompt and the image alone need"):
        plan(formed, [late], images, max_tokens=30)


def test_a_text_that_holds_the_models_own_image_token_is_refused(loaded, images):
    with pytest.raises(InputError, match=r"items: row 0: text holds <"):
        plan(loaded, [Item(f"see {loaded.image_token}", "", "query")], images)


def test_image_positions_worked_out_by_hand(folders, images):
    """Three text tokens, an image of 2 x 5 tokens, two text tokens (Qwen2-VL's rotary positions).

    An image's tokens share one time; height and width count up from it; text goes on after the
    largest. Padding on the left is not counted.
    """
    backbone = load_backbone(str(folders["qwen2_vl"]), None, "fp32", "cpu")
    picture = load_rgb(images / "wide.png", NATIVE)
    assert backbone.image_tokens(*picture.size) == 10  # 150x60 -> 140x56: 5 x 2 of 28 pixels
    batch = backbone.collate(
        ["<|im_end|>" * 3 + "<|image_pad|>" + "<|im_end|>" * 2, "<|im_end|>" * 17], [picture]
    )
    positions, _ = backbone.model.model.get_rope_index(
        batch["input_ids"], batch["mm_token_type_ids"], batch["image_grid_thw"],
        attention_mask=batch["attention_mask"],
    )  # fmt: skip
    time, height, width = positions[:, 0, -15:].tolist()
    assert time == [0, 1, 2, *[3] * 10, 8, 9]
    assert height == [0, 1, 2, *[3] * 5, *[4] * 5, 8, 9]
    assert width == [0, 1, 2, *[3, 4, 5, 6, 7] * 2, 8, 9]


def test_positions_are_the_models_own(loaded, images):
    planned = plan(loaded, ITEMS, images)
    batch = batch_of(loaded, planned)
    last = [one.tokens - 1 for one in planned]
    if loaded.name == "llava_next":
        assert loaded.positions(batch)[:, -1].tolist() == last
        return
    own, _ = loaded.model.model.get_rope_index(
        batch["input_ids"], batch["mm_token_type_ids"], batch["image_grid_thw"],
        attention_mask=batch["attention_mask"],
    )  # fmt: skip
    real = batch["attention_mask"].bool().expand(3, -1, -1)
    assert torch.equal(loaded.positions(batch)[real], own[real])
    loaded.form = FORMS["authors"]
    assert loaded.positions(batch)[:, :, -1].tolist() == [last] * 3


def test_a_mark_without_an_image_is_one_token_or_nothing(formed, images):
    text, bare = "see <|image_1|>\n this", "see this"
    (token,) = plan(formed, [Item(text, "", "query")], images)
    formed.form = replace(formed.form, mark_without_image="strip")
    (strip,) = plan(formed, [Item(text, "", "query")], images)
    (without,) = plan(formed, [Item(bare, "", "query")], images)
    closing = get_prompt("hierarchical").closing["query"]["text_only"]
    assert f"see {formed.image_token}\n this{closing}" in token.rendered
    assert "vision_start" not in token.rendered and strip.rendered == without.rendered
    ids = batch_of(formed, [token])["input_ids"]
    assert (ids == formed.image_id).sum() == 1 and ids.shape[1] == token.tokens


def test_a_literal_token_is_embedded_as_a_token_beside_images(formed, images):
    """In a batch with images the model would count it; its own embedding must stand there."""
    planned = plan(formed, ITEMS, images)
    batch = batch_of(formed, planned)
    seen = []
    tokens = formed.model.get_input_embeddings()
    with torch.inference_mode():
        with formed._inputs(batch) as inputs:
            seen = tokens(inputs["input_ids"])[batch[LITERAL]]
        assert torch.equal(seen, tokens.weight[formed.image_id].expand(2, -1))
        assert not tokens._forward_hooks
    assert LITERAL not in batch_of(formed, planned[:-2])


def test_pixels_that_travel_as_bytes_are_the_processors_own(loaded, images):
    planned = plan(loaded, ITEMS, images)
    for some in (planned, [one for one in planned if one.image]):
        plain, compact = batch_of(loaded, some), batch_of(loaded, some, compact=True)
        assert compact[PIXEL_BYTES].dtype == torch.uint8 and "pixel_values" not in compact
        again = loaded.to_device(compact, "cpu")
        assert again.keys() == plain.keys()
        for name, expected in plain.items():
            if name == "pixel_values" and loaded.name == "llava_next":
                real = (expected != 0).flatten(2).any(2)  # what is padded is never read
                assert torch.equal(again[name][real], expected[real])
            else:
                assert torch.equal(again[name], expected), name


def test_limits_of_pixels(folders, images):
    backbone = load_backbone(
        str(folders["qwen2_vl"]), None, "fp32", "cpu", limits=PixelLimits(20000, 40000)
    )
    assert backbone.pixel_limits() == [20000, 40000]
    for one in plan(backbone, ITEMS, images):
        if one.image:
            grid = batch_of(backbone, [one])["image_grid_thw"][0]
            assert 20000 <= grid.prod() * 14**2 <= 40000
    with pytest.raises(InputError, match="llava_next has no limits of pixels"):
        load_backbone(str(folders["llava_mistral"]), None, "fp32", "cpu", limits=PixelLimits(1, 2))


def test_extreme_aspect_ratios_end_in_one_line(loaded, tmp_path):
    from PIL import Image

    Image.new("RGB", (1, 260)).save(tmp_path / "thin.png")
    item = [Item("x", "thin.png", "query")]
    if loaded.name == "llava_next":
        assert np.isfinite(run(loaded, item, tmp_path)).all()
        return
    with pytest.raises(InputError, match="row 0: an image of 1x260 pixels is refused"):
        plan(loaded, item, tmp_path)


@pytest.mark.parametrize("size", [(1, 1), (3, 3), (1, 27), (27, 3), (200, 1)])
def test_tiny_images_have_vectors(loaded, tmp_path, size):
    from PIL import Image

    Image.new("RGB", size, "red").save(tmp_path / "tiny.png")
    assert np.isfinite(run(loaded, [Item("x", "tiny.png", "query")], tmp_path)).all()


def test_unsupported_models_are_refused_in_one_line(tmp_path):
    for kind, said in (("phi3_v", "never run here"), ("clip", "supported: qwen2_vl")):
        (tmp_path / "config.json").write_text(f'{{"model_type": "{kind}"}}')
        with pytest.raises(InputError, match=said):
            load_backbone(str(tmp_path), None, "fp32", "cpu")
