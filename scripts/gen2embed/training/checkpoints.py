"""States of an interrupted training: which one to go on from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_utils import get_last_checkpoint


def last_whole_state(folder: str | Path, processes: int = 1) -> str | None:
    """The newest state that was written to its end; half-written ones are deleted.

    The trainer writes ``trainer_state.json`` last, so a state that was killed in the middle has
    none, or none that can be read; of several processes each also writes its random state.
    """
    while Path(folder).is_dir() and (last := get_last_checkpoint(str(folder))):
        try:
            json.loads((Path(last) / TRAINER_STATE_NAME).read_text(encoding="utf-8"))
            if processes == 1 or len(list(Path(last).glob("rng_state_*.pth"))) == processes:
                return last
        except (OSError, ValueError):
            pass
        shutil.rmtree(last)
    return None
