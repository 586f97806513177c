"""The markup around a prompt is the template's; the texts are ours, and no system turn slips in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen2embed.errors import InputError
from gen2embed.prompts.chat_template import read_template
from gen2embed.prompts.markup import join
from gen2embed.prompts.registry import UserTurn

PIECES = st.text(alphabet="<|>[]/abc:\n ", min_size=1, max_size=8)
TEXTS = st.text(max_size=20)


def template(system_open, user_open, end, open_turn, bos="", default=None, header=""):
    """A template's rendering with turns of their own; default: its own system turn's text."""

    def render(messages, open_assistant):
        turns = list(messages)
        if default is not None and turns[0]["role"] != "system":
            turns.insert(0, {"role": "system", "content": default})
        text = bos
        for one in turns:
            opening = system_open + header if one["role"] == "system" else user_open
            text += opening + one["content"].strip() + end
        return text + (open_turn if open_assistant else "")

    return render


@given(
    pieces=st.lists(PIECES, min_size=4, max_size=4, unique=True),
    bos=st.sampled_from(["", "<s>"]),
    default=st.none() | st.text(alphabet="helpfu .", min_size=1, max_size=9).map(str.strip),
    header=st.sampled_from(["", "Today: 1 May\n"]),
    system=TEXTS,
    text=TEXTS,
)
def test_of_any_pieces_texts_stand_between_them_as_they_are(
    pieces, bos, default, header, system, text
):
    """White space of the texts is kept, where the template would trim it."""
    system_open, user_open, end, open_turn = pieces
    read = read_template(
        template(system_open, user_open, end, open_turn, bos, default, header), bos
    )
    turn = UserTurn("", text, " closing", False)
    bare = bos + user_open + text + " closing" + end + open_turn
    assert join(read.parts(None, turn)) == bare
    level = bos + system_open + header + system + end
    assert join(read.parts(system, turn)) == level + bare.removeprefix(bos)


@given(user_open=PIECES, end=PIECES, refuses=st.booleans(), text=TEXTS)
def test_without_a_system_turn_the_level_goes_into_the_users(user_open, end, refuses, text):
    """Refused (as by Gemma 1), or silently left out."""

    def render(messages, open_assistant):
        if refuses and messages[0]["role"] == "system":
            return None
        turns = [one["content"] for one in messages if one["role"] == "user"]
        return "".join(user_open + one + end for one in turns) + "ASSISTANT:" * open_assistant

    read = read_template(render, "")
    parts = read.parts("Be brief.", UserTurn("", text, "", False))
    assert join(parts) == f"{user_open}Be brief.\n\n{text}{end}ASSISTANT:"
    assert [name for name, _ in parts] == ["markup", "system", "markup", "user", "markup"]


def test_a_start_token_that_opens_every_turn_is_not_doubled():
    """SmolLM2's start token is <|im_start|>."""
    start = "<|im_start|>"
    chatml = template(f"{start}system\n", f"{start}user\n", "<|im_end|>\n", "", "", "Be good.")
    opening = read_template(chatml, start).opening
    assert opening == f"{start}user\n"


def test_a_default_that_cannot_be_taken_out_is_refused():
    def render(messages, _):
        if len(messages) == 1 and messages[0]["role"] == "system":
            return None  # no conversation without a question
        systems = [one["content"] for one in messages if one["role"] == "system"] or ["Default."]
        return f"<sys>{systems[0]}</sys><user>{messages[-1]['content']}</user>"

    with pytest.raises(InputError, match="adds a system turn of its own"):
        read_template(render, "")
    with pytest.raises(InputError, match="does not give a user turn as it is"):
        read_template(lambda *_: None, "")
    with pytest.raises(InputError, match="does not give a user turn as it is"):
        read_template(lambda messages, _: messages[-1]["content"].lower(), "")
