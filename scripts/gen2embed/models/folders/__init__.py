"""Model and adapter folders: weights, checksums, GGUF files, released models."""
