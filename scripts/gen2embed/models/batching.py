"""Batches of similar items by token budget, within windows of rows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from gen2embed.models.planning import Planned


def batches_by_tokens(
    planned: Sequence[Planned], token_budget: int, window: int | None = None
) -> list[list[Planned]]:
    """Batches of similar items: sorted by image size and length, at most ``token_budget`` padded.

    A batch never reaches over the boundary of a window of ``window`` rows (None: all rows are
    one), so that whole windows can be encoded elsewhere, in the very same batches. The order
    depends on the items alone. An item longer than the budget is a batch of its own.
    """
    batches: list[list[Planned]] = []
    for _, rows in groupby(planned, key=lambda plan: plan.row // window if window else 0):
        of_window: list[list[Planned]] = []
        for plan in sorted(rows, key=lambda item: (item.image_size, item.tokens, item.row)):
            if of_window:
                batch = of_window[-1]
                longest = max(plan.tokens, *(item.tokens for item in batch))
                alike = batch[0].image_size == plan.image_size
                if alike and longest * (len(batch) + 1) <= token_budget:
                    batch.append(plan)
                    continue
            of_window.append([plan])
        batches += of_window
    return batches
