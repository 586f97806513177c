"""Some rows of a memory-mapped embedding matrix, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


class SideVectors:
    """The vectors of one side of a subset, numbered 0..n-1 in the order of their item ids.

    ``stored`` is float32 or float16 of shape (n_items, dim), as ``files.load_embeddings`` maps it;
    ``item_ids`` is int64, shape (n,), ascending but for queries that stand in for others' owners at
    the end. Neighbouring float32 rows are used where they lie.
    Others are copied once if that takes no more than ``resident_bytes``; if it takes more, they
    are read anew whenever they are asked for.
    """

    def __init__(self, stored: np.ndarray, item_ids: np.ndarray, resident_bytes: float):
        self.item_ids = np.asarray(item_ids, dtype=np.int64)
        self.dim = int(stored.shape[1])
        self.stored = np.asarray(stored)
        self._resident: np.ndarray | None = None
        first, last = int(self.item_ids[0]), int(self.item_ids[-1])
        side_by_side = bool((np.diff(self.item_ids) == 1).all())
        if side_by_side and stored.dtype == np.float32 and self.stored.flags.c_contiguous:
            self._resident = self.stored[first : last + 1]
        elif len(self.item_ids) * self.dim * 4 <= resident_bytes:
            self._resident = self._read(self.item_ids)

    def __len__(self) -> int:
        return len(self.item_ids)

    def _read(self, item_ids: np.ndarray) -> np.ndarray:
        return self.stored[item_ids].astype(np.float32, copy=False)

    def float32(self, rows: np.ndarray) -> np.ndarray:
        """Shape (len(rows), dim); exact, since float16 fits into float32."""
        if self._resident is not None:
            return self._resident[rows]
        return self._read(self.item_ids[rows])

    def float64(self, rows: np.ndarray) -> np.ndarray:
        """Shape (len(rows), dim); exact."""
        return self.float32(rows).astype(np.float64)

    def chunks(self, rows_at_once: int) -> Iterator[tuple[int, np.ndarray]]:
        """Yield (first row, float32 array) pieces that cover all rows in order.

        Rows that are already in memory come in one piece.
        """
        if self._resident is not None:
            yield 0, self._resident
            return
        for start in range(0, len(self), rows_at_once):
            yield start, self._read(self.item_ids[start : start + rows_at_once])
