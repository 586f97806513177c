"""A model with its adapter, prompt and pooling as one folder that sentence-transformers loads."""
