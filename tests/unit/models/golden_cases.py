"""One item of each kind, with its prompt written out by hand: nothing here comes from the project.

The chats were compared by eye with docs/prompts.md and the models' public chat templates.
"""

from dataclasses import dataclass

FORMS = {
    "stock": {},
    "authors": {
        "form": "authors",
        "mark_without_image": "token",
        "truncate": "right",
        "image_mode": "stored",
    },
}
# what comes before and after the user level, by family and prompt
CHATS = {
    "qwen": {
        "hierarchical": (
            "<|im_start|>system\n"
            "Given an image, summarize the provided image in one word. "
            "Given only text, describe the text in one word.<|im_end|>\n"
            "<|im_start|>user\n",
            "<|im_end|>\n<|im_start|>assistant\n",
        ),
        "plain": ("<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n"),
    },
    "llava_mistral": {
        "hierarchical": (
            "<<SYS>>\n"
            "Given an image, summarize the provided image in one word. "
            "Given only text, describe the text in one word.\n"
            "<</SYS>>\n\n"
            "[INST] ",
            " [/INST]",
        ),
        "plain": ("[INST] ", " [/INST]"),
    },
    "llava_vicuna": {
        "hierarchical": (
            "Given an image, summarize the provided image in one word. "
            "Given only text, describe the text in one word. "
            "USER: ",
            " ASSISTANT:",
        ),
        "plain": ("USER: ", " ASSISTANT:"),
    },
}
TOKENS = {"qwen": "<|image_pad|>", "llava_mistral": "<image>", "llava_vicuna": "<image>"}
# what stands for an image, by family and form; a mark without image is the bare token in either
IMAGES = {
    ("qwen", "stock"): "<|vision_start|><|image_pad|><|vision_end|>",
    ("qwen", "authors"): "<|image_pad|>",
    ("llava_mistral", "stock"): "<image>",
    ("llava_mistral", "authors"): "<image>",
    ("llava_vicuna", "stock"): "<image>",
    ("llava_vicuna", "authors"): "<image>",
}


@dataclass(frozen=True)
class Case:
    """An item (text, image, role) under a prompt, and what its user level must be.

    user: the data set's text, {image} in an image's place, {token} in that of a mark without one.
    closing: the line after it.
    """

    name: str
    text: str
    image: str
    user: str
    closing: str = ""
    role: str = "query"
    prompt: str = "hierarchical"
    max_tokens: int = 2048


OF_IMAGE = "\nRepresent the given text/image in one word."
OF_TEXT = "\nRepresent the given text in one word."
LONG = "a red apple, a green wall and one word more; " * 12
CASES = (
    Case(
        "image, mark first",
        "<|image_1|>\nWhich color is the background?",
        "wide.png",
        "{image}\nWhich color is the background?",
        OF_IMAGE,
    ),
    Case(
        "image, mark in mid-sentence",
        "Look at  <|image_1|>\n and say what it is",
        "tall.png",
        "Look at  {image}\n and say what it is",
        OF_IMAGE,
    ),
    Case("image without mark", "a red apple", "square.png", "{image}a red apple", OF_IMAGE),
    Case("image alone, as target", "", "small.png", "{image}", role="target"),
    Case("text alone", "a red apple", "", "a red apple", OF_TEXT),
    Case(
        "mark without image, first",
        "<|image_1|>\nFind what this text means",
        "",
        "{token}\nFind what this text means",
        OF_TEXT,
    ),
    Case(
        "mark without image, in mid-sentence",
        "a wall, and <|image_1|> in mid-sentence",
        "",
        "a wall, and {token} in mid-sentence",
        OF_TEXT,
    ),
    Case("text over the limit", LONG, "", LONG, OF_TEXT, max_tokens=120),
    Case(
        "image and text over the limit",
        f"<|image_1|>\n{LONG}",
        "wide.png",
        f"{{image}}\n{LONG}",
        OF_IMAGE,
        max_tokens=140,
    ),
    Case(
        "mark without image, text over the limit",
        f"see <|image_1|> and {LONG}",
        "",
        f"see {{token}} and {LONG}",
        OF_TEXT,
        max_tokens=120,
    ),
    Case(
        "plain: image, mark first",
        "<|image_1|>\nWhich color is the background?",
        "wide.png",
        "{image}\nWhich color is the background?",
        prompt="plain",
    ),
    Case("plain: text alone, as target", "red", "", "red", role="target", prompt="plain"),
)
