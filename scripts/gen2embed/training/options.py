"""Options of training that the paper does not have: one key each, off by default. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from gen2embed.errors import InputError
from gen2embed.settings import setting


@dataclass(frozen=True)
class LossOptions:
    """What ``contrastive_loss`` does besides InfoNCE; the fields are keys of ``train``."""

    hardness: float = 0.0
    mask_margin: float | None = None
    query_query: bool = False
    target_target: bool = False
    matryoshka: tuple[int, ...] = ()

    @classmethod
    def of(cls, flags: object) -> LossOptions:
        values = {field.name: getattr(flags, field.name) for field in fields(cls)}
        return cls(**values | {"matryoshka": tuple(values["matryoshka"])})

    def check(self, mask_duplicates: bool) -> None:
        """Raises InputError for terms that would push equal items apart."""
        if (self.query_query or self.target_target) and not mask_duplicates:
            name = "--query-query" if self.query_query else "--target-target"
            raise InputError(
                f"{name}: an item that stands twice in a batch would be its own negative; say "
                "--mask-duplicates"
            )


KEYS = (
    *(field.name for field in fields(LossOptions)),
    *("learn_temperature", "average", "validation_share", "patience", "soft_labels"),
)


def is_off(key: str, value: Any) -> bool:
    """Whether an option has the value that leaves training as the paper has it."""
    return value == setting("train", key).schema["default"]


def stated_options(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a training without the options that are off, so that a new one changes no job."""
    return {
        key: value for key, value in settings.items() if key not in KEYS or not is_off(key, value)
    }
