"""States of an interrupted training: which one to go on from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_utils import get_last_checkpoint


def last_whole_state(folder: str | Path) -> str | None:
    """The newest state that was written to its end; half-written ones are deleted.

    The trainer writes ``trainer_state.json`` last, so a state that was killed in the middle has
    none, or none that can be read.
    """
    while Path(folder).is_dir() and (last := get_last_checkpoint(str(folder))):
        try:
            json.loads((Path(last) / TRAINER_STATE_NAME).read_text(encoding="utf-8"))
            return last
        except (OSError, ValueError):
            shutil.rmtree(last)
    return None
