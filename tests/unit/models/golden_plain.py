"""A plain forward of transformers' own class: what golden values are made by.

Nothing of gen2embed is used: tokenizer and image processor are called directly, one prompt at a
time, without padding; prompts are those of ``golden_cases.py``.
"""

from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoModelForImageTextToText, AutoTokenizer

from unit.models.golden_cases import CHATS, IMAGES, TOKENS, Case

Pixels = dict[str, torch.Tensor]


class Run(NamedTuple):
    """An item as the model saw it, and what came of it."""

    rendered: str  # the prompt, one token for its image
    tokens: list[str]
    ids: torch.Tensor  # (tokens,)
    positions: torch.Tensor  # (axes, tokens): 3 for the Qwen family, 1 for LLaVA
    pixels: Pixels  # all that the image processor gave; empty without an image
    pooled: int  # index of the token whose hidden state is the embedding
    vector: torch.Tensor  # (dim,), of unit length


class Plain:
    """Tokenizer, image processor and model of a folder, and a folder of images."""

    def __init__(self, kind: str, folder: Path, images: Path):
        self.family = "qwen" if kind.startswith("qwen") else kind
        self.token = TOKENS[self.family]
        self.images = images
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.image_processor = AutoImageProcessor.from_pretrained(folder)
        self.model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()

    @torch.inference_mode()
    def run(self, case: Case, form: str) -> Run:
        """Positions are what the language model's rotary embedding was given.

        In the stock form none are passed: they are the model's own. In the authors' form they are
        0, 1, 2, ... on all axes. A mark without image is a token of a text without pixels.
        """
        pixels = self._pixels(case)
        rendered, ids = self.prompt(case, form, self._image_tokens(pixels))
        inputs = {"input_ids": torch.tensor([ids]), **pixels}
        if self.family == "qwen" and case.image:
            token = self.tokenizer.convert_tokens_to_ids(self.token)
            inputs["mm_token_type_ids"] = (inputs["input_ids"] == token).long()
        if self.family == "qwen" and form == "authors":
            inputs["position_ids"] = torch.arange(len(ids)).expand(3, 1, -1)
        seen = []
        hook = self.model.model.language_model.rotary_emb.register_forward_pre_hook(
            lambda _, args, named: seen.append(named.get("position_ids", args[-1])),
            with_kwargs=True,
        )
        try:
            hidden = self.model(**inputs, output_hidden_states=True).hidden_states[-1]
        finally:
            hook.remove()
        (positions,) = seen
        return Run(
            rendered,
            self.tokenizer.convert_ids_to_tokens(ids),
            inputs["input_ids"][0],
            positions.reshape(-1, len(ids)),
            pixels,
            len(ids) - 1,
            torch.nn.functional.normalize(hidden[0, -1], dim=-1),
        )

    def _pixels(self, case: Case) -> Pixels:
        if not case.image:
            return {}
        with Image.open(self.images / case.image) as image:
            return dict(self.image_processor([image.convert("RGB")], return_tensors="pt").data)

    def _image_tokens(self, pixels: Pixels) -> int:
        """Qwen: one for a square of patches; LLaVA: as many as the model makes features."""
        if not pixels:
            return 0
        if self.family == "qwen":
            return int(pixels["image_grid_thw"].prod()) // self.image_processor.merge_size**2
        return len(self.model.model.get_image_features(**pixels).pooler_output[0])

    def prompt(self, case: Case, form: str, of_image: int) -> tuple[str, list[int]]:
        """The prompt with one token for its image, and the ids of the prompt with all of them."""
        start, end = CHATS[self.family][case.prompt]
        user = case.user.format(image=IMAGES[self.family, form], token=self.token)
        text = start + user + case.closing + end
        ids = self._ids(text, of_image)
        if len(ids) <= case.max_tokens:
            return text, ids
        if form == "authors":  # the tokenizer's own truncation, whatever it takes
            offsets = self.tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
            kept = case.max_tokens - max(of_image - 1, 0)
            return text[: offsets[kept - 1][1]], ids[: case.max_tokens]
        offsets = self.tokenizer(user, return_offsets_mapping=True)["offset_mapping"]
        for place, _ in reversed(offsets):  # as much of the user's text as fits
            text = start + user[:place].rstrip() + case.closing + end
            ids = self._ids(text, of_image)
            if len(ids) <= case.max_tokens:
                return text, ids
        raise ValueError(f"{case.name}: nothing fits")

    def _ids(self, text: str, of_image: int) -> list[int]:
        whole = text.replace(self.token, self.token * of_image) if of_image else text
        return self.tokenizer(whole)["input_ids"]
