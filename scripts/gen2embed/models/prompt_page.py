"""docs/prompts.md: what each backbone is given under each prompt, to the letter."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gen2embed.models.backbones.llava_next import LlavaNext
from gen2embed.models.backbones.qwen import parts as qwen_parts
from gen2embed.prompts.mark import IMAGE_MARK
from gen2embed.prompts.markup import Parts, join, mistral, vicuna
from gen2embed.prompts.registry import Prompt, UserTurn, user_turn

QUERY = f"{IMAGE_MARK}\nWhich color is the background?"
TARGET = "red"
INTRODUCTION = """# Prompts, to the letter

Written by `python scripts/write_prompts.py --out docs/prompts.md` from the prompt registry
(`scripts/gen2embed/prompts/prompts.yaml`) and the backbones' own code; a test compares. Shown are a
query with an image and a target of text alone, whose data set's texts are

```
{query}
```

and `{target}`. The image's placeholder stands for as many tokens as the image has. White space is
part of a prompt: each block ends where the assistant turn is open, with or without a line break.
No backbone gets a system turn that a prompt does not have. Tokenizers with a start token (LLaVA's)
put it before all of this. The manifest of every embedding holds its own prompts in full.
"""
Render = Callable[[str | None, UserTurn], Parts]
BACKBONES: dict[str, Render] = {
    "`qwen2_vl`, `qwen2_5_vl`, `qwen3_vl`": lambda system, turn: qwen_parts(system, turn, True),
    "The same in the authors' form": lambda system, turn: qwen_parts(system, turn, False),
    "`llava_next` on Mistral": lambda system, turn: mistral(system, turn, LlavaNext.image_token),
    "`llava_next` on Vicuna": lambda system, turn: vicuna(system, turn, LlavaNext.image_token),
}


def render_page(prompts: dict[str, Prompt]) -> str:
    """The whole page, as Markdown."""
    return "\n".join(_lines(prompts)) + "\n"


def _lines(prompts: dict[str, Prompt]) -> Iterator[str]:
    yield INTRODUCTION.format(query=QUERY, target=TARGET)
    for backbone, parts in BACKBONES.items():
        yield f"## {backbone}\n"
        for prompt in prompts.values():
            yield f"### {backbone}: {prompt.name}\n\n{prompt.meaning}\n"
            for role, text, has_image in (("query", QUERY, True), ("target", TARGET, False)):
                turn = user_turn(prompt, role, text, has_image)
                yield f"{role}:\n\n```\n{join(parts(prompt.systems[role], turn))}\n```\n"
