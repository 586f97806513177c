"""From items to unit vectors: planned, batched, encoded, kept in blocks."""
