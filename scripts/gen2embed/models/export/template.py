"""A backbone's prompts as one Jinja chat template: the markup, the closing line of either role.

sentence-transformers hands a template the system level as a system turn, an item's text and image
as parts of the user turn, and ``task``, which is "query" for queries. Everything written is a
string expression on a single line: Jinja's control of white space has nothing to swallow.
"""

from __future__ import annotations

import json
from typing import Any

from gen2embed.errors import InputError
from gen2embed.models.backbones.base import Backbone
from gen2embed.prompts.mark import IMAGE_MARK
from gen2embed.prompts.registry import Prompt, UserTurn

SYSTEM, BEFORE, AFTER = "SYSTEMLEVELHERE", "BEFORETHEIMAGE", "AFTERTHEIMAGE"
TEMPLATE = (  # names in capitals are filled in as Jinja strings
    "{% set now = namespace(system='', image=false, text='') %}"
    "{% for message in messages %}{% if message['role'] == 'system' %}"
    "{% if message['content'] is string %}{% set now.system = message['content'] %}"
    "{% else %}{% set now.system = message['content'] | map(attribute='text') | join %}{% endif %}"
    "{% elif message['content'] is not string %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}{% set now.image = true %}{% endif %}{% endfor %}{% endif %}"
    "{% endfor %}"
    "{% if now.system %}{{ HEAD }}{{ now.system }}{{ BETWEEN }}{% else %}{{ OPENING }}{% endif %}"
    "{% for message in messages %}{% if message['role'] != 'system' %}"
    "{% set parts = [{'type': 'text', 'text': message['content']}]"
    " if message['content'] is string else message['content'] %}"
    "{% for part in parts %}{% if part['type'] == 'image' %}{{ IMAGE }}"
    "{% elif part['type'] != 'text' %}{{ raise_exception('a part is neither text nor image; give"
    " chat messages in a call of their own') }}{% else %}"
    "{% set now.text = part['text'] %}{% for word in WORDS %}"
    "{% set now.text = now.text | replace(word, word[:1] ~ ' ' ~ word[1:]) %}{% endfor %}"
    "{{ now.text }}{% endif %}{% endfor %}{% endif %}{% endfor %}"
    "{% if task is defined and task == 'query' %}"
    "{{ QUERY_IMAGE if now.image else QUERY_TEXT }}"
    "{% else %}{{ TARGET_IMAGE if now.image else TARGET_TEXT }}{% endif %}"
    "{% if now.system %}{{ END }}{% else %}{{ CLOSING }}{% endif %}"
)


def chat_template(backbone: Backbone, prompt: Prompt) -> str:
    """The template of one prompt. A conversation is one system turn, or none, and one user turn.

    What ``Backbone.turn`` makes letters in a text, the template makes letters, too. Source: ours.
    Raises InputError for a form of input that stock programs do not make.
    """
    if backbone.form.flat and backbone.image_token:
        raise InputError(
            "input form authors numbers the positions of images flat, which no other program does; "
            "export a model of the stock form"
        )
    pictured = bool(backbone.image_token)
    bare = backbone.render(None, UserTurn(BEFORE if pictured else "", AFTER, "", pictured))
    full = backbone.render(SYSTEM, UserTurn(BEFORE if pictured else "", AFTER, "", pictured))
    head, rest = full.split(SYSTEM)
    first = BEFORE if pictured else AFTER
    (between, rest), (opening, tail) = rest.split(first), bare.split(first)
    image, closing = tail.split(AFTER) if pictured else ("", tail)
    end = rest.split(AFTER)[1] if pictured else rest
    closings = prompt.closing
    names = {
        "HEAD": head, "BETWEEN": between, "OPENING": opening, "IMAGE": image, "END": end,
        "CLOSING": closing, "WORDS": backbone.control_words,
        "QUERY_IMAGE": closings["query"]["with_image"],
        "QUERY_TEXT": closings["query"]["text_only"],
        "TARGET_IMAGE": closings["target"]["with_image"],
        "TARGET_TEXT": closings["target"]["text_only"],
    }  # fmt: skip
    made = TEMPLATE
    for name in sorted(names, key=len, reverse=True):
        made = made.replace(f"{{{{ {name} ", f"{{{{ {literal(names[name])} ")
        made = made.replace(f" else {name} }}}}", f" else {literal(names[name])} }}}}")
        made = made.replace(f" in {name} %}}", f" in {literal(names[name])} %}}")
    return made


def literal(value: str | list[str]) -> str:
    """A text, or a list of them, as a Jinja expression."""
    return json.dumps(value, ensure_ascii=False)


def content_of(text: str, image: Any = None) -> list[dict[str, Any]]:
    """The parts of a user turn: the data set's text, cut where its mark says that the image stands.

    An image without a mark goes first; a mark without an image is left out.

    >>> content_of("<|image_1|> red?", "photo")
    [{'type': 'image', 'image': 'photo'}, {'type': 'text', 'text': ' red?'}]
    """
    if image is None:
        return [{"type": "text", "text": text.replace(IMAGE_MARK, "")}]
    before, after = text.split(IMAGE_MARK, 1) if IMAGE_MARK in text else ("", text)
    picture = {"type": "image", "image": image}
    texts = [{"type": "text", "text": part} for part in (before, after)]
    return [part for part in (texts[0], picture, texts[1]) if part.get("text") != ""]


def message_of(text: str, image: Any = None) -> list[dict[str, Any]]:
    """An item as chat messages: one input of sentence-transformers' ``encode_query``."""
    return [{"role": "user", "content": content_of(text, image)}]
