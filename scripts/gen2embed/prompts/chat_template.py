"""A chat model's own markup, read off its chat template; texts are put into it as they are.

A template may add a system turn of its own where there is none (Qwen2, SmolLM2), trim texts, or
know no system turn. So it is rendered around two marks, and what stands around them is the markup.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gen2embed.errors import InputError
from gen2embed.prompts.markup import Parts
from gen2embed.prompts.registry import UserTurn

Messages = list[dict[str, str]]
Render = Callable[[Messages, bool], str | None]  # with open assistant turn?; None: refused
SYSTEM_MARK, USER_MARK = "SYSTEMLEVELHERE", "USERLEVELHERE"
SYSTEM = {"role": "system", "content": SYSTEM_MARK}
USER = {"role": "user", "content": USER_MARK}
FOLDED = "\n\n"  # between both levels in one user turn, as in the templates of Gemma 3 and Mistral


@dataclass(frozen=True)
class ChatTemplate:
    """Markup in pieces: a prompt without a system level is opening + text + closing; one with it is
    head + system level + between + text + end."""

    opening: str
    closing: str
    head: str
    between: str
    end: str

    def parts(self, system: str | None, turn: UserTurn) -> Parts:
        """A prompt of text alone as named parts, up to the open assistant turn."""
        user = ("user", turn.after + turn.closing)
        if system is None:
            return [("markup", self.opening), user, ("markup", self.closing)]
        level = [("markup", self.head), ("system", system), ("markup", self.between)]
        return [*level, user, ("markup", self.end)]


def read_template(render: Render, bos: str) -> ChatTemplate:
    """The markup of a template. bos: the tokenizer's start token, "" for none.

    A template that refuses or leaves out a system turn gets the system level into the user turn.
    Source: ours. Raises InputError where the template takes no user turn, or where a system turn
    that it adds by itself cannot be told from the rest.
    """
    opening, closing = _around(render([USER], True), USER_MARK)
    dialogue = render([SYSTEM, USER], True)
    if dialogue is None or SYSTEM_MARK not in dialogue:
        return ChatTemplate(opening, closing, opening, FOLDED, closing)
    head, rest = _around(dialogue, SYSTEM_MARK)
    between, end = _around(rest, USER_MARK)
    opening = _without_default(render, opening, head, between, bos)
    return ChatTemplate(opening, closing, head, between, end)


def _around(text: str | None, mark: str) -> tuple[str, str]:
    """What stands before and after the mark, which stands there once."""
    if text is None or text.count(mark) != 1:
        raise InputError("its chat template does not give a user turn as it is; take a chat model")
    before, after = text.split(mark)
    return before, after


def _without_default(render: Render, opening: str, head: str, between: str, bos: str) -> str:
    """What opens a user turn that comes first, without a system turn of the template's own."""
    if head.startswith(opening) or between.endswith(opening.removeprefix(bos)):
        return opening  # nothing stands there that does not stand there with a system level, too
    system_turn, conversation = render([SYSTEM], False), render([SYSTEM, USER], False)
    known = system_turn and conversation and SYSTEM_MARK in system_turn
    if known and conversation.startswith(system_turn):
        user_opening, _ = _around(conversation.removeprefix(system_turn), USER_MARK)
        starts = head.startswith(bos) and not user_opening.startswith(bos)
        return (bos if starts else "") + user_opening
    raise InputError(
        "its chat template adds a system turn of its own that cannot be left out; mend the template"
    )
