"""Names of a score's files: apart from the layout, whose imports scoring does not depend on."""

from __future__ import annotations

from pathlib import Path

SCORE_ENDINGS = ("json", "predictions.parquet")


def predictions_file(score: str | Path) -> Path:
    return Path(score).with_suffix(f".{SCORE_ENDINGS[1]}")
