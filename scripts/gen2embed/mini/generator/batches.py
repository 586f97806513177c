"""Dialogues and photos as tensors: patches are made once by the model's own image processor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from gen2embed.mini.generator.architecture import MERGE
from gen2embed.mini.generator.instructions import Dialogue, Instructor

IGNORED = -100  # label of a token that is not part of an answer
_PROCESS_AT_ONCE = 256


class PatchStore:
    """All photos as flattened patches, half precision, and canvases joined from them.

    photos: uint8, shape (n, size, size, 3). A photo's patches come in Qwen2-VL's order: blocks of
    merged patches, row by row; so two photos side by side are their block rows, interleaved.
    """

    def __init__(self, photos: np.ndarray, image_processor: Any):
        parts = []
        for start in range(0, len(photos), _PROCESS_AT_ONCE):
            images = list(photos[start : start + _PROCESS_AT_ONCE])
            out = image_processor(images=images, return_tensors="pt")
            parts.append(out["pixel_values"].to(torch.float16))
        _, rows, columns = out["image_grid_thw"][0].tolist()
        self.block_rows, self.block_columns = rows // MERGE, columns // MERGE
        self.patches = torch.cat(parts).view(
            len(photos), self.block_rows, self.block_columns * MERGE**2, -1
        )

    def join(self, rows: Sequence[int]) -> torch.Tensor:
        """Patches of the photos side by side, shape (patches, values), float32."""
        side_by_side = torch.cat([self.patches[row] for row in rows], dim=1)
        return side_by_side.flatten(0, 1).float()

    def grid(self, photos: int) -> list[int]:
        """Grid (time, height, width) in patches of that many photos side by side."""
        return [1, self.block_rows * MERGE, self.block_columns * MERGE * photos]

    def tokens(self, photos: int) -> int:
        return self.block_rows * self.block_columns * photos


class Collator:
    """Dialogues to a left-padded batch with labels on the answers only."""

    def __init__(self, tokenizer: Any, store: PatchStore):
        self.tokenizer = tokenizer
        self.store = store
        self.image_id = tokenizer.convert_tokens_to_ids("<|image_pad|>")
        self._ids: dict[str, list[int]] = {}

    def ids(self, text: str) -> list[int]:
        if text not in self._ids:
            self._ids[text] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return self._ids[text]

    def sequence(self, dialogue: Dialogue) -> tuple[list[int], list[int]]:
        """Token ids with the image placeholder repeated, and labels."""
        tokens: list[int] = []
        labels: list[int] = []
        for text, is_answer in dialogue.segments:
            ids = self.ids(text)
            if self.image_id in ids:
                at = ids.index(self.image_id)
                ids = (
                    ids[:at]
                    + [self.image_id] * self.store.tokens(len(dialogue.photos))
                    + ids[at + 1 :]
                )
            tokens += ids
            labels += ids if is_answer else [IGNORED] * len(ids)
        return tokens, labels

    def __call__(self, dialogues: Sequence[Dialogue]) -> dict[str, torch.Tensor]:
        sequences = [self.sequence(dialogue) for dialogue in dialogues]
        longest = max(len(tokens) for tokens, _ in sequences)
        ids = torch.zeros(len(sequences), longest, dtype=torch.long)  # 0 is the padding token
        mask = torch.zeros_like(ids)
        labels = torch.full_like(ids, IGNORED)
        for row, (tokens, targets) in enumerate(sequences):
            ids[row, longest - len(tokens) :] = torch.tensor(tokens)
            mask[row, longest - len(tokens) :] = 1
            labels[row, longest - len(tokens) :] = torch.tensor(targets)
        batch = {"input_ids": ids, "attention_mask": mask, "labels": labels}
        shown = [dialogue.photos for dialogue in dialogues if dialogue.photos]
        if shown:
            batch["pixel_values"] = torch.cat([self.store.join(rows) for rows in shown])
            batch["image_grid_thw"] = torch.tensor([self.store.grid(len(rows)) for rows in shown])
            batch["mm_token_type_ids"] = (ids == self.image_id).int()
        return batch


def batches(
    instructor: Instructor, collator: Collator, size: int, bucket: int = 4
) -> Iterator[dict[str, torch.Tensor]]:
    """Endless batches; each ``bucket`` batches are cut from dialogues sorted by length."""
    while True:
        drawn = [instructor.dialogue() for _ in range(size * bucket)]
        drawn.sort(key=lambda dialogue: len(collator.sequence(dialogue)[0]))
        chunks = [drawn[start : start + size] for start in range(0, len(drawn), size)]
        instructor.random.shuffle(chunks)
        for chunk in chunks:
            yield collator(chunk)
