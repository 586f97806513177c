"""Fine-tuned adapters: PEFT folders merged into a backbone's weights."""

from __future__ import annotations

from typing import Any

from gen2embed.errors import InputError


def merge_adapter(model: Any, folder: str) -> Any:
    """The model with the LoRA or DoRA adapter of a PEFT folder merged in.

    Raises InputError when the folder holds no adapter or one of another shape.
    """
    from peft import PeftModel

    try:
        return PeftModel.from_pretrained(model, folder).merge_and_unload()
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).strip().split("\n")[0]
        raise InputError(f"{folder}: no adapter of this model ({reason})") from None
