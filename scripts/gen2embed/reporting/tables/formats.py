"""Precision@1 by the length of vectors and their number format, as it is read."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from gen2embed.evaluation import smaller
from gen2embed.reporting.tables.rendering import percent


def shown(frame: pd.DataFrame, index: Sequence[str], few: int) -> tuple[str, pd.DataFrame]:
    """What the table says, and the table: a line for each of ``index``, a column a format.

    frame: of ``score_formats``, with what else ``index`` names.
    """
    frame = frame.assign(
        cell=[percent(*row) for row in frame[["value", "ci_low", "ci_high"]].to_numpy()]
    )
    order = frame[list(index)].drop_duplicates()
    wide = frame.pivot(index=list(index), columns="precision", values="cell")
    wide = order.merge(wide[list(smaller.PRECISIONS)].reset_index(), on=list(index))
    caption = (
        "Precision@1 in percent over all rows, by the vectors' length and the targets' number "
        f"format; bits alone, and {few} of their best rescored by the query as it is; 95 % "
        "intervals over rows."
    )
    return caption, wide.rename_axis(columns=None)
