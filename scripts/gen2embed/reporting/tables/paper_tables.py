"""Tables of the map of the paper: each caption ends with the part that the table answers.

Apart from tables.py, since the doctor's tables come before every other stage: a word changed in
paper.csv must not embed and train anew.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from gen2embed.reporting.paper import answer
from gen2embed.reporting.tables.rendering import write_table


def write_paper_table(
    folder: str | Path, name: str, numbers: pd.DataFrame, shown: pd.DataFrame, caption: str
) -> None:
    """``write_table`` for a product of paper.csv."""
    write_table(folder, name, numbers, shown, f"{caption} {answer(name)}")
