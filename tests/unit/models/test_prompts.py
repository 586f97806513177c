"""Prompts: rendered strings worked out by hand from the paper's two levels."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen2embed.errors import InputError
from gen2embed.mini.generator.instructions import TEMPLATES
from gen2embed.prompts.registry import get_prompt, load_prompts, user_turn

SYSTEM = (
    "Given an image, summarize the provided image in one word. "
    "Given only text, describe the text in one word."
)


def test_the_registry_holds_the_five_prompts():
    assert list(load_prompts()) == ["plain", "user_only", "system_only", "hierarchical", "eol"]


@pytest.mark.parametrize(
    ("name", "role", "with_image", "text_only", "system"),
    [
        ("plain", "query", "", "", None),
        ("plain", "target", "", "", None),
        (
            "user_only",
            "target",
            "\nRepresent the given text/image in one word.",
            "\nRepresent the given text in one word.",
            None,
        ),
        ("system_only", "query", "", "", SYSTEM),
        (
            "hierarchical",
            "query",
            "\nRepresent the given text/image in one word.",
            "\nRepresent the given text in one word.",
            SYSTEM,
        ),
        ("hierarchical", "target", "", "", SYSTEM),
        (
            "eol",
            "query",
            "\nSummary above image in one word:",
            "\nSummary above sentence in one word:",
            None,
        ),
    ],
)
def test_levels(name, role, with_image, text_only, system):
    prompt = get_prompt(name)
    assert prompt.system == system
    assert user_turn(prompt, role, "x", True).closing == with_image
    assert user_turn(prompt, role, "x", False).closing == text_only


def test_the_image_stands_at_its_mark_and_white_space_is_kept():
    turn = user_turn(get_prompt("plain"), "query", "Look at <|image_1|>\n and say", True)
    assert (turn.before, turn.after) == ("Look at ", "\n and say")


def test_an_image_without_a_mark_goes_first():
    turn = user_turn(get_prompt("plain"), "query", "a dog", True)
    assert (turn.before, turn.after) == ("", "a dog")


@pytest.mark.parametrize(
    ("role", "text", "has_image", "words"),
    [
        ("query", "<|image_1|> and <|image_1|>", True, "2 image marks"),
        ("document", "a", False, "unknown role"),
    ],
)
def test_misplaced_marks_are_errors(role, text, has_image, words):
    with pytest.raises(InputError, match=words):
        user_turn(get_prompt("plain"), role, text, has_image)


@given(
    pieces=st.lists(st.sampled_from(["<|image_1|>", "\n", " ", "a wall", "?"]), max_size=8),
    name=st.sampled_from(["plain", "hierarchical", "eol"]),
)
def test_marks_without_an_image_are_ordinary(pieces, name):
    """Rows of WebQA and EDIS: every mark, wherever it stands, is one token or nothing."""
    prompt, text = get_prompt(name), "".join(pieces)
    token = user_turn(prompt, "query", text, False, "<pad>")
    assert token.before == "" and not token.has_image
    assert token.after == text.replace("<|image_1|>", "<pad>")
    strip = user_turn(prompt, "query", text, False)
    assert "<|image_1|>" not in strip.after
    assert "".join(strip.after.split()) == "".join(text.replace("<|image_1|>", "").split())
    assert strip.closing == token.closing == prompt.closing["query"]["text_only"]


def test_users_add_prompts_by_file(tmp_path):
    file = tmp_path / "mine.yaml"
    levels = "query: {with_image: a, text_only: b}\n  target: {with_image: c, text_only: d}"
    file.write_text(f"mine:\n  meaning: m\n  system: s\n  {levels}\n")
    prompt = get_prompt("mine", file)
    assert prompt.closing["target"]["text_only"] == "d"
    with pytest.raises(InputError, match="unknown prompt 'mine'"):
        get_prompt("mine")
    file.write_text(f"plain:\n  meaning: m\n  system: s\n  {levels}\n")
    with pytest.raises(InputError, match="exists already"):
        load_prompts(file)
    file.write_text("mine:\n  meaning: m\n")
    with pytest.raises(InputError, match="lacks"):
        load_prompts(file)


def test_the_generator_is_not_taught_the_evaluation_prompts():
    taught = TEMPLATES.read_text(encoding="utf-8").lower()
    for prompt in load_prompts().values():
        lines = [line for kinds in prompt.closing.values() for line in kinds.values()]
        for line in [*lines, prompt.system or ""]:
            assert not line or line.strip().lower() not in taught


def test_the_committed_page_is_what_the_code_renders():
    from gen2embed.models.backbones import REGISTRY
    from gen2embed.models.prompt_page import BACKBONES, render_page

    page = (Path(__file__).resolve().parents[3] / "docs" / "prompts.md").read_text("utf-8")
    assert page == render_page(load_prompts()), "write it again: scripts/write_prompts.py"
    assert all(f"`{name}`" in " ".join(BACKBONES) for name in REGISTRY)


def test_a_system_level_for_each_role(tmp_path):
    """Of a user's file: the level of the role is taken; asking for one of both is refused."""
    path = tmp_path / "prompts.yaml"
    lines = "{with_image: '', text_only: ''}"
    path.write_text(
        f"own:\n  meaning: m\n  system: {{query: Find., target: null}}\n"
        f"  query: {lines}\n  target: {lines}\n"
    )
    prompt = get_prompt("own", path)
    assert prompt.systems == {"query": "Find.", "target": None}
    with pytest.raises(InputError, match="level for each role"):
        _ = prompt.system
    path.write_text(path.read_text().replace(", target: null", ""))
    with pytest.raises(InputError, match="lacks 'target'"):
        get_prompt("own", path)
