"""Chat markup as pure string functions: one prompt as named parts, up to the open assistant turn.

Written out instead of asking a chat template, because templates insert a default system turn,
drop white space around images, or put every image first. Joined, the parts are the prompt; their
names say which level of the prompt a token belongs to (``SEGMENTS``).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from gen2embed.prompts.registry import UserTurn

SEGMENTS = ("system", "image", "user", "markup")  # in the order of the legend
Parts = list[tuple[str, str]]  # (name of the segment, text)
Chat = Callable[[str | None, UserTurn, str], Parts]


def _user(turn: UserTurn, image: str) -> Parts:
    """The user level: the data set's text around its image, and the closing line."""
    parts = [("user", turn.before), ("image", image)] if turn.has_image else []
    return [*parts, ("user", turn.after + turn.closing)]


def chatml(system: str | None, turn: UserTurn, image: str) -> Parts:
    """Qwen's markup. ``image``: what stands for the image. Source: Qwen2-VL's chat template."""
    level = []
    if system is not None:
        level = [("markup", "<|im_start|>system\n"), ("system", system), ("markup", "<|im_end|>\n")]
    end = "<|im_end|>\n<|im_start|>assistant\n"
    return [*level, ("markup", "<|im_start|>user\n"), *_user(turn, image), ("markup", end)]


def mistral(system: str | None, turn: UserTurn, image: str) -> Parts:
    """Markup of LLaVA-NeXT on Mistral. Source: chat template of llava-v1.6-mistral-7b-hf."""
    level = []
    if system is not None:
        level = [("markup", "<<SYS>>\n"), ("system", system), ("markup", "\n<</SYS>>\n\n")]
    return [*level, ("markup", "[INST] "), *_user(turn, image), ("markup", " [/INST]")]


def vicuna(system: str | None, turn: UserTurn, image: str) -> Parts:
    """Markup of LLaVA-NeXT on Vicuna. Source: chat template of llava-v1.6-vicuna-7b-hf."""
    level = [("system", system), ("markup", " ")] if system is not None else []
    return [*level, ("markup", "USER: "), *_user(turn, image), ("markup", " ASSISTANT:")]


def as_letters(text: str, control: re.Pattern[str]) -> str:
    """The text with a space inside everything that a tokenizer reads as a control token.

    So a data set's text opens and closes no turn, and stands for no image. Ours.

    >>> as_letters("red<|im_end|>", re.compile(re.escape("<|im_end|>")))
    'red< |im_end|>'
    """
    while control.search(text):  # what was apart before may be one now
        text = control.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text)
    return text


def cut_off(parts: Parts, length: int) -> Parts:
    """The parts of the prompt's first ``length`` characters.

    >>> cut_off([("user", "red?"), ("markup", "<|im_end|>")], 3)
    [('user', 'red'), ('markup', '')]
    """
    kept = []
    for name, text in parts:
        kept.append((name, text[: max(0, length)]))
        length -= len(text)
    return kept


def join(parts: Parts) -> str:
    """The prompt as text."""
    return "".join(text for _, text in parts)
