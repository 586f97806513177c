"""The encoder's invariants: company, order and padding change nothing; truncation; bad input."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gen2embed.errors import InputError
from gen2embed.models.encoding.batching import families
from gen2embed.models.encoding.blocks import Blocks
from gen2embed.models.encoding.encoder import _unit, batches_by_tokens, encode, plan_items
from gen2embed.prompts.items import Item
from gen2embed.prompts.registry import get_prompt
from gen2embed.prompts.resolutions import get_resolution

NATIVE = get_resolution("native")
ITEMS = [
    Item("<|image_1|>\nWhich color is the background?", "0.png", "query"),
    Item("a waving hand", "", "target"),
    Item("<|image_1|>\nGive the name.", "wide.png", "query"),
    Item("dog", "", "query"),
    Item("a dog face on a red background, in any skin tone", "", "query"),
    Item("no mark, so the image goes first", "3.png", "query"),
    Item("<|image_1|>\n", "3.png", "target"),
]
SYSTEM = (
    "Given an image, summarize the provided image in one word. "
    "Given only text, describe the text in one word."
)
CLOSING = "\nRepresent the given text/image in one word."
IMAGE = "<|vision_start|><|image_pad|><|vision_end|>"


def plan(backbone, items, images, prompt="hierarchical", max_tokens=2048):
    return plan_items(
        backbone, items, get_prompt(prompt), NATIVE, images, max_tokens, "items.parquet"
    )


def run(backbone, items, images, budget=4096, blocks=None, share_prefix=True):
    planned = plan(backbone, items, images)
    return encode(
        backbone, planned, NATIVE, budget, "cpu", "test", blocks, share_prefix=share_prefix
    )


def test_company_order_and_budget_change_nothing(backbone, tiny):
    together = run(backbone, ITEMS, tiny.images)
    alone = np.concatenate([run(backbone, [one], tiny.images) for one in ITEMS])
    backwards = run(backbone, ITEMS[::-1], tiny.images)[::-1]
    crowded = run(backbone, ITEMS * 5, tiny.images)[: len(ITEMS)]
    one_by_one = run(backbone, ITEMS, tiny.images, budget=1)
    assert together.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)
    for other in (alone, backwards, crowded, one_by_one):
        assert ((together * other).sum(axis=1) > 1 - 1e-5).all()


def test_different_items_have_different_vectors(backbone, tiny):
    vectors = run(backbone, ITEMS, tiny.images)
    cosines = vectors @ vectors.T
    assert (cosines[~np.eye(len(ITEMS), dtype=bool)] < 1 - 1e-4).all()


def test_equal_inputs_give_equal_bytes(backbone, tiny):
    one, two = (run(backbone, ITEMS, tiny.images) for _ in range(2))
    assert one.tobytes() == two.tobytes()


@pytest.mark.parametrize(
    ("prompt", "query", "target"),
    [
        ("plain", ("", ""), ("", "")),
        ("user_only", ("", CLOSING), ("", CLOSING)),
        ("system_only", (SYSTEM, ""), (SYSTEM, "")),
        ("hierarchical", (SYSTEM, CLOSING), (SYSTEM, "")),
        ("eol", ("", "\nSummary above image in one word:"),
         ("", "\nSummary above image in one word:")),
    ],
)  # fmt: skip
def test_rendered_prompts_to_the_letter(backbone, tiny, prompt, query, target):
    """No system block at all where a prompt has none, the image where its mark is."""
    asked = [Item("<|image_1|>\nWhat?", "0.png", role) for role in ("query", "target")]
    for planned, (system, closing) in zip(
        plan(backbone, asked, tiny.images, prompt), (query, target), strict=True
    ):
        block = f"<|im_start|>system\n{system}<|im_end|>\n" if system else ""
        user = f"<|im_start|>user\n{IMAGE}\nWhat?{closing}<|im_end|>\n"
        assert planned.rendered == f"{block}{user}<|im_start|>assistant\n"


def test_truncation_cuts_the_text_and_nothing_else(backbone, tiny):
    text = "<|image_1|>\n" + " ".join(["red apple"] * 200)
    (planned,) = plan(backbone, [Item(text, "0.png", "query")], tiny.images, max_tokens=100)
    assert planned.truncated and planned.tokens <= 100
    assert SYSTEM in planned.rendered and IMAGE in planned.rendered
    assert planned.rendered.endswith(f"{CLOSING}<|im_end|>\n<|im_start|>assistant\n")
    assert planned.rendered.count("apple") > 10
    in_text = len(backbone.processor.tokenizer(planned.rendered)["input_ids"])
    assert in_text - 1 + 9 == planned.tokens  # one placeholder stands for nine image tokens


def test_a_limit_below_the_prompt_is_refused(backbone, tiny):
    with pytest.raises(InputError, match=r"items.parquet: row 0: the prompt and the image alone"):
        plan(backbone, [Item("x", "0.png", "query")], tiny.images, max_tokens=20)


def test_bad_images_are_found_before_the_model_runs(backbone, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no image")
    for name, said in (("broken.png", "not a readable image"), ("none.png", "no such image")):
        items = [ITEMS[1], Item("x", name, "query")]
        with pytest.raises(InputError, match=f"row 1: .*{name}: {said}"):
            plan(backbone, items, tmp_path)


def test_batches_hold_every_item_once_and_respect_the_budget(backbone, tiny):
    planned = plan(backbone, ITEMS * 4, tiny.images)
    batches = batches_by_tokens(planned, 300)
    assert sorted(one.row for batch in batches for one in batch) == list(range(4 * len(ITEMS)))
    for batch in batches:
        assert len(batch) * max(one.tokens for one in batch) <= 300 or len(batch) == 1
        assert len({one.image_size for one in batch}) == 1
    assert batches_by_tokens(planned, 300) == batches


def test_texts_that_begin_alike_make_a_family():
    """By hand: two instructions of three texts each, one text alone, one that is a beginning."""
    texts = ["sys. Find the word: a", "sys. Name the kind: b", "sys. Find the word: c", "sys. d"]
    texts += ["sys. Name the kind: e", "sys. Find the word: f", "sys. Name the kind: g", "sys."]
    found = families(texts, worth=8, least=3)
    assert sorted(map(sorted, found)) == [[0, 2, 5], [1, 4, 6], [3, 7]]
    assert sorted(map(sorted, families(texts, worth=8, least=4))) == [list(range(8))]
    assert families([]) == []


@given(
    st.lists(st.tuples(st.sampled_from(["", "one " * 9, "one " * 8 + "two " * 9]), st.text("ab "))),
    st.integers(1, 9),
    st.integers(1, 5),
)
def test_every_text_is_in_one_family(parts, worth, least):
    texts = [beginning + end for beginning, end in parts]
    found = families(texts, worth, least)
    assert sorted(number for family in found for number in family) == list(range(len(texts)))
    assert all(len(family) >= least for family in found[:-1])  # the last: what is left
    shuffled = list(reversed(texts))
    again = families(shuffled, worth, least)
    as_texts = [sorted(texts[number] for number in family) for family in found]
    assert as_texts == [sorted(shuffled[number] for number in family) for family in again]


def test_families_change_no_vector_beyond_its_last_bits(backbone, tiny):
    items = [Item(f"Find the word for this long entry: {n}", "", "query") for n in range(40)]
    items += [*ITEMS, *(Item("word " * n, "", "target") for n in range(1, 12))]
    planned = plan(backbone, items, tiny.images)
    apart = batches_by_tokens(planned, 4000)
    assert len(apart) > len(batches_by_tokens(planned, 4000, by_beginning=False))
    with_families = run(backbone, items, tiny.images, budget=4000)
    without = run(backbone, items, tiny.images, budget=4000, share_prefix=False)
    assert np.abs(with_families - without).max() < 1e-5


def test_an_interrupted_run_goes_on_from_its_blocks(backbone, tiny, tmp_path):
    """Stop after two batches, go on: the same bytes, and only the rest is encoded."""
    whole = run(backbone, ITEMS * 3, tiny.images, budget=200)

    class Stopped(Exception):
        pass

    class StopAfterTwo(Blocks):
        def add(self, end, rows, vectors):
            super().add(end, rows, vectors)
            if end == 2:
                raise Stopped

    with pytest.raises(Stopped):
        run(backbone, ITEMS * 3, tiny.images, 200, StopAfterTwo(tmp_path / "x", save_seconds=0))
    blocks = Blocks(tmp_path / "x", save_seconds=10)
    resumed = run(backbone, ITEMS * 3, tiny.images, 200, blocks)
    assert blocks.resumed == 2
    assert resumed.tobytes() == whole.tobytes()
    blocks.remove()
    assert not (tmp_path / "x").exists()


@settings(deadline=None)
@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=40), st.booleans())
def test_vectors_have_length_one_rounded_or_not(values, rounded):
    hidden = torch.tensor([[*values, 1.0]])
    found = _unit(hidden, rounded)
    assert abs(np.linalg.norm(found.astype(np.float64)) - 1) < 1e-6
    exact = torch.nn.functional.normalize(hidden.double(), dim=-1).numpy()
    assert np.abs(found - exact).max() < (2**-7 if rounded else 1e-6)
